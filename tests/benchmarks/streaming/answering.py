"""What answers in both servers: an agent without a model, whose words are there as fast as they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
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

#: A model's words come as long as this, with the space.
WORD = "answer "


async def respond(
    thread: ThreadMetadata, item: UserMessageItem | None, context: Any
) -> AsyncIterator[ThreadStreamEvent]:
    """As many words as the message says ("300 words"). "300 words one by one": each in its turn of the event loop."""
    said = item.content[0].text
    words, one_by_one = int(said.split()[0]), said.endswith("one by one")
    item_id = f"msg_{thread.id}"
    message = AssistantMessageItem(
        id=item_id,
        thread_id=thread.id,
        created_at=datetime.now(),  # noqa: DTZ005
        content=[AssistantMessageContent(text="")],
    )
    yield ThreadItemAddedEvent(item=message)
    for _ in range(words):
        if one_by_one:
            await asyncio.sleep(0)
        delta = AssistantMessageContentPartTextDelta(content_index=0, delta=WORD)
        yield ThreadItemUpdatedEvent(item_id=item_id, update=delta)
    done = message.model_copy(update={"content": [AssistantMessageContent(text=WORD * words)]})
    yield ThreadItemDoneEvent(item=done)
