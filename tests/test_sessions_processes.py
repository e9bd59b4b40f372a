"""Several processes on one database, and processes that are killed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.models import ChatSession
from django_chatkit.signals import sessions_expired

from .callers import a_workflow
from .records import ACTIVE, CANCELLED, EXPIRED, heard, records

pytestmark = pytest.mark.django_db(transaction=True)


class Worker:
    """A process of ``tests.worker``."""

    def __init__(self, database: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.worker", *map(str, arguments)],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.worker_settings", "TEST_DATABASE": database},
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self):
        return json.loads(self._process.stdout.readline())

    def ready(self):
        assert self.read() == {"ready": True}

    def start(self):
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self):
        self._process.kill()

    def result(self):
        """All that it said since, after its end. An exception in it fails the test."""
        said, _ = self._process.communicate(timeout=60)
        assert self._process.returncode in (0, -9)
        return [json.loads(line) for line in said.splitlines() if line.endswith("}")]


class Shared:
    """The database of the test as others can reach it: on a server under its name, or copied into a file."""

    def __init__(self, folder):
        self.path = folder / "shared.sqlite3"
        self.in_memory = connection.vendor == "sqlite"
        self.name = str(self.path) if self.in_memory else connection.settings_dict["NAME"]

    def hand_over(self):
        if self.in_memory:
            with closing(sqlite3.connect(self.path)) as copy:
                connection.connection.backup(copy)

    def take_back(self):
        if self.in_memory:
            with closing(sqlite3.connect(self.path)) as copy:
                copy.backup(connection.connection)


@pytest.fixture
def at_once(tmp_path):
    """Run workers at the same time on the database as it is, and see their effects afterwards."""
    shared = Shared(tmp_path)

    def run(*works, while_running=lambda workers: None):
        shared.hand_over()
        workers = [Worker(shared.name, *work) for work in works]
        for worker in workers:
            worker.ready()
        for worker in workers:
            worker.start()
        while_running(workers)
        results = [worker.result() for worker in workers]
        shared.take_back()
        return results

    return run


def announced(said):
    return [pk for words in said for pk in words.get("ids", ())]


def total(word, *results):
    return sum(words.get(word, 0) for said in results for words in said)


def statuses(keys):
    return set(ChatSession.objects.filter(pk__in=keys).values_list("status", flat=True))


def keys(rows):
    return {row.pk for row in rows}


def test_two_at_once_while_sessions_are_issued(at_once):
    """Each stale session is expired by one of them and announced once, each old one is deleted, and that is all."""
    workflow, now = a_workflow(), timezone.now()
    stale, fresh = keys(records(workflow, 600, lives=-60)), keys(records(workflow, 50))
    ended = keys(records(workflow, 50, status=EXPIRED, ended_at=now))
    records(workflow, 600, status=EXPIRED, ended_at=now - timedelta(days=2))
    first, second, third = at_once(("tidy", 20), ("tidy", 20), ("issue", 60))
    ids = announced(first) + announced(second)
    assert len(ids) == len(set(ids)) == total("expired", first, second)
    assert set(ids) == stale
    assert total("deleted", first, second) == 600
    assert third == [{"issued": 60}]
    assert (statuses(stale), statuses(ended), statuses(fresh)) == ({EXPIRED}, {EXPIRED}, {ACTIVE})
    others = ChatSession.objects.exclude(pk__in=stale | ended | fresh)
    assert sorted(others.values_list("status", flat=True)) == [ACTIVE] * 30 + [CANCELLED] * 30


def test_killed_and_run_again(at_once):
    """Everything is expired once in the end; only the batch that was in hand can lack its signal."""
    stale = keys(records(a_workflow(), 2000, lives=-60))
    before = []

    def kill(workers):
        before.extend([workers[0].read(), workers[0].read()])
        workers[0].kill()

    (said,) = at_once(("tidy", 10), while_running=kill)
    ids = announced(before + said)
    expired = set(ChatSession.objects.filter(status=EXPIRED).values_list("pk", flat=True))
    assert total("expired", said) == 0
    assert 20 <= len(ids) <= len(expired) < 2000
    assert len(expired) % 10 == 0
    assert set(ids) <= expired
    assert len(expired - set(ids)) <= 10

    with heard(sessions_expired) as again:
        assert sessions.expire_sessions() == 2000 - len(expired)
    assert {pk for batch in again for pk in batch["ids"]} == stale - expired
    assert statuses(stale) == {EXPIRED}
    assert sessions.expire_sessions() == 0
