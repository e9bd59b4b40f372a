"""Files through real servers, from browsers that send too much, leave, or press the button twice."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from . import chat
from .live import LiveServer, live_database, soon

MB = 1024 * 1024


class LimitedServer(LiveServer):
    def _command(self) -> list[str]:
        return [*super()._command()[:-1], "tests.server.live_limited:application"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the storage has its files."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files are while they arrive."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
    kept: Path,
    temporary: Path,
) -> Iterator[LiveServer]:
    disk = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(kept)}}
    settings = {"STORAGES": {"chatkit": disk}, "FILE_UPLOAD_TEMP_DIR": str(temporary)}
    folder = tmp_path_factory.mktemp("live")
    with (
        django_db_blocker.unblock(),
        live_database(folder) as database,
        LimitedServer(request.param, database, folder, **settings) as server,
    ):
        yield server


@pytest.fixture
def me(server: LiveServer) -> Any:
    return server.visitor()


def announce(me: Any, content: bytes, **params: Any) -> Any:
    return me.ask(chat.announce(size=len(content), **params))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def clean(me: Any, attachment: Any) -> None:
    """What visitors can do themselves."""
    me.ask(chat.discard(attachment["id"]))


def pieces(content: bytes) -> Iterator[bytes]:
    """Makes httpx send it in chunks, without a length."""
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]


@pytest.mark.parametrize("how", ["form", "raw", "chunks"])
def test_there_and_back(me: Any, kept: Path, how: str) -> None:
    content = b"\x89PNG\r\n\x1a\n" + bytes(3 * MB)
    attachment = announce(me, content, name="cup.png", mime_type="image/png")
    send: dict[str, Any] = {
        "form": {"files": {"file": ("cup.png", content, "image/png")}},
        "raw": {"content": content},
        "chunks": {"content": pieces(content)},
    }[how]

    answer = httpx.post(attachment["upload_descriptor"]["url"], **send, timeout=20)

    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert [path.stat().st_size for path in files_in(kept)] == [len(content)]
    shown = httpx.get(answer.json()["preview_url"], timeout=20)
    assert shown.content == content
    assert shown.headers["Content-Disposition"].startswith("inline")
    clean(me, attachment)
    assert files_in(kept) == []


def test_button_pressed_twice(me: Any, kept: Path) -> None:
    content = bytes(MB)
    attachment = announce(me, content)

    def press(_: int) -> int:
        return httpx.put(attachment["upload_descriptor"]["url"], content=content, timeout=20).status_code

    with ThreadPoolExecutor(4) as browsers:
        answers = sorted(browsers.map(press, range(4)))

    assert answers == [200, 403, 403, 403]
    assert len(files_in(kept)) == 1
    clean(me, attachment)


def test_much_more_than_announced(me: Any, kept: Path, temporary: Path, server: LiveServer) -> None:
    """uvicorn answers, and does not wait for the rest: few clients get to see that. daphne takes it all before it asks
    the application, which then gets nothing of it.
    """
    attachment = announce(me, b"few")
    url = attachment["upload_descriptor"]["url"]
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 60 * MB:
            sent += MB
            yield bytes(MB)

    with suppress(httpx.TransportError):
        assert httpx.put(url, content=endless(), timeout=20).status_code == 413

    assert sent < 50 * MB or server.kind == "daphne"
    announced = httpx.put(url, content=bytes(200_000), timeout=20)
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")
    assert files_in(kept) == files_in(temporary) == []
    assert httpx.put(url, content=b"few", timeout=20).status_code == 200
    clean(me, attachment)


def test_browser_leaves_in_the_middle(me: Any, kept: Path, temporary: Path, server: LiveServer) -> None:
    content = bytes(4 * MB)
    attachment = announce(me, content)
    url = attachment["upload_descriptor"]["url"]
    target = urlsplit(url)
    with socket.create_connection(("127.0.0.1", server.port)) as browser:
        head = f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n\r\n"
        browser.sendall(head.encode() + content[: 3 * MB])

    soon(lambda: not files_in(temporary))
    assert files_in(kept) == []
    assert httpx.put(url, content=content, timeout=20).status_code == 200
    clean(me, attachment)


def test_direct(me: Any, kept: Path) -> None:
    send = {"files": {"file": ("order.txt", b"Two cups", "text/plain")}}
    headers = {"Authorization": f"Bearer {me.secret}"}
    answer = httpx.post(f"{me.server.url}{me.path}attachments/", **send, headers=headers, timeout=20)
    assert answer.status_code == 201, answer.text
    begun = me.ask(chat.create("Look at this", (answer.json()["id"],)))
    assert [attachment.id for attachment in begun.done[0].attachments] == [answer.json()["id"]]
    me.ask(chat.delete(begun.thread_id))
    soon(lambda: not files_in(kept))


def test_large_message(me: Any) -> None:
    answer = httpx.post(me.server.url + me.path, content=bytes(3 * MB), headers=me.headers, timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
