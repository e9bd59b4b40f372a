"""The database from async code: a few threads of our own, so that connections stay few however many streams are open.

Django's async ORM would hold a thread and a connection for as long as a stream lasts. Here only what is being read or
written this moment needs one, and ``THREADS`` of them serve hundreds of streams. Their connections stay open whatever
``CONN_MAX_AGE`` says, because no end of a request reaches them.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections, reset_queries

P = ParamSpec("P")
T = TypeVar("T")

#: Threads, and so connections to each database, of one process.
THREADS = 8
#: Seconds after which an idle connection is not trusted any more: servers restart, and firewalls drop what is silent.
IDLE = 5.0

#: Set by tests that run in a transaction, which no other thread can see: work then runs in the test's own thread.
in_this_thread = False

_last_use = threading.local()


async def in_database(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``work``, which may use the ORM and Django's cache, in one of the threads.

    Work that has begun is finished even if who waits for it is cancelled, and only then does ``CancelledError`` go on:
    what comes next never runs beside it. Work that has not begun by then never runs.
    """
    if in_this_thread:
        return await sync_to_async(work, thread_sensitive=True)(*args, **kwargs)
    job: Any = _Job()
    call = sync_to_async(_with_connections, thread_sensitive=False, executor=job)
    try:
        return cast(T, await call(partial(work, *args, **kwargs)))
    except asyncio.CancelledError:
        if not job.future.cancel():
            ended = asyncio.wrap_future(job.future)
            ended.add_done_callback(asyncio.Future.exception)  # or asyncio would log that nobody asked for it
            await asyncio.wait([ended])
        raise


class _Job:
    """The executor of one call, which it remembers. asgiref takes the caller's language, time zone and URL prefix along
    into the thread; but when the caller is cancelled it does not wait.
    """

    future: Future[Any]

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        self.future = _threads(os.getpid()).submit(call, *args)
        return self.future


@lru_cache(maxsize=1)
def _threads(_process: int) -> ThreadPoolExecutor:
    """Threads do not survive a fork, so each process has its own."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="django_chatkit")


async def without_connections_of_the_request() -> None:
    """Close what the site's middleware has opened for this request: Django would keep it for as long as a stream lasts,
    one connection for each.
    """
    await sync_to_async(_close_outside_transactions)()


def _close_outside_transactions() -> None:
    for connection in connections.all(initialized_only=True):
        if connection.autocommit:  # and so in no transaction
            with suppress(DatabaseError):
                connection.close()


def _with_connections(work: Callable[[], Any]) -> Any:
    """What Django does around a request, for work in a thread that no request ever ends in."""
    reset_queries()
    if time.monotonic() - getattr(_last_use, "at", 0.0) > IDLE:
        connections.close_all()
    try:
        return work()
    finally:
        _last_use.at = time.monotonic()
        for connection in connections.all(initialized_only=True):
            # After an error it may be broken, and a pool may have fewer connections than there are threads.
            if connection.errors_occurred or connection.settings_dict["OPTIONS"].get("pool"):
                connection.close()
