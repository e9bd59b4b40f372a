"""Two writers on one thread: each one's changes are kept, field by field."""

from __future__ import annotations

import json
from typing import Any

from chatkit.types import ThreadMetadata

#: Stands for a key that is not there.
_ABSENT = object()

#: The only field of a thread that is merged key by key; the others are replaced as a whole.
_NESTED = "metadata"


def merged(base: str, mine: str, theirs: str) -> str:
    """``theirs`` with what ``mine`` changed since ``base``. All three are a thread as JSON."""
    if base == theirs:
        return mine
    return json.dumps(_merge(json.loads(base), json.loads(mine), json.loads(theirs)), ensure_ascii=False)


def _merge(base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    keys = dict.fromkeys((*theirs, *mine))
    values = ((key, _value(key, *(each.get(key, _ABSENT) for each in (base, mine, theirs)))) for key in keys)
    return {key: value for key, value in values if value is not _ABSENT}


def _value(key: str, base: Any, mine: Any, theirs: Any) -> Any:
    if key == _NESTED and all(isinstance(each, dict) for each in (base, mine, theirs)):
        return _merge(base, mine, theirs)
    return theirs if mine == base else mine


class Snapshots:
    """The threads that one request has seen, as they were then: what a later save has changed is told from these.

    Each object is compared with itself, as it was loaded or saved, because the SDK and an agent may hold two objects
    of one thread. An object that is new here, such as a copy, is compared with what was last saved of its thread, or
    first loaded: it may be older than what was loaded last.
    """

    def __init__(self) -> None:
        self._of_object: dict[int, tuple[ThreadMetadata, str]] = {}
        self._of_thread: dict[str, str] = {}

    def loaded(self, thread: ThreadMetadata, payload: str) -> None:
        self._of_object[id(thread)] = thread, payload  # the object is held, so that its id stays its own
        self._of_thread.setdefault(thread.id, payload)

    def saved(self, thread: ThreadMetadata, payload: str) -> None:
        self._of_object[id(thread)] = thread, payload
        self._of_thread[thread.id] = payload

    def of(self, thread: ThreadMetadata) -> str | None:
        """``None`` for a thread that is new."""
        last = self._of_thread.get(thread.id)
        held, payload = self._of_object.get(id(thread), (None, None))
        return payload if last is not None and held is thread else last

    def forget(self, thread_id: str) -> None:
        self._of_thread.pop(thread_id, None)
