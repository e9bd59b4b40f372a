"""The threads that use the database for async code: few, and their connections sound."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
import time
from functools import lru_cache

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone, translation

from django_chatkit.models import Workflow
from django_chatkit.server import database
from django_chatkit.server.database import THREADS, in_database


def close(gate):
    """Also connections to SQLite in memory, which Django leaves open."""
    gate.wait(10)
    for each in connections.all(initialized_only=True):
        BaseDatabaseWrapper.close(each)


@pytest.fixture
def fresh():
    """Threads of the test's own: no connection is left from another test, and none for the next one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "_threads", lru_cache(maxsize=1)(database._threads.__wrapped__))
        yield
        threads = database._threads(os.getpid())
        gate = threading.Barrier(threads._max_workers)
        closing = [threads.submit(close, gate) for _ in range(threads._max_workers)]
        threads.shutdown()
    for each in closing:
        each.result()


pytestmark = pytest.mark.usefixtures("fresh")


def everywhere(work):
    """Do ``work`` once in each thread."""
    gate = threading.Barrier(database.THREADS)

    async def run():
        return await asyncio.gather(*(in_database(lambda: (gate.wait(10), work())[1]) for _ in range(database.THREADS)))

    return async_to_sync(run)()


def once(work, *args, **kwargs):
    return async_to_sync(in_database)(work, *args, **kwargs)


# Threads


def test_work_gets_its_arguments_and_gives_its_result():
    assert once(lambda *args, **kwargs: (args, kwargs), 1, two=2) == ((1,), {"two": 2})


def test_what_is_raised_arrives():
    with pytest.raises(KeyError):
        once({}.__getitem__, "nothing")


def test_there_are_few_threads_and_none_is_the_callers():
    async def run():
        return await asyncio.gather(
            *(in_database(lambda: (time.sleep(0.001), threading.get_ident())) for _ in range(200))
        )

    used = {ident for _, ident in async_to_sync(run)()}
    assert len(used) <= THREADS
    assert threading.get_ident() not in used


def test_the_loop_goes_on_meanwhile():
    async def run():
        gate = threading.Event()
        waiting = asyncio.create_task(in_database(gate.wait, 10))
        await asyncio.sleep(0.05)
        gate.set()
        return await waiting

    assert async_to_sync(run)() is True


def test_the_callers_context_is_there():
    """Language and time zone among it, which the store and the site's hooks go by."""
    mark = contextvars.ContextVar("mark")

    async def run():
        mark.set("here")
        with translation.override("de"), timezone.override("Asia/Tokyo"):
            return await in_database(
                lambda: (mark.get(), translation.get_language(), timezone.get_current_timezone_name())
            )

    assert async_to_sync(run)() == ("here", "de", "Asia/Tokyo")


