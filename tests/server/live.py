"""Real servers for tests: uvicorn or daphne in a process of its own, on a free port, with a database of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from django.db import connection

from . import chat

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = "tests.server.live_asgi:application"
SETTINGS = "tests.server.live_settings"
#: Of no use without TLS; but each call would otherwise read all certificates of the system, which takes 30 ms.
CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def live_database(folder: Path) -> Iterator[str]:
    """The name of a migrated database: a file, or beside the one that ``DB_BACKEND`` says. It is dropped afterwards."""
    if connection.vendor == "sqlite":
        name = str(folder / "live.sqlite3")
        _migrate(name)
        yield name
        return
    name = f"live_{secrets.token_hex(4)}"
    _execute(f"CREATE DATABASE {name}")
    try:
        _migrate(name)
        yield name
    finally:
        _execute(f"DROP DATABASE {name}{' WITH (FORCE)' if connection.vendor == 'postgresql' else ''}")


def _migrate(name: str) -> None:
    command = [sys.executable, "-m", "django", "migrate", "-v0"]
    subprocess.run(command, env=environment(name), cwd=ROOT, check=True)


def _execute(statement: str) -> None:
    """On the server, outside the database of the tests, which these tests do not touch."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


def environment(database: str, **settings: Any) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "LIVE_DATABASE": database,
        "LIVE_SETTINGS": json.dumps(settings),
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "",
    }


class LiveServer:
    """``with LiveServer("uvicorn", database, folder) as server``. It can be killed and started again."""

    def __init__(self, kind: str, database: str, folder: Path, *options: str, **settings: Any) -> None:
        self.kind, self.database, self.options, self.settings = kind, database, options, settings
        self.log = folder / f"{kind}-{secrets.token_hex(4)}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LiveServer:
        with ExitStack() as stack:
            self.port = stack.enter_context(_reserved_port())
            self.url = f"http://127.0.0.1:{self.port}"
            stack.callback(self.kill)
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command(),
                env=environment(self.database, **self.settings),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.url}/held/", timeout=10).close()
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
            else:
                return
        raise AssertionError(self.log.read_text())

    def _command(self) -> list[str]:
        if self.kind == "daphne":
            return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), *self.options, APPLICATION]
        port = ["--port", str(self.port), "--log-level", "warning", "--lifespan", "off"]
        return [sys.executable, "-m", "uvicorn", *port, *self.options, APPLICATION]

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """At once, without a word."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self, timeout: float = 20) -> int:
        """Until the process has ended: its status."""
        assert self.process is not None
        return self.process.wait(timeout=timeout)

    def get(self, path: str, **query: Any) -> Any:
        response = httpx.get(f"{self.url}{path}", params=query, timeout=20, verify=CERTIFICATES)
        assert response.status_code == 200, response.text
        return response.json()

    def held(self) -> dict[str, int]:
        answer: dict[str, int] = self.get("/held/")
        return answer

    def visitor(self, user: str = "user-1", **query: Any) -> Visitor:
        """Somebody with a session."""
        issued = self.get("/issue/", user=user, **query)
        return Visitor(self, issued["url"], issued["client_secret"])


class Visitor:
    """Somebody who talks to a live server."""

    def __init__(self, server: LiveServer, path: str, secret: str) -> None:
        self.server, self.path, self.secret = server, path, secret

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}

    def answer(self, wanted: Any) -> httpx.Response:
        return self.post(chat.body(wanted))

    def post(self, content: Any) -> httpx.Response:
        url = self.server.url + self.path
        return httpx.post(url, content=content, headers=self.headers, timeout=30, verify=CERTIFICATES)

    def ask(self, wanted: Any) -> Any:
        """The events of a stream, or what the JSON says."""
        response = self.answer(wanted)
        assert response.status_code == 200, (response.status_code, response.text)
        if response.headers["Content-Type"] == "text/event-stream":
            return chat.events_of(response.content)
        return response.json()

    def refused(self, wanted: Any) -> tuple[int, str]:
        response = self.answer(wanted)
        return response.status_code, response.json()["code"]

    @contextmanager
    def listening(self, wanted: Any) -> Iterator[Iterator[Any]]:
        """Events one by one as they arrive. Leaving the block closes the connection."""
        asked = {"content": chat.body(wanted), "headers": self.headers, "timeout": 30, "verify": CERTIFICATES}
        with httpx.stream("POST", self.server.url + self.path, **asked) as response:
            assert response.status_code == 200, response.read()
            yield _events(response)


def _events(response: httpx.Response) -> Iterator[Any]:
    rest = b""
    for chunk in response.iter_raw():
        *whole, rest = (rest + chunk).split(b"\n\n")
        for event in whole:
            yield from chat.events_of(event)


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port that the kernel gives to nobody else. Who asks for it by its number may have it, again and again."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield bound.getsockname()[1]


def soon(condition: Any, within: float = 10) -> Any:
    """Wait until it is true: what it says then."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("It never happened.")
