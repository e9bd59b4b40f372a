"""Servers as one would run them in production: two processes, whatever each of them does with its requests."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = ["--workers", "2"]
GUNICORN = ["gunicorn", *PROCESSES, "--preload", "--graceful-timeout", "1", "--log-level", "warning"]
UVICORN = ["uvicorn", *PROCESSES, "--timeout-graceful-shutdown", "1", "--no-access-log", "--log-level", "warning"]
WSGI, ASGI = "tests.benchmarks.load.entry:wsgi", "tests.benchmarks.load.entry:asgi"


@dataclass(frozen=True, eq=False)
class Server:
    """``database`` are keys of ``DATABASES["default"]``."""

    name: str
    command: list[str]
    database: Mapping[str, Any] = field(default_factory=dict)


def gunicorn(name: str, *options: str, **database: Any) -> Server:
    return Server(name, [*GUNICORN, *options, "--bind", "127.0.0.1:{port}", WSGI], database)


def uvicorn(name: str, *options: str, **database: Any) -> Server:
    return Server(name, [*UVICORN, *options, "--port", "{port}", ASGI], database)


@contextmanager
def running(server: Server, settings: Mapping[str, Any]) -> Iterator[int]:
    """Its port, while the block lasts."""
    port = _free_port()
    more = {**settings, "DATABASES": {"default": {**settings["DATABASES"]["default"], **server.database}}}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=port) for part in server.command)],
            env={**os.environ, "BENCHMARK_SETTINGS": json.dumps(more), "HOME": folder},
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(60)
            log.seek(0)
            sys.stderr.write(log.read()[-4_000:])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                connection.request("GET", "/page/")
                connection.getresponse()
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("The server does not start.")
