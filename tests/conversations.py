"""Threads, items and files of self-hosted workflows, as the server part leaves them; without the SDK."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread, Workflow
from django_chatkit.server.files import storage

_numbers = itertools.count(1)


def key_of(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()


def a_thread(workflow: Workflow, identifier: str = "user-1", *, days: float = 0, **fields: Any) -> ChatThread:
    """Last used so many days ago."""
    moment = timezone.now() - timedelta(days=days)
    number = next(_numbers)
    given = {
        "thread_id": f"thr_{number}",
        "payload": json.dumps(
            {"id": f"thr_{number}", "title": fields.pop("title", None), "status": {"type": "active"}}
        ),
        "created_at": moment,
        "updated_at": moment,
    }
    return ChatThread.objects.create(
        workflow=workflow, user_identifier=identifier, user_key=key_of(identifier), **{**given, **fields}
    )


def an_item(thread: ChatThread, kind: str = "user_message", *, feedback: str = "", **payload: Any) -> ChatItem:
    number = next(_numbers)
    fields = {name: payload.pop(name) for name in ("is_draft", "created_at") if name in payload}
    text = json.dumps({"id": f"msg_{number}", "type": kind, **payload})
    item = ChatItem.objects.create(thread=thread, item_id=f"msg_{number}", payload=text, **fields)
    if feedback:
        ChatFeedback.objects.create(item=item, kind=feedback)
    return item


def said(thread: ChatThread, text: str, **payload: Any) -> ChatItem:
    return an_item(thread, content=[{"type": "input_text", "text": text}], **payload)


def answered(thread: ChatThread, text: str, **payload: Any) -> ChatItem:
    return an_item(thread, "assistant_message", content=[{"type": "output_text", "text": text}], **payload)


def a_file(
    workflow: Workflow,
    identifier: str = "user-1",
    thread: ChatThread | None = None,
    *,
    content: bytes | None = b"content",
    days: float = 0,
    **payload: Any,
) -> ChatAttachment:
    """An attachment with its file in the storage; without one if there is no content."""
    number = next(_numbers)
    stored = storage().save(f"chatkit/{number}", ContentFile(content)) if content is not None else ""
    return ChatAttachment.objects.create(
        workflow=workflow,
        user_key=key_of(identifier),
        thread=thread,
        attachment_id=f"atc_{number}",
        payload=json.dumps({"id": f"atc_{number}", "name": "notes.txt", "mime_type": "text/plain", **payload}),
        file=stored,
        size=len(content or b""),
        created_at=timezone.now() - timedelta(days=days),
    )
