"""Many clients, in a process of its own: ``python -m tests.benchmarks.load.crowd`` reads jobs from its standard input,
one a line, as JSON, and writes what came of them.

Every request has a connection of its own, as from nginx as it comes: so each goes to whichever process is free.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
CSRF_TOKEN = "c" * 32
SECRET = b'"client_secret":"'
PAGE = "/page/"
#: Seconds between two requests for it.
PAUSE = 0.05


@dataclass(frozen=True)
class Job:
    """What to do: each of ``logins`` asks ``path`` for one session after the other.

    They begin spread over ``ramp`` seconds; then what comes within ``seconds`` is counted. ``visitor`` asks for the
    ordinary page meanwhile, ``pages`` times, ``PAUSE`` seconds apart, whether or not earlier ones have come. What is
    under way at the end is waited for, or left to the server if the clients ``leave``.
    """

    port: int
    path: str
    body: dict[str, Any]
    logins: list[str]
    visitor: str
    ramp: float = 0.0
    seconds: float = 0.0
    pages: int = 0
    leave: bool = False


@dataclass
class Outcome:
    """``rate`` is in sessions per second, ``pages`` in seconds."""

    rate: float = 0.0
    pages: list[float] = field(default_factory=list)


class Crowd:
    """The process, and how to talk to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, job: Job) -> Outcome:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return Outcome(**answer)


@contextmanager
def crowd() -> Iterator[Crowd]:
    command = [sys.executable, "-m", "tests.benchmarks.load.crowd"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Crowd(process)
        finally:
            process.terminate()


class Exchange(asyncio.Protocol):
    """One request and its answer, which ends with the connection."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = b""
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_result(self._received)


async def ask(port: int, request: bytes, expected: int) -> bytes:
    """The answer, which has the status ``expected``."""
    connect = asyncio.get_running_loop().create_connection
    transport, exchange = await connect(lambda: Exchange(request), "127.0.0.1", port)
    try:
        answer = await exchange.answer
    finally:
        transport.abort()
    if not answer.startswith(b"HTTP/1.1 %d " % expected):
        raise RuntimeError(f"{request[:40]!r} was answered: {answer[:500]!r}")
    return answer


def request_of(method: str, path: str, login: str, body: bytes = b"") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Cookie: sessionid={login}; csrftoken={CSRF_TOKEN}",
        f"X-CSRFToken: {CSRF_TOKEN}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Performance:
    """A job being done."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._secrets: set[bytes] = set()
        self._issued: list[float] = []
        self._pages: list[float] = []
        self._over = asyncio.Event()

    async def do(self) -> Outcome:
        job = self._job
        start = time.perf_counter() + job.ramp
        async with asyncio.TaskGroup() as group:
            wanting = [group.create_task(self._want(number)) for number in range(len(job.logins))]
            await asyncio.sleep(job.ramp)
            await asyncio.gather(asyncio.sleep(job.seconds), self._look())
            self._over.set()
            for task in wanting if job.leave else ():
                task.cancel()
        return Outcome(self._rate([at for at in self._issued if start < at <= start + job.seconds]), self._pages)

    def _rate(self, moments: list[float]) -> float:
        """From the first to the last: with few, it matters little when the counting began."""
        if len(moments) < 2:
            return len(moments) / (self._job.seconds or 1)
        return (len(moments) - 1) / (moments[-1] - moments[0])

    async def _want(self, number: int) -> None:
        job = self._job
        request = request_of("POST", job.path, job.logins[number], json.dumps(job.body).encode())
        await asyncio.sleep(job.ramp * number / len(job.logins))
        while not self._over.is_set():
            answer = await ask(job.port, request, 201)
            self._issued.append(time.perf_counter())
            secret = answer.partition(SECRET)[2].partition(b'"')[0]
            if not secret or secret in self._secrets:
                raise RuntimeError(f"This is no new session: {answer[:500]!r}")
            self._secrets.add(secret)

    async def _look(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._job.pages):
                group.create_task(self._see())
                await asyncio.sleep(PAUSE)

    async def _see(self) -> None:
        started = time.perf_counter()
        await ask(self._job.port, request_of("GET", PAGE, self._job.visitor), 200)
        self._pages.append(time.perf_counter() - started)


async def perform(job: Job) -> Outcome:
    return await Performance(job).do()


def main() -> None:
    for line in sys.stdin:
        try:
            answer = asdict(asyncio.run(perform(Job(**json.loads(line)))))
        except ExceptionGroup as errors:
            answer = {"failed": repr(errors.exceptions)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
