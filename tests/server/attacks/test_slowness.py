"""Clients that send or read as slowly as they can, or not at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from django_chatkit.server.database import THREADS

from .. import chat
from ..live import Visitor, soon
from .attacked import GIVE_UP, AttackedServer, answer, attacked, connect, files_in, head, request

logger = logging.getLogger(__name__)

SHORTENED = {
    "django_chatkit.server.streaming.STALLED": 8,
    "django_chatkit.server.asgi.SECONDS": 10,
    "django_chatkit.server.asgi.UPLOAD_SECONDS": 10,
}
#: Seconds after which what has not happened never will: with a reserve beyond those above.
PATIENCE = GIVE_UP + 30
#: Clients that do not read, at the same time.
DEAF = 20


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[AttackedServer]:
    with attacked(tmp_path_factory.mktemp("slow"), django_db_blocker, SHORTENED=SHORTENED) as server:
        yield server


def address(me: Visitor, kind: str) -> str:
    """Where a body of this kind goes."""
    if kind == "announced":
        made = me.ask(chat.announce(size=100_000))
        return str(made["upload_descriptor"]["url"])
    return f"{me.path}attachments/" if kind == "direct" else me.path


def test_a_body_has_its_time(server: AttackedServer) -> None:
    """Others are answered meanwhile; then the connections are gone, and so is what came of the files."""
    me, friend = server.visitor("slow", agent="echo"), server.visitor("friend", agent="full")
    heads = [head(me, address(me, kind), Content_Length=90_000) for kind in ("chat", "announced", "direct")]
    silent, dripping = ([connect(server, each, bytes(40_000)) for each in heads] for _ in range(2))
    ended = threading.Event()
    drops = threading.Thread(target=drip, args=(dripping, ended))
    drops.start()
    try:
        assert friend.ask(chat.create("Good morning")).text == "Good morning "
        for connection in (*silent, *dripping):
            status, body = answer(connection)
            assert (status, b"too_slow" in body) == (408, True)
            assert answer(connection) == (0, b""), "It is still open."
    finally:
        ended.set()
        drops.join()
        for connection in (*silent, *dripping):
            connection.close()
    assert files_in(server.kept) == []
    soon(lambda: not files_in(server.temporary), within=PATIENCE)


def drip(connections: list[Any], ended: threading.Event) -> None:
    while not ended.wait(0.05):
        for connection in connections:
            with suppress(OSError):
                connection.sendall(b"x")


@pytest.mark.parametrize("reads", ["nothing", "a byte at a time"])
def test_who_does_not_read_stalls_an_agent_for_a_while(server: AttackedServer, reads: str) -> None:
    """40 MB of answer each: what waits in memory is bounded, and after ``STALLED`` the agent is stopped, though the
    connection is still there. The database is not held.
    """
    me, friend = server.visitor("deaf", agent="flood"), server.visitor("friend", agent="full")
    friend.ask(chat.create("Hello"))
    memory = server.memory
    connections = [connect(server, request(me, chat.create("go"))) for _ in range(DEAF)]
    try:
        ended = threading.Event()
        reader = threading.Thread(target=sipping, args=(connections, ended))
        if reads != "nothing":
            reader.start()
        soon(lambda: server.held()["streams"] >= DEAF / 2, within=PATIENCE)
        held = server.held()
        assert held["connections"] <= THREADS + 2
        assert friend.ask(chat.create("Good morning")).text == "Good morning "
        soon(lambda: server.held()["streams"] == 0, within=PATIENCE)
        logger.info("%d bytes per client that reads %s", (server.memory - memory) // DEAF, reads)
        assert server.memory - memory < DEAF * 4_000_000
        assert server.sockets >= DEAF
        ended.set()
        if reads != "nothing":
            reader.join()
    finally:
        ended.set()
        for connection in connections:
            connection.close()
    soon(lambda: server.sockets < DEAF, within=PATIENCE)
    assert "Traceback" not in server.log.read_text()


def sipping(connections: list[Any], ended: threading.Event) -> None:
    while not ended.wait(0.1):
        for connection in connections:
            with suppress(OSError):
                connection.recv(1)
