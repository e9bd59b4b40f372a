"""Sessions per second, of clients who each ask for the next one as soon as they have one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from tests.benchmarks.figures import Figure

from .trial import BY_HAND, CONTENDERS, OURS, Visit


def throughput(visit: Visit, cells: Iterable[tuple[float, int]], *, rounds: int, seconds: float) -> Iterator[Figure]:
    """Of each cell: an upstream's delay and a number of clients."""
    for delay, clients in cells:
        ours, rival = _rates(visit, delay, clients, rounds, seconds)
        yield rate_figure(visit.name, delay, clients, ours, rival)


def rate_figure(server: str, delay: float, clients: int, ours: float, rival: float) -> Figure:
    people = "1 client" if clients == 1 else f"{clients} clients"
    return Figure(
        f"{server}: {people}, upstream of {delay * 1000:.0f} ms", "throughput", ours, "/s", BY_HAND.name, rival
    )


def _rates(visit: Visit, delay: float, clients: int, rounds: int, seconds: float) -> tuple[float, float]:
    """Taking turns. With a slow upstream, one round is long enough."""
    rates: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    rounds, seconds = (rounds, seconds) if delay < seconds / 2 else (1, 4 * delay)
    for _ in range(rounds):
        for contender in CONTENDERS:
            outcome = visit.issue(contender, clients, delay, ramp=delay + 0.1, seconds=seconds)
            rates[contender.name].append(outcome.rate)
    return median(rates[OURS.name]), median(rates[BY_HAND.name])
