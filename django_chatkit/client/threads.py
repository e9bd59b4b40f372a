"""What OpenAI answers about the threads of hosted workflows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..exceptions import ChatKitError, ChatKitResponseError


@dataclass(frozen=True)
class ChatKitThread:
    """A thread at OpenAI, without its items. ``user`` is the identifier that its session was created with."""

    id: str
    user: str
    title: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ThreadPage:
    """Some of a user's threads. ``after`` asks for the next page; ``None`` if there is none."""

    threads: tuple[ChatKitThread, ...]
    after: str | None


@dataclass(frozen=True)
class DeletedThread:
    """A thread that is no more."""

    id: str


def thread(thread_id: str, answer: dict[str, Any], request_id: str | None) -> ChatKitThread | ChatKitError:
    """The thread that was asked for. Whose it is must be known: a thread without a user is no answer."""
    found = _thread(answer)
    if found is None or found.id != thread_id:
        return ChatKitResponseError("OpenAI's answer lacks the id or the user of the thread.", request_id=request_id)
    return found


def page_of_threads(answer: dict[str, Any], request_id: str | None) -> ThreadPage | ChatKitError:
    """A page. One that does not lead on, though there is more, would have us ask for it forever."""
    data, has_more = answer.get("data"), answer.get("has_more")
    threads = [_thread(item) for item in data] if isinstance(data, list) else [None]
    complete = tuple(found for found in threads if found is not None)
    if len(complete) < len(threads) or not isinstance(has_more, bool) or (has_more and not complete):
        return ChatKitResponseError("OpenAI's answer is not a page of threads.", request_id=request_id)
    return ThreadPage(complete, complete[-1].id if has_more else None)


def deleted(thread_id: str, answer: dict[str, Any], request_id: str | None) -> DeletedThread | ChatKitError:
    """What ``DELETE`` answers. Only a plain yes counts."""
    if answer.get("deleted") is not True or answer.get("id") != thread_id:
        return ChatKitResponseError("OpenAI does not say that the thread was deleted.", request_id=request_id)
    return DeletedThread(thread_id)


def _thread(item: object) -> ChatKitThread | None:
    if not isinstance(item, dict) or not _is_id(item.get("id")):
        return None
    user, title = item.get("user"), item.get("title")
    if not isinstance(user, str) or not user:
        return None
    return ChatKitThread(item["id"], user, title if isinstance(title, str) else None)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,255}", value) is not None
