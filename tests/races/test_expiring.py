"""``expire_chatkit_sessions`` twice at once, killed at any point, while sessions are issued."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from django_chatkit import sessions
from django_chatkit.models import ChatSession
from django_chatkit.signals import sessions_expired
from tests.callers import a_workflow
from tests.fake_openai import FakeOpenAI
from tests.records import ACTIVE, CANCELLED, EXPIRED, records

from .expiring import BATCH, Tidying
from .processes import PATIENCE

pytestmark = pytest.mark.services  # processes of its own, or time

#: So many that the command is not done before a slow machine has issued a session.
STALE = 2000


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
    """Nobody waits for the end of it: its transactions are short, and sessions are issued between two of them."""
    records(tidying.workflow, STALE, lives=-60)
    records(tidying.workflow, 20)
    tidying.issue(1)  # what is done once only, with the first request of a process
    assert tidying.not_issued() == []
    tidying.commander.tell(order="tidy", commands=[{"batch_size": BATCH, "dawdle": 0.005}])
    first = next(said for said in tidying.commander.hear("expired") if "expired" in said)
    tidying.issue(4)
    issued = tidying.issued()
    batches = [first, *(said for said in tidying.commander.hear("done") if "expired" in said)]
    assert [said["status"] for said in issued] == [201] * 4
    assert sum(len(said["expired"]) for said in batches) == STALE
    assert [said for said in batches if len(said["expired"]) > BATCH] == []
    assert issued[0]["ended"] < batches[-1]["at"]
    meanwhile = [sum(said["began"] <= batch["at"] <= said["ended"] for batch in batches) for said in issued]
    batch = max(after["at"] - before["at"] for before, after in pairwise(batches))
    print(f"{len(batches)} batches, at most {batch:.3f} s apart; while a session was issued: {meanwhile}")  # noqa: T201


def test_it_is_told_after_the_commit(database: None) -> None:
    """Whoever hears of a batch may begin a transaction, and others see what it is about: this batch, and no other."""
    records(a_workflow(), BATCH * 2 + 5, lives=-60)
    heard: list[tuple[bool, set[str], int]] = []

    def look(ids: list[int], **_: Any) -> None:
        with ThreadPoolExecutor(1) as another:
            heard.append((connection.in_atomic_block, *another.submit(seen_by_another, ids).result(PATIENCE)))

    sessions_expired.connect(look)
    try:
        assert sessions.expire_sessions(batch_size=BATCH) == BATCH * 2 + 5
    finally:
        sessions_expired.disconnect(look)
    assert heard == [(False, {EXPIRED}, count) for count in (BATCH, BATCH * 2, BATCH * 2 + 5)]


def seen_by_another(ids: list[int]) -> tuple[set[str], int]:
    """In a thread, which has a connection of its own: the statuses of these, and how many have expired in all."""
    try:
        statuses = set(ChatSession.objects.filter(pk__in=ids).values_list("status", flat=True))
        return statuses, ChatSession.objects.filter(status=EXPIRED).count()
    finally:
        connection.close()


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
