"""Files to send, storages that fail, and the two ways a request reaches Django."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
TEXT = b"Two cups, please.\n"

MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage"}


class FullDisk(FileSystemStorage):
    """Has room for ten bytes."""

    def _save(self, name: str, content: Any) -> str:
        super()._save(name, ContentFile(content.read(10)))
        raise OSError(28, "No space left on device")


class Gated(FileSystemStorage):
    """What is written stays on its way until somebody opens the pipe ``gate`` beside the folder."""

    def _save(self, name: str, content: Any) -> str:
        saved: str = super()._save(name, content)
        (Path(self.location).parent / "gate").open("wb").close()
        return saved


class DeadService(InMemoryStorage):
    """A service whose messages repeat its key."""

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("AWS4 key canary-storage-key is not known")

    _save = _open = delete = _fail  # type: ignore[assignment]


class Remote(Storage):
    """A service with nothing but what ``Storage`` promises: no paths, no seeking, and files are fetched when read."""

    kept: ClassVar[dict[str, bytes]] = {}
    #: How many times a file can be read from.
    reads = 1000

    def _save(self, name: str, content: Any) -> str:
        self.kept[f"{name}_remote"] = b"".join(content.chunks())
        return f"{name}_remote"

    def _open(self, name: str, mode: str = "rb") -> Any:
        return _Fetched(self, name)

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    def exists(self, name: str) -> bool:
        return name in self.kept


class _Fetched:
    def __init__(self, storage: Remote, name: str) -> None:
        self.storage, self.name, self.at, self.reads = storage, name, 0, storage.reads

    def read(self, size: int) -> bytes:
        if self.name not in self.storage.kept:
            raise FileNotFoundError(self.name)
        if not self.reads:
            raise RuntimeError("canary-storage-key")
        self.reads -= 1
        self.at += size
        return self.storage.kept[self.name][self.at - size : self.at]

    def close(self) -> None:
        self.storage.kept["closed"] = b""


def names_in(storage: Any, folder: str = "") -> list[str]:
    """Every file of a storage, which may not have begun to exist."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return []
    inside = [name for each in folders for name in names_in(storage, f"{folder}{each}/")]
    return [f"{folder}{file}" for file in files] + inside


def content_of(storage: Any, name: str) -> bytes:
    with storage.open(name) as file:
        content: bytes = file.read()
    return content
