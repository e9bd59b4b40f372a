"""Cancel against expire against reuse against logout."""

from __future__ import annotations

import pytest

from tests.fake_openai import FakeOpenAI

from .endings import Game

pytestmark = pytest.mark.services  # processes of its own, or time


@pytest.mark.usefixtures("database")
def test_every_session_ends_once(openai: FakeOpenAI) -> None:
    """And is announced once, and is never otherwise afterwards; what is cancelled is not handed out again."""
    with Game(openai) as game:
        for seed in range(3):
            game.play(seed)
            assert game.problems() == [], f"seed {seed}"
    ends = {said["job"]["act"] for said in game.done}
    assert ends == {"cancel", "reuse", "expire", "log out"}
    assert game.cancelled
    assert game.expired
