"""What is measured on which server."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.figures import Figure

from . import setups
from .people import DELAYS
from .slowness import Press, beside_default, beside_idle, beside_rival
from .throughput import throughput
from .trial import BY_HAND, MANY, OURS, Trial, trial

NONE, SOME, SLOW = DELAYS
PRESS = Press(MANY, SLOW, pages=40)
#: All but the press itself.
CELLS = [(delay, clients) for delay in DELAYS for clients in (1, 8, MANY)][:-1]


def little() -> Iterator[Figure]:
    """In seconds."""
    with trial() as running, running.on(setups.THREADS_WITH_FEW) as visit:
        yield from throughput(visit, [(NONE, 8), (SOME, 8)], rounds=1, seconds=0.4)
        yield from beside_rival(visit, Press(16, SOME, pages=10))[1]


def everything() -> Iterator[Figure]:
    with trial() as running:
        default: list[float] = []
        yield from _default(running, default)
        for server in (setups.THREADS, setups.ASGI):
            with running.on(server) as visit:
                idle = visit.look(PRESS.pages)
                yield from throughput(visit, CELLS, rounds=2, seconds=1)
                ours, figures = beside_rival(visit, PRESS)
                yield from [*figures, *beside_idle(visit, PRESS, idle, ours.pages)]
                yield from beside_default(visit, PRESS, ours.pages, default)
        for server in (setups.THREADS_WITH_FEW, setups.ASGI_WITH_FEW):
            with running.on(server) as visit:
                yield from beside_rival(visit, PRESS)[1]
        yield _pool(running)


def _default(running: Trial, pages: list[float]) -> Iterator[Figure]:
    """``pages`` are filled with their seconds. Who waits for a session here, waits longer than we do."""
    with running.on(setups.DEFAULT) as visit:
        idle = visit.look(PRESS.pages)
        yield from throughput(visit, CELLS, rounds=2, seconds=1)
        ours = PRESS.on(visit, OURS, leave=True)
    pages += ours.pages
    with running.on(setups.DEFAULT) as visit:
        yield PRESS.rates(visit, ours, PRESS.on(visit, BY_HAND, looking=False, leave=True))
        yield from beside_idle(visit, PRESS, idle, ours.pages)


def _pool(running: Trial) -> Figure:
    """What a pool brings under ASGI."""
    rates = {}
    for server in (setups.ASGI, setups.ASGI_WITHOUT_POOL):
        with running.on(server) as visit:
            rates[server] = visit.issue(OURS, 8, NONE, ramp=0.1, seconds=2).rate
    (server, ours), (other, theirs) = rates.items()
    what = f"{server.name}: 8 clients, upstream of 0 ms"
    return Figure(what, "throughput", ours, "/s", other.name, theirs)
