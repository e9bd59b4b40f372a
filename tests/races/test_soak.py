"""The same for as long as ``SOAK_SECONDS`` says (120), from a random seed or from ``SOAK_SEED``."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.fake_openai import FakeOpenAI

from .endings import Game
from .expiring import Tidying

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("database")]


def seeds() -> Iterator[int]:
    """One after the other until time is up; with ``-s``, they are seen."""
    end = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "120"))
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**9))
    first = seed
    while seed == first or time.monotonic() < end:
        yield seed
        seed += 1
    print(f"{seed - first} rounds, seeds {first} to {seed - 1}")  # noqa: T201


def test_every_session_ends_once(openai: FakeOpenAI) -> None:
    with Game(openai) as game:
        for seed in seeds():
            game.play(seed)
            assert game.problems() == [], f"SOAK_SEED={seed}"


def test_killed_at_any_point(openai: FakeOpenAI) -> None:
    with Tidying() as tidying:
        for seed in seeds():
            assert tidying.round(seed) == [], f"SOAK_SEED={seed}"
        print(f"{tidying.killed} commands killed, {tidying.finished} finished")  # noqa: T201
