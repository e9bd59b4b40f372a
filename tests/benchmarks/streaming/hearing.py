"""Clients in a process of their own: ``python -m tests.benchmarks.streaming.hearing``.

Reads a ``Conversation`` as JSON from each line, has it, and prints what was ``Heard``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict

from .listening import Conversation, Heard

EVENT = b'data: {"type":'
UPDATE = b'"thread.item.updated"'
END = b"\r\n0\r\n\r\n"


class Client(asyncio.Protocol):
    """Counts events, and does no more with them: what it takes must not slow the server down."""

    def __init__(self, conversation: Conversation, bearer: str, heard: Heard) -> None:
        self._request = conversation.request(bearer)
        self._left, self._heard = conversation.threads, heard
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._left -= 1
        self._rest = b""
        self._events, self._has_word = 0, False
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._events:
            self._begin(data)
        if not self._has_word and UPDATE in data:
            self._has_word = True
            self._heard.first_word.append(time.perf_counter() - self._asked_at)
        self._events += data.count(EVENT)
        self._rest = data[-len(EVENT) + 1 :]
        if data.endswith(END):
            self._end()

    def _begin(self, data: bytes) -> None:
        if b"HTTP/1.1 " in data and b" 200 OK" not in data:
            self.done.set_exception(RuntimeError(data.decode()))
        if EVENT in data:
            self._heard.first_event.append(time.perf_counter() - self._asked_at)

    def _end(self) -> None:
        self._heard.events += self._events
        if self._left:
            self._ask()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("The server has closed the connection."))


async def listen(conversation: Conversation) -> Heard:
    heard, loop = Heard(), asyncio.get_running_loop()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for bearer in conversation.bearers:
            group.create_task(_client(loop, conversation, bearer, heard))
    heard.seconds = time.perf_counter() - started
    return heard


async def _client(loop: asyncio.AbstractEventLoop, conversation: Conversation, bearer: str, heard: Heard) -> None:
    _, client = await loop.create_connection(
        lambda: Client(conversation, bearer, heard), "127.0.0.1", conversation.port
    )
    await client.done


if __name__ == "__main__":
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            print(json.dumps(asdict(runner.run(listen(Conversation(**json.loads(line)))))), flush=True)
