"""How the database finds what the store looks for: the plan of every statement that it really runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from django_chatkit.models import ChatAttachment, ChatItem, ChatThread
from django_chatkit.server.context import ChatKitContext

from .conversation import NOW, Kept, a_file, a_thread, answered

#: MariaDB commits when it analyzes a table, so no test can run inside a transaction here.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("inline")]

MINE, ALL = 1500, 6000
TABLES = [model._meta.db_table for model in (ChatThread, ChatItem, ChatAttachment)]
READS_ALL = {"sqlite": "SCAN ", "postgresql": "Seq Scan on "}
SORTS = {"sqlite": "TEMP B-TREE", "postgresql": "Sort", "mysql": "filesort"}


@pytest.fixture
def kept(context: ChatKitContext) -> Kept:
    """An owner of many threads among the few of each of many others; a long thread among others."""
    session = context.session
    moments = [(NOW + timedelta(seconds=number)).astimezone() for number in range(ALL)]
    owners = [session.user_key if number < MINE else f"{number // 10:064}" for number in range(ALL)]
    thread, item, file = a_thread().model_dump_json(), answered("Hello").model_dump_json(), a_file().model_dump_json()
    rows = list(enumerate(zip(owners, moments, strict=True)))
    given = {"workflow": session.workflow, "payload": thread}
    ChatThread.objects.bulk_create(
        ChatThread(thread_id=f"thr_{number}", user_key=owner, created_at=moment, **given)
        for number, (owner, moment) in rows
    )
    long, *others = ChatThread.objects.order_by("pk").values_list("pk", flat=True)[:101]
    threads = [long if number < MINE else others[number % 100] for number in range(ALL)]
    ChatItem.objects.bulk_create(
        ChatItem(thread_id=threads[number], item_id=f"msg_{number}", payload=item, created_at=moment)
        for number, (_owner, moment) in rows
    )
    given["payload"] = file
    ChatAttachment.objects.bulk_create(
        ChatAttachment(attachment_id=f"atc_{number}", user_key=owner, created_at=moment, **given)
        for number, (owner, moment) in rows
    )
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE TABLE {table}" if connection.vendor == "mysql" else f"ANALYZE {table}")
    return Kept(context)


@contextmanager
def plans() -> Iterator[list[str]]:
    """The plan of each statement, made just before it runs; a line for each table or step."""
    found: list[str] = []

    def explain(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            with connection.cursor() as cursor:
                cursor.cursor.execute(
                    ("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql, params
                )
                found.append("\n".join([sql, *(" ".join(map(str, row)) for row in cursor.fetchall())]))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(explain):
        yield found


def reads_all(plan: str) -> bool:
    lines = plan.splitlines()[1:]
    if connection.vendor == "mysql":  # id, kind of select, table, how it is read, …
        return any(words[3] in ("ALL", "index") for line in lines if len(words := line.split()) > 3)
    return any(READS_ALL[connection.vendor] in line for line in lines)


PAGES = {
    "chatkit_thread_pages": [
        ("load_threads", 20, None, "desc"),
        ("load_threads", 20, None, "asc"),
        ("load_threads", 20, "thr_700", "desc"),
        ("load_threads", 20, "thr_700", "asc"),
    ],
    "chatkit_item_pages": [
        ("load_thread_items", "thr_0", None, 20, "desc"),
        ("load_thread_items", "thr_0", None, 20, "asc"),
        ("load_thread_items", "thr_0", "msg_700", 20, "desc"),
        ("load_thread_items", "thr_0", "msg_700", 20, "asc"),
    ],
}


def test_pages_are_read_from_their_index(kept):
    for index, calls in PAGES.items():
        for name, *arguments in calls:
            with plans() as found:
                assert len(getattr(kept, name)(*arguments).data) == 20
            assert index in found[-1], found[-1]
            for plan in found:
                assert not reads_all(plan), plan
            # PostgreSQL thinks that few rows are left beyond a cursor, and then likes to sort those.
            if arguments[1] is None or connection.vendor != "postgresql":
                assert SORTS[connection.vendor] not in found[-1], found[-1]


def test_rows_are_found_by_their_ids(kept):
    file = a_file("atc_7", thread_id="thr_7")
    with plans() as found:
        kept.load_thread("thr_7")
        kept.load_item("thr_0", "msg_7")
        kept.load_attachment("atc_7")
        kept.require_attachments(["atc_7", "atc_8"])
        kept.save_thread(a_thread("thr_7", title="New"))
        kept.add_thread_item("thr_0", answered("Hello", "new"))
        kept.save_item("thr_0", answered("Hello", "msg_7"))
        kept.save_attachment(file)
        kept.save_feedback("thr_0", ["msg_7", "msg_8"], "positive")
        kept.delete_thread_item("thr_0", "msg_7")
        kept.delete_attachment("atc_7")
        kept.delete_thread("thr_7")
    assert len(found) > 20
    for plan in found:
        assert not reads_all(plan) or "chatfeedback" in plan, plan


def test_the_history_limit_looks_at_recent_threads_only(kept):
    kept.context.session.chatkit_configuration["history"]["recent_threads"] = 50
    with plans() as found:
        assert kept.load_thread(f"thr_{MINE - 50}")
        assert len(kept.load_threads(20, f"thr_{MINE - 20}", "desc").data) == 20
        assert len(kept.load_threads(100, None, "asc").data) == 50
        assert kept.load_thread_items(f"thr_{MINE - 1}", None, 20, "asc").data == []
    for plan in found:
        assert not reads_all(plan), plan
