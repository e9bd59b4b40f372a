"""The database fails between OpenAI's answer and the record of it, as databases do."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from django_chatkit.models import ChatSession
from tests.behaviours import Exchange, normal
from tests.callers import a_user, a_workflow
from tests.fake_openai import FakeOpenAI

from .processes import PATIENCE, Site, one_thread
from .visitors import Visitor

pytestmark = pytest.mark.services  # processes of its own, or time


class Held:
    """A behaviour: OpenAI has the request, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()

    def __call__(self, exchange: Exchange) -> Any:
        self.asked.set()
        assert self.answer.wait(PATIENCE)
        return normal(exchange)


@contextmanager
def terminated() -> Iterator[None]:
    """The server ends the connections of the site, and of nobody else."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        assert cursor.fetchall() == [(True,)]
    yield


@contextmanager
def killed() -> Iterator[None]:
    """As ``terminated``, the way of MariaDB."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()")
        [(number,)] = cursor.fetchall()
        cursor.execute(f"KILL {number}")
    yield


LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked() -> Iterator[None]:
    """Another process has the file to itself, for longer than the site waits."""
    command = [sys.executable, "-c", LOCK, str(connection.settings_dict["NAME"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield
        process.stdin.close()


@contextmanager
def read_only() -> Iterator[None]:
    """SQLite does not write into a file that was moved away: “attempt to write a readonly database”."""
    file = Path(connection.settings_dict["NAME"])
    away = file.rename(file.with_suffix(".away"))
    yield
    away.rename(file)


OUTAGES: dict[str, list[Callable[[], AbstractContextManager[None]]]] = {
    "sqlite": [locked, read_only],
    "postgresql": [terminated],
    "mysql": [killed],
}


@pytest.fixture
def sqlite_options() -> dict[str, Any]:
    """As Django has them, with a rollback journal, and with the patience of the site in this test."""
    return {"timeout": 0.3}


@pytest.fixture(params=[0, None], ids=["connections of a request", "persistent connections"])
def site(database: None, openai: FakeOpenAI, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    connection.close()  # SQLite could not lock what this one has open
    with one_thread(tmp_path, DATABASE={"CONN_MAX_AGE": request.param}) as site:
        yield site


@pytest.mark.parametrize("outage", OUTAGES[connection.vendor])
def test_nothing_is_half_saved(site: Site, openai: FakeOpenAI, outage: Callable[[], Any]) -> None:
    """The visitor is told, the session is cancelled, one line is logged, and the same thread serves the next one."""
    a_workflow()
    ada, held = Visitor(site.url, a_user()), Held()
    connection.close()
    openai.script(held)
    with ThreadPoolExecutor(1) as tab:
        waiting = tab.submit(ada.issue)
        assert held.asked.wait(PATIENCE), site.log.read_text()
        with outage():
            held.answer.set()
            answer = waiting.result(PATIENCE)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_saved")
    assert list(answer.cookies) == []
    assert openai.cancelled == list(openai.sessions)
    assert len(openai.cancelled) == 1
    assert not ChatSession.objects.exists()
    [line] = site.logged("django_chatkit")
    assert line.startswith("ERROR The session could not be saved (OperationalError); it was cancelled. Answered 503")

    after = ada.issue()
    assert after.status_code == 201
    assert ChatSession.objects.get().session_id == after.json()["id"]
    assert openai.cancelled == list(openai.sessions)[:1]
    log = site.log.read_text()
    assert "Traceback" not in log
    assert not [secret for secret in (*openai.secrets, "sk-tests-default-key") if secret in log]
