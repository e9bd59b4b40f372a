"""How the database finds what is purged, deleted and looked for: no statement reads a whole table of conversations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import InMemoryStorage
from django.db import connection
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.admin.lists import exact_matches
from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread

from .callers import a_workflow
from .conversations import key_of
from .test_purge_chatkit_threads import use
from .test_sessions_plans import line

MANY = 20_000
OLD = 20
TABLES = [model._meta.db_table for model in (ChatThread, ChatItem, ChatAttachment, ChatFeedback)]
#: SQLite calls a walk along an index, which may stop early, a scan, too.
READS_ALL = {
    "sqlite": ("SCAN {}\n", "SCAN {} USING COVERING INDEX"),
    "postgresql": ("Seq Scan on {} ",),
    "mysql": ("ALL of {} ",),
}

#: MariaDB commits when it analyzes a table, so no test can run inside a transaction here.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def conversations(settings):
    """``OLD`` of ``MANY`` threads are old, each with two items, a rating and an attachment; as many were never sent."""
    use(settings, InMemoryStorage)
    workflow, now = a_workflow(backend="self_hosted", agent="a", workflow_id=""), timezone.now()
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(500))
    moments = [now - timedelta(days=40 if number < OLD else 1, seconds=number) for number in range(MANY)]
    owners = [{"user_key": key_of(f"id{number % 500}")} for number in range(MANY)]
    threads = ChatThread.objects.bulk_create(
        ChatThread(
            thread_id=f"thr_{number}",
            workflow=workflow,
            user=users[number % 500],
            user_identifier=f"id{number % 500}",
            payload="{}",
            updated_at=moment,
            **owners[number],
        )
        for number, moment in enumerate(moments)
    )
    items = [ChatItem(thread=thread, item_id=f"i{number}", payload="{}") for thread in threads for number in range(2)]
    rated = ChatItem.objects.bulk_create(items)[::2]
    ChatFeedback.objects.bulk_create(ChatFeedback(item=item, kind="positive") for item in rated)
    ChatAttachment.objects.bulk_create(
        ChatAttachment(
            attachment_id=f"a{number}-{sent}",
            workflow=workflow,
            thread=threads[number] if sent else None,
            created_at=moments[number],
            **owners[number],
        )
        for number in range(MANY)
        for sent in (True, False)
    )
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE TABLE {table}" if connection.vendor == "mysql" else f"ANALYZE {table}")


@contextmanager
def plans() -> Iterator[list[tuple[str, str]]]:
    """The plan of each statement on these tables, made just before it runs."""
    found: list[tuple[str, str]] = []

    def explain(execute, sql, params, many, context):
        if any(table in sql for table in TABLES):
            with connection.cursor() as cursor:
                cursor.cursor.execute(
                    ("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql, params
                )
                found.append((sql, "\n".join(line(row) for row in cursor.fetchall())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found
    assert found
    for sql, plan in found:
        wholly = [words.format(table) for words in READS_ALL[connection.vendor] for table in TABLES]
        assert not any(words in f"{plan}\n" for words in wholly), f"{sql[:300]}\n{plan}"


def test_the_purge():
    with plans() as found:
        purge = sessions.purge_threads(older_than=timedelta(days=30))
    assert (purge.threads, purge.items, purge.attachments) == (OLD, 2 * OLD, 2 * OLD)
    walks = [plan for sql, plan in found if "ORDER BY" in sql and "LIMIT" in sql]
    assert "chatkit_thread_updated" in walks[0]
    assert all("chatkit_attachment_orphans" in plan for plan in walks[1:])


def test_everything_of_one_user():
    person = sessions.person_of(User.objects.get(username="user7"))
    seen = sessions.found(person)
    with plans():
        done = sessions.forget(person)
    assert done.failures == []
    for counted in (seen, done):
        assert (counted.threads, counted.items, counted.attachments) == (MANY // 500, MANY // 250, MANY // 250)


def test_the_list_of_the_admin_and_its_search():
    newest_first = ChatThread.objects.order_by("-updated_at", "-id")
    with plans() as found:
        assert len(newest_first[:100]) == 100
        for term, count in {"thr_777": 1, "user7": MANY // 500, "id7": MANY // 500}.items():
            assert len(exact_matches(newest_first, "thread_id", term)[:100]) == count
    assert "chatkit_thread_updated" in found[0][1]
