"""uvicorn with one worker in a process of its own, and what it takes of the CPU."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[3]
#: Seconds in which a server must be there.
START = 60


@dataclass(frozen=True)
class Server:
    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds so far, of the process and those that it has started. What the database takes is not in it."""
        times = self.process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system


@contextmanager
def uvicorn(application: str, **environment: str) -> Iterator[Server]:
    """A server of ``tests.benchmarks.streaming.{application}``, with the same options for every contender."""
    with _reserved_port() as port:
        command = [sys.executable, "-m", "uvicorn", f"tests.benchmarks.streaming.{application}:application"]
        options = ["--port", str(port), "--log-level", "warning", "--no-access-log"]
        variables = {**os.environ, "OPENAI_API_KEY": "", **environment}
        with subprocess.Popen([*command, *options], cwd=ROOT, env=variables) as process:
            try:
                _wait(process, port)
                yield Server(port, psutil.Process(process.pid))
            finally:
                process.terminate()


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port that the kernel gives to nobody else. Who asks for it by its number may have it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield bound.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server does not start.")
