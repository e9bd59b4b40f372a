"""The smallest agent there is: it says again, word by word, what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

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

from django_chatkit.server.context import ChatKitContext

#: Seconds between two words. Tests that need a slow agent write "slowly" into the message.
PAUSE = 0.3


async def respond(
    thread: ThreadMetadata, item: UserMessageItem | None, context: ChatKitContext
) -> AsyncIterator[ThreadStreamEvent]:
    text = "".join(part.text for part in item.content) if item else "nothing"
    item_id = f"msg_{context.session.session_id[-8:]}_{datetime.now().timestamp():.6f}"  # noqa: DTZ005
    message = AssistantMessageItem(
        id=item_id,
        thread_id=thread.id,
        created_at=datetime.now(),  # noqa: DTZ005
        content=[AssistantMessageContent(text="")],
    )
    yield ThreadItemAddedEvent(item=message)
    for word in text.split():
        if "slowly" in text:
            await asyncio.sleep(PAUSE)
        delta = AssistantMessageContentPartTextDelta(content_index=0, delta=f"{word} ")
        yield ThreadItemUpdatedEvent(item_id=item_id, update=delta)
    done = message.model_copy(update={"content": [AssistantMessageContent(text=f"{text} ")]})
    yield ThreadItemDoneEvent(item=done)
