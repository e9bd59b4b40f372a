"""Threads are deleted while answers are written into them, each side in connections of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from chatkit.store import NotFoundError
from django.db import connections

from django_chatkit import sessions
from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread

from .conversation import a_file, a_thread, said
from .test_store_writers import at_once, everybodys, kept  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, WRITES = 4, 40


def dawdle(execute: Any, *statement: Any) -> Any:
    """Take one's time before each statement, so that those of the writers come in between."""
    time.sleep(0.01)
    return execute(*statement)


def slowly(delete: Callable[[], sessions.Purge]) -> sessions.Purge:
    connection = connections["default"]
    try:
        with connection.execute_wrapper(dawdle):
            return delete()
    finally:
        connection.close()


def delete_all() -> sessions.Purge:
    return sessions.delete_threads(ChatThread.objects.all())


def purge_all() -> sessions.Purge:
    return sessions.purge_threads(older_than=timedelta(0), batch_size=3)


@pytest.mark.parametrize("delete", [delete_all, purge_all])
def test_nobody_fails_and_nothing_is_left_behind(kept: Any, at_once: Any, delete: Any) -> None:  # noqa: F811
    """Who comes too late is told that the thread is gone; a thread that was used first may stay, and is whole."""
    names = [f"thr_{number}" for number in range(THREADS)]
    for name in names:
        kept("save_thread", a_thread(name))
        kept("add_thread_item", name, said("Hello", "first"))
        kept("save_attachment", a_file(f"atc_{name}", thread_id=name))
    writes = [("add_thread_item", names[number % THREADS], said("Hello", f"m{number}")) for number in range(WRITES)]
    rates = [("save_feedback", name, ["first"], "positive") for name in names]
    with ThreadPoolExecutor(1) as others:
        deleting = others.submit(slowly, delete)
        results = at_once(*writes[:20], *rates, *writes[20:])
        purge = deleting.result()
    assert {type(result) for result in results} <= {type(None), ChatThread, NotFoundError}
    left = set(ChatThread.objects.values_list("thread_id", flat=True))
    assert purge.threads == THREADS - len(left)
    assert delete is purge_all or not left
    added = [call[1] for call, result in zip(writes, results[:20] + results[-20:], strict=True) if result is None]
    assert ChatItem.objects.count() == len(left) + sum(name in left for name in added)
    assert ChatAttachment.objects.count() == len(left)
    assert ChatFeedback.objects.count() == sum(
        isinstance(result, ChatThread) and result.thread_id in left for result in results[20 : 20 + THREADS]
    )
