"""An assistant's message as far as it has got: what each event adds to it."""

from __future__ import annotations

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItemUpdate,
)


def grow(item: AssistantMessageItem, update: ThreadItemUpdate) -> None:
    """Apply an update of the SDK's to the message itself. Parts may come in any order, as the SDK allows."""
    match update:
        case AssistantMessageContentPartTextDelta():
            _part(item, update.content_index).text += update.delta
        case AssistantMessageContentPartAdded() | AssistantMessageContentPartDone():
            _part(item, update.content_index)
            item.content[update.content_index] = update.content.model_copy(deep=True)
        case AssistantMessageContentPartAnnotationAdded():
            _part(item, update.content_index).annotations.insert(update.annotation_index, update.annotation)


def _part(item: AssistantMessageItem, index: int) -> AssistantMessageContent:
    while len(item.content) <= index:
        item.content.append(AssistantMessageContent(text=""))
    return item.content[index]
