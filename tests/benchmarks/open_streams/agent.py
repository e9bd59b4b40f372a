"""Who answers, at both servers alike: a word at a time, at such a pace, and until such a file is there."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)


async def respond(
    thread: ThreadMetadata, item: UserMessageItem | None, context: Any
) -> AsyncIterator[ThreadStreamEvent]:
    """``0.5 /tmp/end`` asks for a word each half second, one at least, until ``/tmp/end`` is there."""
    assert item is not None
    pause, _, end = item.content[0].text.partition(" ")
    message = AssistantMessageItem(
        id=f"msg_{secrets.token_hex(16)}",
        thread_id=thread.id,
        created_at=datetime.now(),  # noqa: DTZ005 - as the SDK's own
        content=[AssistantMessageContent(text="")],
    )
    yield ThreadItemAddedEvent(item=message)
    text = ""
    for number in itertools.count():
        word = f"word{number} "
        delta = AssistantMessageContentPartTextDelta(content_index=0, delta=word)
        yield ThreadItemUpdatedEvent(item_id=message.id, update=delta)
        text += word
        await asyncio.sleep(float(pause))
        if Path(end).exists():
            break
    yield ThreadItemDoneEvent(item=message.model_copy(update={"content": [AssistantMessageContent(text=text)]}))
