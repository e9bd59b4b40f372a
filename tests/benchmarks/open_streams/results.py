"""What the rounds say, as figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from django_chatkit.server.database import THREADS

from ..figures import Figure, at_least, at_most
from .crowd import Crowd, Plan
from .rounds import Round, first_event, page
from .servers import Contender

RIVAL = "the SDK in FastAPI, in memory"


@dataclass
class Rounds:
    """Of one server: what it had and took while it was warm and nobody listened, then round by round."""

    memory: int = 0
    probe: float = 0.0
    page: float = 0.0
    rounds: list[Round] = field(default_factory=list)

    def begin(self, server: Contender, plan: Plan) -> None:
        """Let it import, connect and start all that it will need for anybody."""
        asyncio.run(Crowd(server, plan.warming, 0.01, Path(__file__)).listen())
        self.probe, self.page = asyncio.run(_at_rest(server, plan))
        self.memory = server.memory

    def add(self, round_: Round) -> None:
        self.rounds.append(round_)

    def median(self, figure: Callable[[Round], float]) -> float:
        return median(map(figure, self.rounds))


async def _at_rest(server: Contender, plan: Plan) -> tuple[float, float]:
    probes = [await first_event(server, plan.clients if server.secrets else 0) for _ in range(plan.probes)]
    pages = [await page(server) for _ in range(plan.probes)]
    return median(probes), median(pages)


def figures(ours: Rounds, theirs: Rounds, plan: Plan) -> Iterator[Figure]:
    crowd = f"{plan.clients} streams"
    yield _memory(crowd, ours, theirs, plan)
    most = max(each.connections for each in ours.rounds)
    note = "the threads of the app, and an ordinary page"
    yield Figure(crowd, "connections to the database, at most", most, "", goal=at_most(THREADS + 1), note=note)
    lost = sum(each.lost for each in ours.rounds)
    yield Figure(crowd, "answers not heard or not stored in full", lost, "", goal=at_most(0))

    def against(measure: str, unit: str, of: Callable[[Round], float], note: str = "") -> Figure:
        return Figure(crowd, measure, ours.median(of), unit, RIVAL, theirs.median(of), note=note)

    fair, note = "words of the slowest stream, to those of the median", f"theirs: {theirs.median(_fairness):.2f}"
    yield Figure(crowd, fair, ours.median(_fairness), "", goal=at_least(0.8), note=note)
    threads = max(each.threads for each in ours.rounds)
    yield Figure(crowd, "threads of the worker", threads, "", goal=at_most(THREADS + 4), note="while all listen")
    yield against("longest time between two words", "s", _gap, f"the agent pauses for {plan.pause} s")
    yield against("all have heard a word", "s", _opening, "after all have asked at once")
    yield against("CPU per word", "µs", _cpu, "of whole conversations")
    yield against("first event of one more client", "ms", _probe)
    yield Figure(crowd, "the same", ours.median(_probe), "ms", "nobody else there", 1000 * ours.probe)
    yield Figure(crowd, "an ordinary page", ours.median(_page), "ms", "nobody else there", 1000 * ours.page)


def _memory(crowd: str, ours: Rounds, theirs: Rounds, plan: Plan) -> Figure:
    """Of the first round: later ones have room left from it."""
    mine, other = ((each.rounds[0].memory - each.memory) / plan.clients / 1024 for each in (ours, theirs))
    note = "resident, the most, above a warm worker at rest"
    return Figure(crowd, "memory per stream", mine, "KiB", RIVAL, other, at_most(2), note)


def _together(each: Round) -> list[list[float]]:
    """When each of them heard a word, as long as all were there."""
    start, end = each.together
    return [[moment for moment in one.word_times if start <= moment <= end] for one in each.listeners]


def _fairness(each: Round) -> float:
    """By the time between words: their number would be one more or one less by chance."""
    pauses = [(heard[-1] - heard[0]) / (len(heard) - 1) for heard in _together(each)]
    return median(pauses) / max(pauses)


def _gap(each: Round) -> float:
    return max(later - earlier for heard in _together(each) for earlier, later in pairwise(heard))


def _opening(each: Round) -> float:
    return max(one.word_times[0] for one in each.listeners) - min(one.asked_at for one in each.listeners)


def _cpu(each: Round) -> float:
    return 1e6 * each.cpu / sum(len(one.word_times) for one in each.listeners)


def _probe(each: Round) -> float:
    return 1000 * median(each.probes)


def _page(each: Round) -> float:
    return 1000 * median(each.pages)
