"""A disk that takes no more: the operating system refuses to write more than so much into one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .. import chat
from ..live import soon
from .attacked import AttackedServer, attacked, files_in

MB = 1024 * 1024
LARGEST = 8 * MB


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[AttackedServer]:
    """Takes files of up to 10 MB into memory, others into temporary files."""
    sizes = {"LARGEST_FILE": LARGEST, "FILE_UPLOAD_MAX_MEMORY_SIZE": 10 * MB}
    with attacked(tmp_path_factory.mktemp("full"), django_db_blocker, **sizes) as server:
        yield server


@pytest.mark.parametrize("size", [LARGEST + 1, 12 * MB], ids=["in the storage", "on the way"])
def test_says_so_and_leaves_nothing(server: AttackedServer, size: int) -> None:
    me = server.visitor()
    url = me.ask(chat.announce(size=size))["upload_descriptor"]["url"]
    for _ in range(2):  # the address is not used up
        refused = httpx.put(url, content=bytes(size), timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        assert files_in(server.kept) == []
        soon(lambda: not files_in(server.temporary))
    small = me.ask(chat.announce(size=3))
    assert httpx.put(small["upload_descriptor"]["url"], content=b"cup", timeout=30).status_code == 200
    me.ask(chat.discard(small["id"]))
    assert files_in(server.kept) == []
    assert "File too large" in server.log.read_text()
