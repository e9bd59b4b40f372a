"""One crowd at one server, from the first who asks to the last who has heard all."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, connections

from django_chatkit.models import ChatItem

from .crowd import Crowd, Listener, Plan
from .servers import Contender, OurServer

#: Seconds between two looks at the server's memory and connections.
EVERY = 0.2
#: What PostgreSQL has open for this database, but for who asks.
CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Round:
    """``together`` are the moments between which all listen; ``threads`` are those of the worker then. ``memory`` in
    bytes and ``connections`` are the most that there were at a time. ``cpu`` is what the server used, in seconds;
    ``probes`` and ``pages`` are seconds, too: of one more client until their first event, and of an ordinary page.
    """

    listeners: list[Listener]
    together: tuple[float, float]
    threads: int
    memory: int
    connections: int
    cpu: float
    probes: list[float]
    pages: list[float]
    lost: int


class Watch:
    """The most that a server has had of memory and connections, while the block lasted."""

    def __init__(self, server: Contender) -> None:
        self.server = server
        self.memory = self.connections = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        with connection.cursor() as cursor:
            while not self._ended.wait(EVERY):
                self.memory = max(self.memory, self.server.memory)
                cursor.execute(CONNECTIONS)
                self.connections = max(self.connections, cursor.fetchone()[0])
        connections.close_all()


def play(server: Contender, plan: Plan) -> Round:
    cpu = server.cpu
    with Watch(server) as watch, tempfile.TemporaryDirectory() as folder:
        crowd = Crowd(server, plan.clients, plan.pause, Path(folder) / "end")
        together, threads, probes, pages = asyncio.run(_play(crowd, plan))
    return Round(
        crowd.listeners,
        together,
        threads,
        memory=watch.memory,
        connections=watch.connections,
        cpu=server.cpu - cpu,
        probes=probes,
        pages=pages,
        lost=lost(crowd) + (not_stored(crowd) if isinstance(server, OurServer) else 0),
    )


async def _play(crowd: Crowd, plan: Plan) -> tuple[tuple[float, float], int, list[float], list[float]]:
    listening = asyncio.create_task(crowd.listen())
    hearing = asyncio.create_task(crowd.all_hear.wait())
    await asyncio.wait({listening, hearing}, return_when=asyncio.FIRST_COMPLETED)
    if not crowd.all_hear.is_set():
        hearing.cancel()
        await listening  # somebody was refused: this says why
    start, rest = time.perf_counter(), asyncio.create_task(asyncio.sleep(plan.seconds))
    probes = [await first_event(crowd.server, plan.clients) for _ in range(plan.probes)]
    pages = [await page(crowd.server) for _ in range(plan.probes)]
    await rest
    together, threads = (start, time.perf_counter()), crowd.server.threads
    crowd.end.touch()
    await listening
    return together, threads, probes, pages


async def first_event(server: Contender, user: int) -> float:
    """Seconds that one more client waits, who is gone when they have heard a word."""
    crowd = Crowd(server, 1, 0, Path(__file__), first=user)
    await crowd.listen()
    return crowd.listeners[0].first_at - crowd.listeners[0].asked_at


async def page(server: Contender) -> float:
    """Seconds until an ordinary page has been read, by somebody without a connection."""
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /held/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b" 200 " in await reader.readline()
    await reader.read()
    writer.close()
    return time.perf_counter() - started


def lost(crowd: Crowd) -> int:
    """Answers that were not heard word by word, to the end, as they were said."""
    return sum(
        (each.heard, len(each.word_times)) != (each.answer, len(each.answer.split())) for each in crowd.listeners
    )


def not_stored(crowd: Crowd) -> int:
    """Answers that are not in the database as they were heard."""
    threads = [each.thread_id for each in crowd.listeners]
    rows = ChatItem.objects.filter(thread__thread_id__in=threads, is_draft=False)
    payloads = [json.loads(payload) for payload in rows.values_list("payload", flat=True)]
    connections.close_all()
    kept = {each["thread_id"]: each["content"][0]["text"] for each in payloads if each["type"] == "assistant_message"}
    return sum(kept.get(each.thread_id) != each.heard for each in crowd.listeners)
