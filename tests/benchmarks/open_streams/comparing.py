"""Both servers side by side, and how large the crowd is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.server.attacks.attacked import allow_descriptors

from ..figures import Figure
from .crowd import Plan
from .results import Rounds, figures
from .rounds import play
from .servers import FastAPIServer, OurServer

FULL = Plan(clients=500, seconds=12, pause=0.5, warming=50, probes=10)
QUICK = Plan(clients=50, seconds=1, pause=0.2, warming=10, probes=3)


def compared(*, quick: bool) -> Iterator[Figure]:
    """One worker each; both are up all the time, and take turns."""
    plan = QUICK if quick else FULL
    allow_descriptors()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = os.environ["BENCHMARK_DATABASE"]
        ours = stack.enter_context(OurServer(database, folder, plan.clients + 1))
        theirs = stack.enter_context(FastAPIServer(database, folder))
        heard = Rounds(), Rounds()
        for server, rounds in zip((ours, theirs), heard, strict=True):
            rounds.begin(server, plan)
        for _ in range(1 if quick else 2):
            for server, rounds in zip((ours, theirs), heard, strict=True):
                rounds.add(play(server, plan))
        yield from figures(*heard, plan)
