"""``expire_chatkit_sessions`` twice at once, killed at any point, while sessions are issued."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from django_chatkit import sessions
from django_chatkit.models import ChatSession
from tests.fake_openai import FakeOpenAI
from tests.records import ACTIVE, CANCELLED, EXPIRED, records

from .expiring import BATCH, Tidying
from .processes import PATIENCE

pytestmark = pytest.mark.services  # processes of its own, or time


@pytest.fixture
def sqlite_options() -> dict[str, Any]:
    """With a rollback journal, which is what Django has by default, and what whoever comes after a kill must mend."""
    return {"timeout": PATIENCE}


@pytest.fixture
def tidying(database: None, openai: FakeOpenAI) -> Iterator[Tidying]:
    with Tidying() as tidying:
        yield tidying


def test_killed_at_any_point(tidying: Tidying) -> None:
    """All that is stale is expired once, nothing else is, and every session that is asked for is issued."""
    for seed in range(4):
        assert tidying.round(seed) == [], f"seed {seed}"
    assert tidying.killed
    assert tidying.finished >= 8


def test_sessions_are_issued_between_batches(tidying: Tidying) -> None:
    """Nobody waits for the end of it: of many batches, those who want to write wait for one at most."""
    records(tidying.workflow, 600, lives=-60)
    records(tidying.workflow, 20)
    tidying.commander.tell(order="tidy", commands=[{"batch_size": BATCH, "dawdle": 0.005}])
    first = next(said for said in tidying.commander.hear("expired") if "expired" in said)
    tidying.issue(4)
    issued = tidying.issued()
    batches = [first, *(said for said in tidying.commander.hear("done") if "expired" in said)]
    assert [said["status"] for said in issued] == [201] * 4
    assert sum(len(said["expired"]) for said in batches) == 600
    assert issued[0]["ended"] < batches[-1]["at"]
    wait = max(said["ended"] - said["began"] for said in issued)
    batch = max(after["at"] - before["at"] for before, after in pairwise(batches))
    print(f"{len(batches)} batches, at most {batch:.3f} s apart; a session was issued in {wait:.3f} s at most")  # noqa: T201


def test_a_batch_in_hand(tidying: Tidying, openai: FakeOpenAI) -> None:
    """It is stopped in its transaction for as long as others like. SQLite's writers wait for it, nobody else does."""
    records(tidying.workflow, 50, lives=-60)
    fresh = records(tidying.workflow, 20)[0]
    openai.sessions[fresh.session_id] = {"client_secret": "ek_1"}
    tidying.commander.tell(order="tidy", commands=[{"batch_size": BATCH, "fate": "stopped", "where": 2}])
    list(tidying.commander.hear("stopped"))
    done = []

    def write() -> None:
        try:
            done.append(sessions.create_session(tidying.workflow, user_identifier="x").session)
            done.append(sessions.cancel_session(ChatSession.objects.get(session_id=fresh.session_id)))
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    if connection.features.has_select_for_update:
        writer.join(PATIENCE)
        assert [session.status for session in done] == [ACTIVE, CANCELLED]
        assert ChatSession.objects.filter(status=EXPIRED).count() == BATCH
    tidying.commander.tell(go_on=True)
    writer.join(PATIENCE)
    [tidying.noted(said) for said in tidying.commander.hear("done")]
    assert [session.status for session in done] == [ACTIVE, CANCELLED]
    assert ChatSession.objects.filter(status=EXPIRED).count() == 50
