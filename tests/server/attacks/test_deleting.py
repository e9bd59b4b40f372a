"""Attachments that are deleted while their file is on its way: it is not kept, and who sends it is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from .. import chat
from ..live import soon
from .attacked import GIVE_UP, AttackedServer, answer, attacked, connect, files_in, head

SIZE = 100_000


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deleting") / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="module")
def server(gate: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[AttackedServer]:
    folder = gate.parent
    slow = {"BACKEND": "tests.server.files.Gated", "OPTIONS": {"location": str(folder / "kept")}}
    with attacked(folder, django_db_blocker, STORAGES={"chatkit": slow}) as server:
        yield server


def test_while_it_comes(server: AttackedServer) -> None:
    me = server.visitor()
    made = me.ask(chat.announce(size=SIZE))
    url = made["upload_descriptor"]["url"]
    with connect(server, head(me, url, "PUT", Content_Length=SIZE), bytes(SIZE // 2)) as connection:
        assert me.ask(chat.discard(made["id"])) == {}
        connection.sendall(bytes(SIZE // 2))
        status, body = answer(connection)
    assert (status, b"not_found" in body) == (404, True)
    assert files_in(server.kept) == []


def test_while_it_is_stored(server: AttackedServer, gate: Path) -> None:
    me = server.visitor()
    made = me.ask(chat.announce(size=SIZE))
    url = made["upload_descriptor"]["url"]
    with ThreadPoolExecutor(1) as browser:
        sent = browser.submit(httpx.put, url, content=bytes(SIZE), timeout=GIVE_UP)
        try:
            soon(lambda: files_in(server.kept), within=GIVE_UP)
            assert me.ask(chat.discard(made["id"])) == {}
        finally:
            opened = os.open(gate, os.O_RDONLY | os.O_NONBLOCK)
            response = sent.result()
            os.close(opened)
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert files_in(server.kept) == []
    assert httpx.put(url, content=bytes(SIZE), timeout=GIVE_UP).status_code == 404
    assert httpx.get(url, timeout=GIVE_UP).status_code == 404
