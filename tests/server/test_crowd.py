"""Many visitors at once on one worker, whose database allows few connections."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from asgiref.sync import async_to_sync

from django_chatkit.server.database import THREADS
from tests.settings import MIDDLEWARE

from . import chat
from .live import LiveServer, live_database, soon

#: PostgreSQL allows 100 connections unless told otherwise. SQLite writes one answer after the other.
CROWD = 500 if os.environ.get("DB_BACKEND") == "postgresql" else 100


@pytest.fixture(scope="module")
def server(tmp_path_factory, django_db_blocker):
    folder = tmp_path_factory.mktemp("crowd")
    with (
        django_db_blocker.unblock(),
        live_database(folder) as database,
        LiveServer("uvicorn", database, folder, "--backlog", "1000") as server,
    ):
        yield server


@asynccontextmanager
async def stream(port, head, body):
    """An open connection, and what was heard of the answer until the assistant said a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head + body)
        heard = await reader.readuntil(b"\r\n\r\n")
        while b"text_delta" not in heard and b"200 OK" in heard:
            heard += await reader.readuntil(b"\n\n")
        yield heard
    finally:
        writer.close()
        await writer.wait_closed()


def request_for(visitor):
    body = chat.body(chat.create("wait with me"))
    lines = [f"POST {visitor.path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in visitor.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), body


def test_nobody_is_refused(server):
    """Every stream begins and stays open, a handful of connections serve them all, and others are answered meanwhile.

    When all of them leave at once, every one's part is saved.
    """
    me, friend = server.visitor(agent="endless"), server.visitor("user-2", agent="full")
    head, body = request_for(me)

    async def crowd():
        async with AsyncExitStack() as stack:
            begun = [stack.enter_async_context(stream(server.port, head, body)) for _ in range(CROWD)]
            heard = await asyncio.gather(*begun)
            return heard, *await asyncio.to_thread(lambda: (server.held(), friend.ask(chat.create("Hello"))))

    heard, held, answer = async_to_sync(crowd)()
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in heard)
    assert held["streams"] == CROWD
    assert held["connections"] <= THREADS + 2  # and those of the address that tells
    assert answer.text == "Hello "
    soon(lambda: server.held()["streams"] == 0, within=60)
    threads, after = [], None
    while after or not threads:
        page = me.ask(chat.threads(limit=100, after=after))
        threads, after = threads + page["data"], page.get("after")
    assert len(threads) == CROWD
    for thread in threads[::50]:
        items = me.ask(chat.items(thread["id"], order="asc"))["data"]
        assert items[1]["content"][0]["text"].startswith("wait")
    assert "Traceback" not in server.log.read_text()


def test_middleware_that_asks_the_database_keeps_no_connection_while_a_stream_lasts(tmp_path, django_db_blocker):
    """One after the other: while an answer is being made, Django has a thread and a connection for it."""
    asking = [*MIDDLEWARE, "tests.server.live_middleware.Asking"]
    with (
        django_db_blocker.unblock(),
        live_database(tmp_path) as database,
        LiveServer("uvicorn", database, tmp_path, MIDDLEWARE=asking) as server,
    ):
        me = server.visitor(agent="endless")

        async def crowd():
            async with AsyncExitStack() as stack:
                for _ in range(3 * THREADS):
                    await stack.enter_async_context(stream(server.port, *request_for(me)))
                return await asyncio.to_thread(server.held)

        held = async_to_sync(crowd)()
        soon(lambda: server.held()["streams"] == 0, within=60)
    assert held["streams"] == 3 * THREADS
    assert held["connections"] <= THREADS + 3  # and those of the stream that was opened last, and of who asks
