"""Threads and their items in words: what is stored as JSON becomes something to read, whatever it is.

Read with ``json`` alone: the SDK takes a second to import, and refuses items of other versions of itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import ChatAttachment, ChatItem, ChatThread

#: Items on a page, and characters of one text: no thread is too long to be looked at.
PAGE = 50
MAX_TEXT = 20_000

Words = str | Promise


@dataclass(frozen=True)
class Block:
    """A piece of an item: ``text`` under an optional ``label``. ``kind`` is ``text``, ``quote`` or ``code``."""

    text: str
    label: Words = ""
    kind: str = "text"

    @property
    def shown(self) -> str:
        """As much as a page can hold, and nothing that cannot be encoded."""
        return self.text[:MAX_TEXT].encode(errors="replace").decode()

    @property
    def left_out(self) -> int:
        """How many characters are not shown."""
        return max(len(self.text) - MAX_TEXT, 0)


@dataclass(frozen=True)
class File:
    """An attachment as its message has it, and its row, if its file is still there."""

    name: str
    mime_type: str
    row: ChatAttachment | None = None


@dataclass
class Entry:
    """An item as the page shows it. ``kind`` is ``user``, ``assistant``, ``aside``, ``hidden`` or ``end``."""

    item: ChatItem
    kind: str
    label: Words
    blocks: list[Block] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """Entries in the order they were said, and the items to go on from: ``None`` at either end."""

    entries: list[Entry]
    before: int | None
    after: int | None


def title_of(thread: ChatThread) -> str:
    """Its title, or ``""``."""
    return _text(_parsed(thread.payload), "title").encode(errors="replace").decode()


def status_of(thread: ChatThread) -> str:
    """``active``, ``locked`` or ``closed``, with the reason if there is one."""
    status = _object(_parsed(thread.payload).get("status"))
    reason = _text(status, "reason")
    return (_text(status, "type") or "active") + (f": {reason}" if reason else "")


def page_of(thread: ChatThread, *, after: int | None = None, before: int | None = None, newest: bool = False) -> Page:
    """``PAGE`` items behind or ahead of another, the newest, or else the first ones."""
    items = ChatItem.objects.using(thread._state.db).filter(thread=thread).select_related("feedback")
    backwards = newest or before is not None
    pk = after if before is None else before
    place = items.filter(pk=pk).values_list("created_at", "pk").first() if pk is not None else None
    if place is not None:
        items = _beyond(items, *place, backwards=backwards)
    order = ("-created_at", "-pk") if backwards else ("created_at", "pk")
    rows = list(items.order_by(*order)[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    first, last = (place is not None and not backwards, more)
    if backwards:
        rows.reverse()
        first, last = more, place is not None
    entries = [_entry(item) for item in rows]
    _find_files(thread, entries)
    return Page(entries, rows[0].pk if rows and first else None, rows[-1].pk if rows and last else None)


def _beyond(items: QuerySet[ChatItem], moment: datetime, pk: int, *, backwards: bool) -> QuerySet[ChatItem]:
    """By keyset, along the index of thread, time and key."""
    beyond = "lt" if backwards else "gt"
    later = Q(**{f"created_at__{beyond}": moment}) | Q(**{f"pk__{beyond}": pk})
    return items.filter(later, **{f"created_at__{beyond}e": moment})


def _entry(item: ChatItem) -> Entry:
    """What nobody can make sense of, or is nested too deep for this Python, is shown as it is stored."""
    with suppress(ValueError, RecursionError):
        payload = json.loads(item.payload)
        if isinstance(payload, dict):
            return _told(item, payload)
    return Entry(item, "aside", _("Unknown item"), [Block(item.payload, kind="code")])


def _told(item: ChatItem, payload: dict[str, Any]) -> Entry:
    kind, label, blocks = _KINDS.get(_text(payload, "type"), ("aside", _("Unknown item"), _unknown))
    entry = Entry(item, kind, label, [block for block in blocks(payload) if block.text])
    if kind == "user":
        entry.files = [File(_text(one, "name"), _text(one, "mime_type")) for one in _files(payload)]
    return entry


def _find_files(thread: ChatThread, entries: list[Entry]) -> None:
    """One query for all attachments of the page."""
    wanted = {id(entry): [_text(one, "id") for one in _files(_parsed(entry.item.payload))] for entry in entries}
    ids = [name for names in wanted.values() for name in names]
    if not ids:
        return
    rows = ChatAttachment.objects.using(thread._state.db).filter(thread=thread, attachment_id__in=ids).exclude(file="")
    known = {row.attachment_id: row for row in rows.defer("payload")}
    for entry in entries:
        pairs = zip(entry.files, wanted[id(entry)], strict=False)
        entry.files = [File(file.name, file.mime_type, known.get(name)) for file, name in pairs]


def _user_message(payload: dict[str, Any]) -> Iterator[Block]:
    yield Block(_text(payload, "quoted_text"), kind="quote")
    parts = (
        ("@" if part.get("type") == "input_tag" else "") + _text(part, "text") for part in _list(payload, "content")
    )
    yield Block("".join(parts))
    options = _object(payload.get("inference_options"))
    yield Block(_text(options, "model"), _("Model"))
    yield Block(_text(_object(options.get("tool_choice")), "id"), _("Tool"))


def _assistant_message(payload: dict[str, Any]) -> Iterator[Block]:
    for part in _list(payload, "content"):
        yield Block(_text(part, "text"))
        sources = (_source(_object(note.get("source"))) for note in _list(part, "annotations"))
        yield Block("\n".join(filter(None, sources)), _("Sources"))


def _tool_call(payload: dict[str, Any]) -> Iterator[Block]:
    yield Block(_text(payload, "name"), _("Name"))
    yield Block(_pretty(payload.get("arguments")), _("Arguments"), "code")
    if payload.get("output") is None:
        yield Block(_text(payload, "status"), _("Status"))
    else:
        yield Block(_pretty(payload["output"]), _("Answer"), "code")


def _widget(payload: dict[str, Any]) -> Iterator[Block]:
    words = "\n".join(_words(payload.get("widget")))
    yield Block(words or _text(payload, "copy_text") or _pretty(payload.get("widget")))


def _image(payload: dict[str, Any]) -> Iterator[Block]:
    yield Block(_text(_object(payload.get("image")), "url")[:200], _("Address"))


def _questions(payload: dict[str, Any]) -> Iterator[Block]:
    for question in _list(payload, "inputs"):
        answer = _object(question.get("answer"))
        values = ", ".join(map(str, answer["values"])) if isinstance(answer.get("values"), list) else ""
        yield Block(values or ("(skipped)" if answer.get("skipped") else "…"), _text(question, "question"))


def _task_item(payload: dict[str, Any]) -> Iterator[Block]:
    yield _task(_object(payload.get("task")))


def _workflow_item(payload: dict[str, Any]) -> Iterator[Block]:
    workflow = _object(payload.get("workflow"))
    yield Block(_text(_object(workflow.get("summary")), "title"))
    for task in _list(workflow, "tasks"):
        yield _task(task)


def _task(task: dict[str, Any]) -> Block:
    asked = task.get("queries")
    queries = list(map(str, asked)) if isinstance(asked, list) else []
    sources = [_source(source) for source in _list(task, "sources")]
    return Block("\n".join(filter(None, [_text(task, "content"), *queries, *sources])) or "…", _text(task, "title"))


def _hidden(payload: dict[str, Any]) -> Iterator[Block]:
    content = payload.get("content")
    yield Block(content) if isinstance(content, str) else Block(_pretty(content), kind="code")


def _nothing(payload: dict[str, Any]) -> Iterator[Block]:
    yield from ()


def _unknown(payload: dict[str, Any]) -> Iterator[Block]:
    yield Block(_pretty(payload), _text(payload, "type"), "code")


_KINDS: dict[str, tuple[str, Words, Callable[[dict[str, Any]], Iterator[Block]]]] = {
    "user_message": ("user", _("Visitor"), _user_message),
    "assistant_message": ("assistant", _("Assistant"), _assistant_message),
    "client_tool_call": ("aside", _("Tool call in the browser"), _tool_call),
    "widget": ("assistant", _("Widget"), _widget),
    "generated_image": ("assistant", _("Generated image"), _image),
    "structured_input": ("assistant", _("Questions"), _questions),
    "task": ("aside", _("Task"), _task_item),
    "workflow": ("aside", _("Steps"), _workflow_item),
    "end_of_turn": ("end", _("End of turn"), _nothing),
    "hidden_context_item": ("hidden", _("Hidden from the visitor"), _hidden),
    "sdk_hidden_context": ("hidden", _("Hidden from the visitor"), _hidden),
}

#: Where ChatKit's widgets keep what people see.
_SEEN = ("value", "label", "title", "text", "content", "alt", "placeholder", "name")


def _words(widget: object) -> Iterator[str]:
    """What a widget shows, line by line. It may be nested deeper than functions can call themselves."""
    waiting = [widget]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += reversed(part)
        elif isinstance(part, dict):
            yield from (part[key] for key in _SEEN if isinstance(part.get(key), str) and part[key].strip())
            waiting += reversed([child for child in part.values() if isinstance(child, dict | list)])


def _source(source: dict[str, Any]) -> str:
    place = _text(source, "url") or _text(source, "filename")
    return ": ".join(filter(None, (_text(source, "title"), place)))


def _parsed(payload: str) -> dict[str, Any]:
    try:
        return _object(json.loads(payload))
    except (ValueError, RecursionError):
        return {}


def _pretty(value: object) -> str:
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _list(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = value.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _files(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return _list(payload, "attachments")
