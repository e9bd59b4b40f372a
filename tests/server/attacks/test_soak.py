"""A long time of all at once: talk, files, aborts, silence and floods. Memory, threads and connections stay where they
are. ``SOAK_SECONDS=300 python -m pytest -m soak tests/server/attacks``
"""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest

from django_chatkit.server.database import THREADS

from .. import chat
from ..live import Visitor, soon
from .attacked import AttackedServer, attacked, connect, files_in, request

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
CLIENTS = 200

logger = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[AttackedServer]:
    with attacked(tmp_path_factory.mktemp("soak"), django_db_blocker) as server:
        yield server


def talk(me: Visitor) -> None:
    begun = me.ask(chat.create("Good morning"))
    assert me.ask(chat.add(begun.thread_id, "And on")).text == "And on "
    me.ask(chat.delete(begun.thread_id))


def send(me: Visitor) -> None:
    made = me.ask(chat.announce(size=100_000))
    assert httpx.put(made["upload_descriptor"]["url"], content=bytes(100_000), timeout=60).status_code == 200
    me.ask(chat.discard(made["id"]))


def abort(me: Visitor) -> None:
    whole = request(me, chat.create("slowly now and then"))
    connect(me.server, whole[: random.randint(1, len(whole))]).close()


def wait(me: Visitor) -> None:
    with suppress(socket.timeout), connect(me.server, request(me, chat.create("hm"))[:-9]) as connection:
        connection.settimeout(3)
        connection.recv(1)


def babble(me: Visitor) -> None:
    assert me.post(b"[" * random.randint(1, 100_000)).status_code == 400


def client(server: AttackedServer, number: int, until: float) -> int:
    me, rounds = server.visitor(f"user-{number}", agent="full"), 0
    issued = time.monotonic()
    while time.monotonic() < until:
        if time.monotonic() - issued > 300:
            me, issued = server.visitor(f"user-{number}", agent="full"), time.monotonic()
        random.choice((talk, send, abort, wait, babble))(me)
        rounds += 1
    return rounds


def test_nothing_grows(server: AttackedServer) -> None:
    """What a first tenth of the time has made of the process is all that there will be."""
    start = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, server, number, start + SECONDS) for number in range(CLIENTS)]
        time.sleep(SECONDS / 5)
        early = server.memory
        rounds = sum(each.result() for each in clients)
    soon(lambda: server.held()["streams"] == 0, within=60)
    held = server.held()
    logger.info("%d rounds, %d bytes after a fifth, %d at the end, held: %s", rounds, early, server.memory, held)
    assert server.memory < early * 1.25 + 20_000_000
    assert held["connections"] <= THREADS + 2
    assert files_in(server.kept) == []
    soon(lambda: not files_in(server.temporary), within=60)
