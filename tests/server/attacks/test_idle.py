"""A thousand connections on which little or nothing happens, on one worker."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from django_chatkit.server.database import THREADS

from .. import chat
from ..live import soon
from .attacked import GIVE_UP, AttackedServer, connect, head, request

logger = logging.getLogger(__name__)

#: Streams that stay open. SQLite writes one answer after the other.
STREAMS = 250 if os.environ.get("DB_BACKEND") in ("postgresql", "mysql") else 50
#: All connections.
CROWD = 1000


async def connected(server: AttackedServer, said: bytes, until: bytes = b"") -> Any:
    """A connection over which this was said; with ``until``, after that was heard."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(said)
    await writer.drain()
    if until:
        await asyncio.wait_for(reader.readuntil(until), GIVE_UP)
    return writer


def test_others_do_not_notice(server: AttackedServer) -> None:
    me, friend = server.visitor("crowd", agent="endless"), server.visitor("friend", agent="full")
    friend.ask(chat.create("Hello"))
    memory = server.memory
    idle = (CROWD - STREAMS) // 3
    crowd = [
        *[(b"", b"")] * idle,
        *[(b"POST /chatkit/chat/help/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ", b"")] * idle,
        *[(head(me, Content_Length=1000) + b'{"type":', b"")] * (CROWD - STREAMS - 2 * idle),
        *[(request(me, chat.create("stay with me")), b"text_delta")] * STREAMS,
    ]

    async def attack() -> tuple[Any, Any, Any]:
        writers = await asyncio.gather(*(connected(server, *each) for each in crowd))
        try:
            return await asyncio.to_thread(look)
        finally:
            for writer in writers:
                writer.close()

    def look() -> tuple[Any, Any, Any]:
        soon(lambda: server.sockets >= CROWD, within=GIVE_UP)
        logger.info(
            "%d bytes per connection, %d of %d of them streams", (server.memory - memory) // CROWD, STREAMS, CROWD
        )
        return server.held(), friend.ask(chat.create("Good morning")), server.memory

    held, answered, most = async_to_sync(attack)()

    assert answered.text == "Good morning "
    assert held["streams"] == STREAMS
    assert held["connections"] <= THREADS + 2  # and those of the address that tells
    assert (most - memory) / CROWD < 400_000
    soon(lambda: server.held()["streams"] == 0, within=GIVE_UP)
    soon(lambda: server.sockets <= 20, within=GIVE_UP)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("attempts", [2000])
def test_aborted_requests_leave_nothing(server: AttackedServer, attempts: int) -> None:
    """Each is dropped at another place: before its head is complete, in its body, just sent, in its answer."""
    me = server.visitor("hasty", agent="echo")
    me.ask(chat.create("Hello"))
    before = server.held()
    whole = request(me, chat.create("hm"))
    cuts = [1, 40, len(whole) - 5, len(whole)]

    async def drop(number: int) -> None:
        cut = cuts[number % 20 % 4] if number % 20 < 4 else cuts[number % 3]  # one in twenty is a whole one
        writer = await connected(server, whole[:cut])
        writer.close()

    async def attack() -> None:
        for start in range(0, attempts, 100):
            await asyncio.gather(*(drop(start + number) for number in range(100)))

    async_to_sync(attack)()

    soon(lambda: server.held()["streams"] == 0, within=GIVE_UP)
    soon(lambda: server.held()["threads"] <= before["threads"] + THREADS + 3, within=GIVE_UP)
    after = server.held()
    assert after["connections"] <= THREADS + 2
    soon(lambda: server.sockets <= 20, within=GIVE_UP)
    assert me.ask(chat.create("Still there")).text == "Still there "
    assert "Traceback" not in server.log.read_text()


def test_who_is_slow_but_in_time_is_answered(server: AttackedServer) -> None:
    me = server.visitor("slow", agent="echo")
    whole = request(me, chat.create("Take your time"))
    with connect(server, whole[:-30]) as connection:
        me.ask(chat.threads())  # something else happens
        connection.sendall(whole[-30:])
        heard = b""
        while some := connection.recv(65536):
            heard += some
            if heard.endswith(b"0\r\n\r\n"):
                break
    assert heard.startswith(b"HTTP/1.1 200 OK") and b"Take your time" in heard
