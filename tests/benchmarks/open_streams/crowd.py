"""The clients, all in one event loop: they ask, and note when each word arrives."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.server import chat

from .servers import Contender


@dataclass(frozen=True)
class Plan:
    """``clients`` listen together for so many ``seconds``, to a word after each ``pause``. ``warming`` clients come
    before, and ``probes`` more, one after the other, while all listen.
    """

    clients: int
    seconds: float
    pause: float
    warming: int
    probes: int


@dataclass
class Listener:
    """What one client heard, and when, in seconds of the same clock."""

    asked_at: float = 0.0
    first_at: float = 0.0
    word_times: list[float] = field(default_factory=list)
    thread_id: str = ""
    heard: str = ""
    answer: str = ""

    def take(self, event: dict[str, object]) -> None:
        now = time.perf_counter()
        self.first_at = self.first_at or now
        match event:
            case {"type": "thread.created", "thread": {"id": str(thread_id)}}:
                self.thread_id = thread_id
            case {"type": "thread.item.updated", "update": {"delta": str(said)}}:
                self.word_times.append(now)
                self.heard += said
            case {"type": "thread.item.done", "item": {"type": "assistant_message", "content": [{"text": str(text)}]}}:
                self.answer = text


class Crowd:
    """So many clients of one server, at the same time, until the file ``end`` is there.

    ``first`` is the number of the first one's user.
    """

    def __init__(self, server: Contender, clients: int, pause: float, end: Path, *, first: int = 0) -> None:
        self.server, self.pause, self.end, self.first = server, pause, end, first
        self.listeners = [Listener() for _ in range(clients)]
        self.all_hear = asyncio.Event()
        self._waiting = clients

    async def listen(self) -> None:
        """All come at once, and stay to the end."""
        await asyncio.gather(*(self._listen(number, each) for number, each in enumerate(self.listeners)))

    async def _listen(self, number: int, listener: Listener) -> None:
        listener.asked_at = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            writer.write(self._request(number))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head, head
            while b"data: " in (heard := await _event(reader)):
                has_begun = bool(listener.word_times)
                listener.take(json.loads(heard.partition(b"data: ")[2]))
                if listener.word_times and not has_begun:
                    self._note_first()
        finally:
            writer.close()

    def _note_first(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self.all_hear.set()

    def _request(self, number: int) -> bytes:
        body = chat.body(chat.create(f"{self.pause} {self.end}"))
        lines = [f"POST {self.server.path} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if self.server.secrets:
            lines.append(f"Authorization: Bearer {self.server.secrets[self.first + number]}")
        return "\r\n".join([*lines, "", ""]).encode() + body


async def _event(reader: asyncio.StreamReader) -> bytes:
    """The next one; what is left when there is none any more."""
    try:
        return await reader.readuntil(b"\n\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
