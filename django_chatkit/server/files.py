"""The files of attachments: what they may be called, what they really are, and the storage that holds them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import PurePosixPath
from typing import IO, Any, ClassVar, ParamSpec, TypeVar

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .refusals import Refusal

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("django_chatkit")

#: The entry of ``STORAGES`` that is used if there is one; else the default storage.
STORAGE_ALIAS = "chatkit"
#: Where in the storage. Names are random and without an extension, so that no server guesses a type for them.
FOLDER = "chatkit_attachments"

#: Characters of a name that is kept, its extension included.
MAX_NAME = 150
MAX_SUFFIX = 20

#: Threads of one process that talk to the storage. Not those of the database, which a slow storage would hold up.
THREADS = 8

#: The only types that are ever shown inside a page. SVG is none of them: it can hold scripts.
SAFE_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
#: Bytes of a file that ``image_type`` has to see.
HEAD = 16

#: Control characters, marks that turn the direction of text, half surrogate pairs, private ones and line separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_RESERVED = re.compile(r'[<>:"|?*]')
_TOKEN = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"  # noqa: S105
_MEDIA_TYPE = re.compile(f"{_TOKEN}/{_TOKEN}")


class UploadRefused(Refusal):
    """A file that is not taken. The reason is for the visitor and says nothing secret.

    ``code`` is ``permission_denied`` (403: uploads are off, too many files wait, the address has been used),
    ``invalid`` (400: the name, the type, or not what was announced) or ``too_large`` (413).
    """

    STATUS: ClassVar = {"permission_denied": 403, "invalid": 400, "too_large": 413}

    def __init__(self, reason: Any, code: str) -> None:
        super().__init__(self.STATUS[code], code, reason)


class StorageFailed(Refusal):
    """The storage could not save or open a file: 503 ``storage_failed``. It has been logged."""

    def __init__(self) -> None:
        super().__init__(503, "storage_failed", _("The file cannot be stored or read at the moment. Try again later."))


def safe_name(name: str) -> str:
    """The last part of a path, without what deceives or what file systems refuse; at most ``MAX_NAME`` characters.

    Raises ``UploadRefused`` if nothing is left of it.
    """
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    name = "".join(character for character in name if unicodedata.category(character) not in _INVISIBLE)
    name = _RESERVED.sub("_", " ".join(name.split())).strip(" .")
    if not name:
        raise UploadRefused(_("This file name cannot be used."), "invalid")
    if len(name) <= MAX_NAME:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix) <= MAX_SUFFIX else ""
    return name[: MAX_NAME - len(suffix)].rstrip(" .") + suffix


def safe_type(mime_type: str) -> str:
    """The content type in lower case. Raises ``UploadRefused`` unless it is a plain ``type/subtype`` (RFC 6838)."""
    mime_type = mime_type.lower()
    if not _MEDIA_TYPE.fullmatch(mime_type):
        raise UploadRefused(_("The content type of the file must be written as type/subtype."), "invalid")
    return mime_type


def image_type(head: bytes) -> str | None:
    """Which of ``SAFE_IMAGES`` starts with these bytes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def storage() -> Storage:
    """The storage of the alias ``chatkit`` in ``STORAGES`` if it is there, else the default one."""
    return storages[STORAGE_ALIAS if STORAGE_ALIAS in settings.STORAGES else "default"]


def store(content: IO[bytes]) -> str:
    """Save a complete file and return its name in the storage. Raises ``StorageFailed``, and then leaves nothing."""
    name = f"{FOLDER}/{timezone.now():%Y/%m}/{secrets.token_hex(16)}"
    try:
        return storage().save(name, File(content, name=name), max_length=255)
    except Exception as error:
        _log("An attachment could not be stored", error)
        delete_files([name])  # the part that it wrote
        raise StorageFailed from None


def opened(name: str) -> Any:
    """The stored file, open for reading. Raises ``FileNotFoundError`` and ``StorageFailed``."""
    try:
        return storage().open(name)
    except FileNotFoundError:
        raise
    except Exception as error:
        _log("An attachment could not be opened", error)
        raise StorageFailed from None


def read(stored: Any, size: int) -> bytes:
    """The next bytes of an opened file. Raises as ``opened``: some storages look for the file only now."""
    try:
        content: bytes = stored.read(size)
    except FileNotFoundError:
        raise
    except Exception as error:
        _log("An attachment could not be read", error)
        raise StorageFailed from None
    return content


def delete_files(names: Iterable[str]) -> None:
    """Delete files from the storage; empty names and what is not there are fine. Never raises: failures are logged."""
    for name in filter(None, names):
        try:
            storage().delete(name)
        except Exception as error:
            _log(f"The file {name} of an attachment could not be deleted from the storage", error)


def _log(what: str, error: Exception) -> None:
    """The kind of error and what the system says. Messages of storages may hold keys and signed addresses."""
    strerror = error.strerror if isinstance(error, OSError) else None
    reason = type(error).__name__ + (f", {strerror}" if strerror else "")
    logger.error("%s: %s.", what, reason, extra={"code": "storage_failed"})


async def in_storage(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``work``, which may read and write files, in one of the threads. Who is cancelled stops waiting only."""
    call = partial(contextvars.copy_context().run, _without_connections, partial(work, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_threads(os.getpid()), call)


@lru_cache(maxsize=1)
def _threads(_process: int) -> ThreadPoolExecutor:
    """Threads do not survive a fork, so each process has its own."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="django_chatkit_files")


def _without_connections(work: Callable[[], T]) -> T:
    """Storages that keep their files in a database open connections, which nobody else would close."""
    try:
        return work()
    finally:
        connections.close_all()
