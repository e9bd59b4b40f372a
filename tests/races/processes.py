"""Processes beside the test: the site as a server, and actors who do what they are told."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which what has not happened never will.
PATIENCE = 60


def environment(**more: Any) -> dict[str, str]:
    """The database and the upstream of the running test; ``more`` are settings of the site."""
    database = {**connection.settings_dict, **more.pop("DATABASE", {})}
    chatkit = {**settings.DJANGO_CHATKIT, **more.pop("CHATKIT", {})}
    site = {"database": database, "chatkit": chatkit, "settings": more}
    site["database"]["OPTIONS"] = {**connection.settings_dict["OPTIONS"], **database["OPTIONS"]}
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.races.site_settings",
        "PYTHONPATH": str(ROOT),
        "RACES_SITE": json.dumps(site, default=str),
    }


class Actor:
    """A process of ``tests.races.actor``. Each line that it says is a JSON object."""

    def __init__(self, **more: Any) -> None:
        self._heard: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.races.actor"],
            env=environment(**more),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # with the processes that it forks
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._listener.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._heard.put(json.loads(line))
        self._heard.put(None)

    def tell(self, **order: Any) -> None:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def hear(self, word: str) -> Iterator[dict[str, Any]]:
        """What it says up to the line that has ``word``, which is the last one here."""
        while True:
            said = self._heard.get(timeout=PATIENCE)
            assert said is not None, "It has ended."
            yield said
            if word in said:
                return

    def heard_so_far(self) -> Iterator[dict[str, Any]]:
        """What it has said since, at most so much as came within a hundredth of a second."""
        with contextlib.suppress(queue.Empty):
            while True:
                said = self._heard.get(timeout=0.01)
                assert said is not None, "It has ended."
                yield said


class Site:
    """The site, served by a process of its own. What it logs is in ``log``."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log = url, log

    def logged(self, logger: str) -> list[str]:
        """What this logger wrote, without its name."""
        lines = self.log.read_text().splitlines()
        return [line.removeprefix(f"{logger} ") for line in lines if line.startswith(f"{logger} ")]


@contextmanager
def one_thread(folder: Path, **more: Any) -> Iterator[Site]:
    """A server that answers one request after the other, all in the same thread."""
    log = folder / "site.log"
    command = [sys.executable, "-m", "tests.races.site_wsgi"]
    with (
        log.open("w") as output,
        _running(command, more, stdout=subprocess.PIPE, stderr=output, text=True) as process,
    ):
        port = process.stdout.readline().strip()
        assert port, log.read_text()
        yield Site(f"http://127.0.0.1:{port}", log)


@contextmanager
def gunicorn(folder: Path, *, workers: int, threads: int, **more: Any) -> Iterator[Site]:
    """Connections wait in the socket, which is open before gunicorn is."""
    log = folder / "site.log"
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener, log.open("w") as output:
        bound, pool = f"fd://{listener.fileno()}", ["--workers", str(workers), "--threads", str(threads)]
        command = [sys.executable, "-m", "gunicorn", "--bind", bound, *pool, "tests.races.site_wsgi"]
        with _running(command, more, stdout=output, stderr=output, pass_fds=[listener.fileno()]):
            yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", log)


@contextmanager
def _running(command: list[str], more: dict[str, Any], **how: Any) -> Iterator[subprocess.Popen[Any]]:
    with subprocess.Popen(command, env=environment(**more), cwd=ROOT, start_new_session=True, **how) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
