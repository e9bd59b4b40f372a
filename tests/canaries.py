"""Looks for keys and secrets everywhere they could get to."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection

if TYPE_CHECKING:
    from .fake_openai import FakeOpenAI


def forms(canary: str) -> set[str]:
    """What a canary looks like: as it is, in hex, in a URL, and inside of base64, where it may start at any place."""
    found = {canary, canary.encode().hex(), quote(canary, safe="")}
    for shift in range(3):
        encoded = base64.urlsafe_b64encode(b"." * shift + canary.encode()).decode()
        found.add(encoded[4:-4])  # its ends depend on what is around it
    return found


def places(text: str, canaries: Iterable[str]) -> list[str]:
    """Where one of the canaries is seen, with what stands before it."""
    seen = [(text.find(form), form) for canary in canaries for form in forms(canary)]
    return [f"…{text[max(0, at - 200) : at]} → {form}" for at, form in seen if at >= 0]


class Diary(logging.Handler):
    """Everything that any logger says, as it is written and as an error tracker gets it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.entries: list[str] = []
        self._formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self.entries.append(self._formatter.format(record))
        self.entries.append(repr({name: shown(value) for name, value in vars(record).items()}))
        if record.exc_info and record.exc_info[1]:
            self.entries.append(in_frames(record.exc_info[1]))

    @property
    def text(self) -> str:
        return "\n".join(self.entries)


def shown(value: Any, depth: int = 4) -> str:
    """What an error tracker keeps of a value: containers entry by entry, anything else as its ``repr``."""
    if depth and isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {shown(item, depth - 1)}" for key, item in value.items()) + "}"
    if depth and isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(shown(item, depth - 1) for item in value) + "]"
    return repr(value)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, also what was suppressed."""
    waiting, seen = [error], set()
    while waiting:
        this = waiting.pop()
        if id(this) in seen:
            continue
        seen.add(id(this))
        yield this
        waiting += [other for other in (this.__cause__, this.__context__) if other is not None]


def in_frames(error: BaseException) -> str:
    """Errors, and the local variables of all frames outside the tests themselves."""
    lines = []
    for link in chain(error):
        lines += [repr(link), str(link), shown(vars(link)), shown(link.args)]
        for frame, _line in traceback.walk_tb(link.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                lines.append(frame.f_code.co_name)
                lines += [f"{name} = {shown(value)}" for name, value in frame.f_locals.items()]
    return "\n".join(lines)


def database() -> str:
    """Every row of every table, and the Django sessions in the clear."""
    rows: list[Any] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    rows += [session.get_decoded() for session in Session.objects.all()]
    return "\n".join(map(repr, rows))


def answered(response: Any) -> str:
    """An answer with all of its headers and cookies."""
    return "\n".join([*(f"{name}: {value}" for name, value in response.items()), str(response.cookies), response.text])


def cached() -> str:
    """Every key and value of the cache, as it keeps them: a dictionary of this process, or a database of Redis."""
    backend = caches["default"]
    if isinstance(backend, LocMemCache):
        return repr(backend._cache)  # type: ignore[attr-defined]
    redis = backend._cache.get_client()  # type: ignore[attr-defined]
    return repr([(key, redis.get(key)) for key in redis.scan_iter()])


class Watch:
    """The canaries, and all that was seen so far."""

    def __init__(self, openai: FakeOpenAI, diary: Diary, *canaries: str) -> None:
        self._openai = openai
        self._seen: list[str] = []
        self._diary = diary
        self._canaries = canaries

    @property
    def canaries(self) -> list[str]:
        return [*self._canaries, *self._openai.secrets]

    def see(self, *texts: Any) -> None:
        self._seen += [str(text) for text in texts]

    def check(self) -> None:
        """Nothing that was seen, logged or stored shows a canary."""
        assert self.canaries
        for text in (*self._seen, self._diary.text, database(), cached()):
            seen = places(text, self.canaries)
            assert not seen, seen


@contextmanager
def watching(openai: FakeOpenAI, *canaries: str) -> Iterator[Watch]:
    """Listens to every logger at level DEBUG, SQL included, and looks everywhere in the end."""
    diary, root = Diary(), logging.getLogger()
    loggers = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in loggers]
    for logger in loggers:
        logger.level, logger.propagate, logger.disabled = logging.DEBUG, True, False
    root.manager._clear_cache()  # type: ignore[attr-defined]
    root.addHandler(diary)
    connection.force_debug_cursor = True
    watch = Watch(openai, diary, *canaries)
    try:
        yield watch
    finally:
        connection.force_debug_cursor = False
        root.removeHandler(diary)
        for logger, level, propagate, disabled in before:
            logger.level, logger.propagate, logger.disabled = level, propagate, disabled
        root.manager._clear_cache()  # type: ignore[attr-defined]
    watch.check()
