"""Gunicorn with the small site, on a port of its own, and those who visit it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]
CSRF_TOKEN = "c" * 32
GUNICORN = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--graceful-timeout", "1"]


class Answer(NamedTuple):
    status: int
    body: bytes

    @property
    def code(self) -> str | None:
        code: str | None = json.loads(self.body).get("code") if self.body[:1] == b"{" else None
        return code


class Site:
    """Use it as a context manager. ``chatkit`` are keys of ``DJANGO_CHATKIT``; ``gate="open"`` does without one."""

    def __init__(self, folder: Path, *, workers: int = 1, threads: int = 1, gate: str = "", **chatkit: Any) -> None:
        self.log = folder / "gunicorn.log"
        self._count = ["--workers", str(workers), "--threads", str(threads)]
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.site_settings",
            "SITE_DATABASE": str(folder / "site.sqlite3"),
            "SITE_CHATKIT": json.dumps(chatkit),
            "SITE_GATE": gate,
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),  # where gunicorn puts a socket of its own
            "no_proxy": "127.0.0.1",
        }

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.faults.site"]
        prepared = subprocess.run(command, env=self._environment, cwd=ROOT, check=True, capture_output=True, text=True)
        self._login = prepared.stdout.strip()
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener, self.log.open("wb") as log:
            self.port = listener.getsockname()[1]
            number = listener.fileno()
            self._process = subprocess.Popen(
                [*GUNICORN, *self._count, "--bind", f"fd://{number}", "tests.faults.site:application"],
                env=self._environment, cwd=ROOT, stdout=log, stderr=log, pass_fds=[number], start_new_session=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def page(self, timeout: float = 60) -> Answer:
        """The ordinary page."""
        return self._ask("GET", "/page/", timeout)

    def issue(self, timeout: float = 60) -> Answer:
        """A new session, for somebody who is logged in."""
        return self._ask("POST", "/chatkit/sessions/", timeout, json.dumps({"refresh": True}))

    def logged(self) -> list[str]:
        """What the app has said."""
        return [line for line in self.log.read_text().splitlines() if " Answered " in line]

    def _ask(self, method: str, path: str, timeout: float, body: str | None = None) -> Answer:
        cookies = f"sessionid={self._login}; csrftoken={CSRF_TOKEN}"
        headers = {"Cookie": cookies, "X-CSRFToken": CSRF_TOKEN, "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
