"""A long time of all at once: talk, files, aborts, silence and nonsense. Memory, objects, threads, connections and
descriptors stay where they are: ``SOAK_SECONDS=300 python -m pytest -m soak tests/server/attacks``, and each minute's
figures with ``--log-cli-level INFO``.
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
from functools import partial
from typing import Any

import httpx
import pytest

from django_chatkit.server.database import THREADS

from .. import chat
from ..live import CERTIFICATES, Visitor, soon
from .attacked import AttackedServer, attacked, connect, files_in, request

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
#: Seconds after which all clients rest, so that what is measured then is what the process keeps for nobody.
PART = min(60, SECONDS / 5)
#: Parts in which the process may still grow: it imports OpenAI's SDK (80 MB), starts its threads, fills its caches.
WARMING = 2
CLIENTS = 40
#: Bytes: what is not given back to the system differs by a few megabytes from minute to minute.
RESERVE = 20_000_000

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
    url = made["upload_descriptor"]["url"]
    assert httpx.put(url, content=bytes(100_000), timeout=60, verify=CERTIFICATES).status_code == 200
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


def client(me: Visitor, until: float) -> int:
    """How often it did something."""
    rounds = 0
    while time.monotonic() < until:
        random.choice((talk, send, abort, wait, babble))(me)
        rounds += 1
    return rounds


def play(server: AttackedServer) -> int:
    """All clients for one part of the time, until the server is at rest again: how often they did something.

    Their sessions are issued one by one: each is a synchronous request, for which Django takes a thread and the thread
    a connection, and 200 at once would be more than PostgreSQL has. SQLite keeps the descriptors of closed connections
    for new ones, as long as another is open.
    """
    visitors = [server.visitor(f"user-{number}", agent="full") for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        rounds = sum(pool.map(partial(client, until=time.monotonic() + PART), visitors))
    soon(lambda: server.held()["streams"] == 0, within=60)
    return rounds


def measured(server: AttackedServer) -> dict[str, int]:
    counted = server.get("/objects/")
    return {**server.held(), **counted, "memory": server.memory, "descriptors": server.descriptors}


def test_nothing_grows(server: AttackedServer) -> None:
    """A single object that was kept for each request would be more than are allowed."""
    rounds, states = [], []
    for _ in range(round(SECONDS / PART)):
        rounds.append(play(server))
        states.append(measured(server))
        logger.info("%d rounds in %d seconds, then %s", rounds[-1], PART, states[-1])
    warm, end = states[WARMING - 1], states[-1]
    assert end["objects"] < warm["objects"] + sum(rounds[WARMING:])
    assert end["memory"] < warm["memory"] + RESERVE
    assert end["descriptors"] <= warm["descriptors"] + THREADS
    assert end["threads"] <= 4 * THREADS
    assert end["connections"] <= THREADS + 2
    assert files_in(server.kept) == []
    soon(lambda: not files_in(server.temporary), within=60)
