"""A conversation with whatever ``AGENTS`` names, without HTTP: the SDK's requests in, its events out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from chatkit.server import StreamingResult
from chatkit.types import AssistantMessageContent, AssistantMessageItem, UserMessageItem

from django_chatkit.models import ChatItem
from django_chatkit.server.agents import server_for
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.payloads import item_of
from django_chatkit.server.store import DjangoStore

from .chat import EVENT, Events, body, create


async def stream(wanted: Any, context: ChatKitContext) -> AsyncIterator[Any]:
    """The events of one request, one by one, as the endpoint would have the SDK make them."""
    server = server_for(context.session, DjangoStore(), None)
    result = await server.process(body(wanted), context)
    assert isinstance(result, StreamingResult)
    async for chunk in result.json_events:
        yield EVENT.validate_json(chunk.removeprefix(b"data: "))


async def all_of(wanted: Any, context: ChatKitContext) -> Events:
    return Events([event async for event in stream(wanted, context)])


def ask(wanted: Any, context: ChatKitContext) -> Events:
    """All events of one request; a text begins a new thread."""
    return async_to_sync(all_of)(create(wanted) if isinstance(wanted, str) else wanted, context)


def stored(thread_id: str) -> list[Any]:
    """The items of a thread as the SDK's objects, in their order."""
    rows = ChatItem.objects.filter(thread__thread_id=thread_id).order_by("created_at", "pk")
    return [item_of(row.payload) for row in rows]


def message(item_id: str, thread_id: str, text: str = "") -> AssistantMessageItem:
    content = [AssistantMessageContent(text=text)] if text else []
    return AssistantMessageItem(id=item_id, thread_id=thread_id, created_at=datetime.now(), content=content)  # noqa: DTZ005


def said(item: UserMessageItem | None) -> str:
    return "".join(part.text for part in item.content) if item else ""
