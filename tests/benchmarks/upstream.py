"""OpenAI's sessions API in a process of its own, so that its CPU time is not ours.

``python -m tests.benchmarks.upstream`` answers, and refuses, as ``tests.fake_openai`` does, after ``--delay`` seconds;
the same for every contender.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import responses
from pathlib import Path

from tests.fake_openai import FakeOpenAI, Received

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def upstream(delay: float = 0.0) -> Iterator[str]:
    """What belongs into ``BASE_URL``, while the block lasts."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream", "--delay", str(delay)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


class Upstream(asyncio.Protocol):
    """One connection of HTTP/1.1 with keep-alive."""

    def __init__(self, openai: FakeOpenAI, delay: float) -> None:
        self._openai, self._delay = openai, delay
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            asyncio.get_running_loop().call_later(self._delay, self._answer, request)

    def _next(self) -> Received | None:
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = Message()
        for name, _, value in (field.partition(":") for field in lines):
            headers[name] = value.strip()
        length = int(headers["Content-Length"] or 0)
        if len(rest) < length:
            return None
        self._received = rest[length:]
        method, path, _ = line.split()
        return Received(method, path, headers, rest[:length], 0)

    def _answer(self, request: Received) -> None:
        status, answer = self._openai.respond(request)
        body = json.dumps(answer).encode()
        head = (
            f"HTTP/1.1 {status} {responses[status]}\r\nContent-Type: application/json\r\n"
            f"x-request-id: req_benchmark\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


async def serve(delay: float) -> None:
    openai = FakeOpenAI()
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(openai, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds")
    asyncio.run(serve(parser.parse_args().delay))
