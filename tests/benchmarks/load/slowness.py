"""What a slow upstream does to the other pages of a site, by its server and its pool of connections."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.figures import Figure, Goal, at_most

from .crowd import Outcome
from .throughput import rate_figure
from .trial import BY_HAND, OURS, Contender, Visit


@dataclass(frozen=True)
class Press:
    """So many clients want sessions of an upstream that takes so long; ``pages`` are looked at meanwhile."""

    clients: int
    delay: float
    pages: int

    def on(self, visit: Visit, contender: Contender, *, looking: bool = True, leave: bool = False) -> Outcome:
        """``leave``: see ``Job``; nothing else can be measured on this server afterwards."""
        pages = self.pages if looking else 0
        return visit.issue(
            contender, self.clients, self.delay,
            ramp=self.delay + 0.1, seconds=4 * self.delay, pages=pages, leave=leave,
        )  # fmt: skip

    def rates(self, visit: Visit, ours: Outcome, rival: Outcome) -> Figure:
        return rate_figure(visit.name, self.delay, self.clients, ours.rate, rival.rate)

    def pages_beside(
        self, visit: Visit, ours: list[float], rival: str, theirs: list[float], *, p: int, goal: Goal | None = None
    ) -> Figure:
        what = f"{visit.name}: {self.clients} clients, upstream of {self.delay * 1000:.0f} ms"
        return Figure(what, f"ordinary page, p{p}", _percentile(ours, p), "ms", rival, _percentile(theirs, p), goal)


def _percentile(seconds: list[float], p: int) -> float:
    """In milliseconds."""
    return sorted(seconds)[math.ceil(p / 100 * len(seconds)) - 1] * 1000


def beside_idle(visit: Visit, press: Press, idle: list[float], pages: list[float]) -> Iterator[Figure]:
    for p in (50, 99):
        yield press.pages_beside(visit, pages, "an idle site", idle, p=p)


def beside_default(visit: Visit, press: Press, pages: list[float], default: list[float]) -> Iterator[Figure]:
    """What a recommended server brings."""
    for p in (50, 99):
        yield press.pages_beside(visit, pages, "gunicorn", default, p=p, goal=at_most(0.1))


def beside_rival(visit: Visit, press: Press) -> tuple[Outcome, list[Figure]]:
    """Ours, and the figures beside the view by hand on the same server."""
    ours, rival = press.on(visit, OURS), press.on(visit, BY_HAND)
    pages = press.pages_beside(visit, ours.pages, BY_HAND.name, rival.pages, p=99)
    return ours, [press.rates(visit, ours, rival), pages]
