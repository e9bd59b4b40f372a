"""Servers to attack, with what an operator would look at, and clients that speak HTTP badly on purpose."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import chat
from ..live import LiveServer, Visitor, live_database

#: File descriptors that a thousand connections need, with a reserve.
DESCRIPTORS = 4096
#: Seconds after which a test gives up. Nothing here takes as long.
GIVE_UP = 30


class AttackedServer(LiveServer):
    """``kept`` is where the storage has its files, ``temporary`` where they are while they arrive."""

    kept: Path
    temporary: Path

    def _command(self) -> list[str]:
        return [*super()._command()[:-1], "tests.server.attacks.application:application"]

    @property
    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    @property
    def descriptors(self) -> int:
        """Open files and sockets."""
        return len(list(Path(f"/proc/{self._pid}/fd").iterdir()))

    @property
    def sockets(self) -> int:
        """Open sockets: those of clients, and a few of its own."""
        links = Path(f"/proc/{self._pid}/fd").iterdir()
        return sum(_target(link).startswith("socket:") for link in links)

    @property
    def _pid(self) -> int:
        assert self.process is not None
        return self.process.pid


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


@contextmanager
def attacked(folder: Path, blocker: Any, *options: str, **settings: Any) -> Iterator[AttackedServer]:
    """uvicorn with a database of its own, one worker, and a storage on disk."""
    kept, temporary = folder / "kept", folder / "temporary"
    kept.mkdir()
    temporary.mkdir()
    disk = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(kept)}}
    settings = {"STORAGES": {"chatkit": disk}, "FILE_UPLOAD_TEMP_DIR": str(temporary), **settings}
    allow_descriptors()
    with (
        blocker.unblock(),
        live_database(folder) as database,
        AttackedServer("uvicorn", database, folder, "--backlog", "2048", *options, **settings) as server,
    ):
        server.kept, server.temporary = kept, temporary  # type: ignore[attr-defined]
        yield server  # type: ignore[misc]


def allow_descriptors() -> None:
    """For this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


def head(me: Visitor, url: str = "", method: str = "POST", **headers: object) -> bytes:
    """The head of a request by hand; ``Content_Length=5`` becomes ``Content-Length: 5``."""
    parts = urlsplit(url or me.path)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    given = {"Host": "127.0.0.1", **me.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def request(me: Visitor, wanted: Any) -> bytes:
    """A whole request to the chat."""
    body = chat.body(wanted)
    return head(me, Content_Length=len(body)) + body


def connect(server: LiveServer, *said: bytes) -> socket.socket:
    """A connection over which this has been sent."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=GIVE_UP)
    for part in said:
        connection.sendall(part)
    return connection


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of an answer after which the server closes the connection, or has said all."""
    heard = b""
    while not _is_complete(heard) and (some := _received(connection)):
        heard += some
    start, _, body = heard.partition(b"\r\n\r\n")
    return (int(start.split()[1]), body) if start else (0, b"")


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def _is_complete(heard: bytes) -> bool:
    start, end, body = heard.lower().partition(b"\r\n\r\n")
    _, named, length = start.partition(b"content-length:")
    return bool(end and named) and len(body) >= int(length.split()[0])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
