"""Several writers at once, each in a thread and a connection of its own: nothing is lost and nothing fails.

On SQLite in a file, with Django's own settings for it: even those are enough, because who writes never reads first.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.store import NotFoundError
from django.db import IntegrityError, connections

from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread
from django_chatkit.server import database
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore
from django_chatkit.server.writing import WritableRows

from .conversation import a_file, a_thread, answered, said

pytestmark = pytest.mark.django_db(transaction=True)

#: As often as this each test does the same at the same time.
TIMES = 24


def close_threads() -> None:
    """End the threads and their connections, without which the test's database could not be deleted."""
    pool, all_here = database._threads(os.getpid()), threading.Barrier(database.THREADS)

    def close() -> None:
        all_here.wait(10)
        connections.close_all()

    for closed in [pool.submit(close) for _ in range(database.THREADS)]:
        closed.result()
    pool.shutdown()
    database._threads.cache_clear()


@pytest.fixture(autouse=True)
def everybodys(context: ChatKitContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's database as all threads can have it: SQLite's is moved from the memory into a file."""
    close_threads()
    memory = connections["default"]
    if memory.vendor == "sqlite":
        file = tmp_path / "everybodys.sqlite3"
        with closing(sqlite3.connect(file)) as copy:
            memory.connection.backup(copy)
        monkeypatch.setitem(connections.settings, "default", {**connections.settings["default"], "NAME": str(file)})
        connections["default"] = connections.create_connection("default")
    yield
    close_threads()
    if connections["default"] is not memory:
        connections["default"].close()
        connections["default"] = memory


@pytest.fixture
def at_once(context: ChatKitContext) -> Any:
    """Call methods of stores, each of another request, all at the same time. Errors are results."""

    async def run(*calls: tuple[Any, ...]) -> list[Any]:
        works = (getattr(DjangoStore(), name)(*arguments, context=context) for name, *arguments in calls)
        return await asyncio.gather(*works, return_exceptions=True)

    return async_to_sync(run)


@pytest.fixture
def kept(at_once: Any) -> Any:
    """One call after the other."""

    def call(name: str, *arguments: Any) -> Any:
        (result,) = at_once((name, *arguments))
        if isinstance(result, Exception):
            raise result
        return result

    return call


def test_items_added_to_one_thread(kept, at_once):
    kept("save_thread", a_thread())
    items = [said("Hello", f"msg_{number:02}") for number in range(TIMES)]
    assert at_once(*(("add_thread_item", "thr_1", item) for item in items)) == [None] * TIMES
    page = kept("load_thread_items", "thr_1", None, 100, "asc")
    assert sorted(page.data, key=lambda item: item.id) == items


def test_one_item_added_by_all(kept, at_once):
    kept("save_thread", a_thread())
    results = at_once(*(("add_thread_item", "thr_1", said(str(number))) for number in range(TIMES)))
    assert results.count(None) == 1
    assert [type(result) for result in results if result] == [IntegrityError] * (TIMES - 1)
    assert kept("load_item", "thr_1", "msg_1") == said(str(results.index(None)))


def test_one_item_saved_by_all(kept, at_once):
    kept("save_thread", a_thread())
    items = [answered(str(number)) for number in range(TIMES)]
    assert at_once(*(("save_item", "thr_1", item) for item in items)) == [None] * TIMES
    assert kept("load_item", "thr_1", "msg_2") in items
    assert ChatItem.objects.count() == 1


def test_a_draft_never_wins_over_what_is_finished(kept, at_once):
    kept("save_thread", a_thread())
    drafts = [("save_draft", "thr_1", answered("Hell")) for _ in range(TIMES)]
    results = at_once(*drafts, ("add_thread_item", "thr_1", answered("Hello")), *drafts)
    assert results == [None] * len(results)
    assert kept("load_item", "thr_1", "msg_2") == answered("Hello")


def test_one_new_thread_saved_by_all(kept, at_once):
    threads = [a_thread(title=str(number)) for number in range(TIMES)]
    assert at_once(*(("save_thread", thread) for thread in threads)) == [None] * TIMES
    assert kept("load_thread", "thr_1") in threads
    assert ChatThread.objects.count() == 1


def test_each_one_changes_something_of_one_thread(kept, context):
    kept("save_thread", a_thread(metadata={"old": 1}))

    async def note(number: int) -> None:
        store = DjangoStore()
        thread = await store.load_thread("thr_1", context)
        thread.metadata[f"key_{number}"] = number
        if number == 0:
            thread.title = "Titled"
        await asyncio.sleep(0.05)  # all have read it by now
        await store.save_thread(thread, context)

    async def all_of_them() -> None:
        await asyncio.gather(*map(note, range(TIMES)))

    async_to_sync(all_of_them)()
    thread = kept("load_thread", "thr_1")
    assert thread.metadata == {"old": 1, **{f"key_{number}": number for number in range(TIMES)}}
    assert thread.title == "Titled"


def test_a_thread_deleted_while_it_is_written_to(kept, at_once):
    """Whoever comes too late is told so, and leaves nothing behind."""
    kept("save_thread", a_thread())
    kept("add_thread_item", "thr_1", said("Hello", "first"))
    writes = [("add_thread_item", "thr_1", said("Hello", f"msg_{number}")) for number in range(TIMES)]
    rate = [("save_feedback", "thr_1", ["first"], "positive")]
    attach = [("save_attachment", a_file(f"atc_{number}", thread_id="thr_1")) for number in range(4)]
    results = at_once(*writes[:12], *rate, *attach[:2], ("delete_thread", "thr_1"), *attach[2:], *rate, *writes[12:])
    assert {type(result) for result in results} <= {type(None), ChatThread, NotFoundError}
    assert results[15] is None
    for model in (ChatThread, ChatItem, ChatFeedback, ChatAttachment):
        assert not model.objects.exists()


def test_feedback_of_one_item_by_all(kept, at_once):
    kept("save_thread", a_thread())
    kept("add_thread_item", "thr_1", said("Hello"))
    kinds = ["positive", "negative"] * (TIMES // 2)
    results = at_once(*(("save_feedback", "thr_1", ["msg_1"], kind) for kind in kinds))
    assert {type(result) for result in results} == {ChatThread}
    assert ChatFeedback.objects.get().kind in kinds


def test_one_attachment_saved_by_all(kept, at_once):
    assert at_once(*[("save_attachment", a_file())] * TIMES) == [None] * TIMES
    assert ChatAttachment.objects.count() == 1


def test_one_attachment_sent_in_all_threads(kept, at_once, monkeypatch):
    """Only one of them can have it, even if each takes its time between reading and writing."""
    look = WritableRows._locked_attachment

    def and_think(rows: WritableRows, attachment_id: str) -> Any:
        row = look(rows, attachment_id)
        time.sleep(0.03)
        return row

    monkeypatch.setattr(WritableRows, "_locked_attachment", and_think)
    for number in range(TIMES):
        kept("save_thread", a_thread(f"thr_{number}"))
    kept("save_attachment", a_file())
    results = at_once(*(("save_attachment", a_file(thread_id=f"thr_{number}")) for number in range(TIMES)))
    assert results.count(None) == 1
    assert {type(result) for result in results if result} == {ValueError}
    assert ChatAttachment.objects.get().thread.thread_id == f"thr_{results.index(None)}"


def test_connections_stay_few(kept, at_once):
    kept("save_thread", a_thread())
    assert at_once(*[("load_thread", "thr_1")] * 200) == [a_thread()] * 200
    assert len(database._threads(os.getpid())._threads) <= database.THREADS