def test_a_process_that_was_forked_has_threads_of_its_own():
    """As the workers of gunicorn are, if something has used the threads before."""
    program = (
        "import asyncio, os, django\n"
        "django.setup()\n"
        "from django_chatkit.server.database import in_database\n"
        "async def run(): return await asyncio.wait_for(in_database(os.getpid), 10)\n"
        "assert asyncio.run(run()) == os.getpid()\n"
        "child = os.fork()\n"
        "if not child: os._exit(asyncio.run(run()) != os.getpid())\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


# Cancelled


def test_work_that_has_begun_is_finished_before_the_cancelled_caller_goes_on():
    """What comes next, a second attempt at the same row perhaps, must not run beside it."""
    begun, done = threading.Event(), []

    def work():
        begun.set()
        time.sleep(0.1)
        done.append(True)

    async def run():
        task = asyncio.create_task(in_database(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [True]

    async_to_sync(run)()


def test_work_that_has_begun_may_fail_unheard():
    begun = threading.Event()

    def work():
        begun.set()
        time.sleep(0.05)
        raise KeyError

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
        task = asyncio.create_task(in_database(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    unheard = []
    async_to_sync(run)()
    assert unheard == []


def test_who_is_cancelled_twice_waits_no_longer():
    begun, gate = threading.Event(), threading.Event()

    async def run():
        task = asyncio.create_task(in_database(lambda: (begun.set(), gate.wait(10))))
        await asyncio.to_thread(begun.wait)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.01)
        assert task.cancelled()
        gate.set()

    async_to_sync(run)()


def test_work_that_has_not_begun_never_runs():
    gate, done = threading.Event(), []

    async def run():
        busy = [asyncio.create_task(in_database(gate.wait, 10)) for _ in range(THREADS)]
        late = asyncio.create_task(in_database(done.append, True))
        await asyncio.sleep(0.05)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        gate.set()
        await asyncio.gather(*busy)

    async_to_sync(run)()
    everywhere(lambda: None)
    assert done == []


# Connections


@pytest.fixture
def committed(transactional_db):
    """The threads see what the test writes."""


def identity():
    connection.ensure_connection()
    return id(connection.connection)


def test_a_connection_is_kept_for_the_next_time(committed):
    first, second = everywhere(identity), everywhere(identity)
    assert sorted(first) == sorted(second)
    assert len(set(first)) == THREADS
    assert once(Workflow.objects.count) == 0


def test_what_is_written_is_committed(committed):
    once(Workflow.objects.create, slug="help", name="Help", backend="self_hosted", agent="echo")
    assert Workflow.objects.get().slug == "help"


@pytest.fixture
def in_one_thread(monkeypatch):
    """Work for the database, one after the other in the same thread."""
    monkeypatch.setattr(database, "THREADS", 1)
    database._threads.cache_clear()


def is_open():
    return connection.connection is not None


def connect():
    connection.ensure_connection()
    return is_open()


class Watched:
    """Closing is written down: of a database in memory, nothing else would show it."""

    def __init__(self, patched):
        self.patched = patched
        self.closed = []
        patched.setattr(type(connections["default"]), "close", lambda connection: self.closed.append(connection.alias))


@pytest.fixture
def watched(in_one_thread, transactional_db):
    with pytest.MonkeyPatch.context() as patched:  # undone before ``fresh`` really closes
        yield Watched(patched)


def test_after_an_error_of_the_database_the_connection_is_given_up(watched):
    def fail():
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")

    with pytest.raises(Exception, match="nowhere"):
        once(fail)
    assert watched.closed == ["default"]


def test_even_if_somebody_has_caught_it(watched):
    def fail():
        try:
            with connection.wrap_database_errors:
                raise connection.Database.OperationalError("gone")
        except OperationalError:
            return "caught"

    assert once(fail) == "caught"
    assert watched.closed == ["default"]


def test_a_broken_rule_does_not_break_the_connection(watched):
    def fail():
        with connection.wrap_database_errors:
            raise connection.Database.IntegrityError("twice")

    once(connect)
    with pytest.raises(IntegrityError):
        once(fail)
    with pytest.raises(KeyError):
        once({}.__getitem__, "nothing")
    assert watched.closed == []


def test_an_idle_connection_is_not_trusted(watched, monkeypatch):
    once(connect)
    once(connect)
    assert watched.closed == []
    monkeypatch.setattr(database, "IDLE", 0.01)
    time.sleep(0.02)
    once(connect)
    assert watched.closed == ["default"]


def test_a_pools_connection_goes_back_at_once(watched):
    """A pool may have fewer connections than there are threads."""
    once(connect)
    assert watched.closed == []
    watched.patched.setitem(connections.settings["default"]["OPTIONS"], "pool", True)
    once(is_open)
    assert watched.closed == ["default"]


def test_queries_are_not_collected_while_developing(watched, settings):
    settings.DEBUG = True

    def query():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return len(connection.queries_log)

    once(connect)
    assert [once(query) for _ in range(3)] == [1, 1, 1]
