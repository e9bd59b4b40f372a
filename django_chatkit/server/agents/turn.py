"""One answer on its way: ids that are good for a store, and drafts in case that it is cut off."""

from __future__ import annotations

import logging
import time
from typing import TypeVar

from chatkit.store import NotFoundError, StoreItemType
from chatkit.types import (
    AssistantMessageItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    WorkflowItem,
)

from ..context import ChatKitContext
from ..store import DjangoStore
from .growth import grow

logger = logging.getLogger("django_chatkit")

#: Seconds between two savings of an answer that is being written.
DRAFT_EVERY = 2.0

#: The id that adapters of other providers' models give to every message.
FAKE_ID = "__fake_id__"

#: What the store calls the kinds of items that it has names for; everything else is a message to it.
KINDS: dict[str, StoreItemType] = {
    "client_tool_call": "tool_call",
    "task": "task",
    "workflow": "workflow",
    "sdk_hidden_context": "sdk_hidden_context",
}

WithItem = TypeVar("WithItem", ThreadItemAddedEvent, ThreadItemDoneEvent, ThreadItemReplacedEvent)
AboutItem = ThreadItemUpdatedEvent | ThreadItemRemovedEvent


class Turn:
    """Sees every event of one answer before the SDK stores it and sends it on."""

    def __init__(self, store: DjangoStore, thread: ThreadMetadata, context: ChatKitContext) -> None:
        self.store, self.thread, self.context = store, thread, context
        self._ids: dict[str, str] = {}  # what the agent calls an item: what it is called here
        self._taken: set[str] = set()  # ids of this turn's items
        self._open: set[str] = set()  # what the agent calls the items that it has not finished
        self._drafts: dict[str, AssistantMessageItem] = {}
        self._unsaved: set[str] = set()
        self._saved_at = time.monotonic()

    async def take(self, event: ThreadStreamEvent) -> ThreadStreamEvent:
        """The event as it is to be stored and sent. Now and then this saves what has been written so far."""
        if isinstance(event, AboutItem):
            event = self._of_good_id(event)
        else:
            event = await self._with_good_ids(event)
        self._follow(event)
        if self._unsaved and time.monotonic() - self._saved_at >= DRAFT_EVERY:
            await self.save_drafts()
        return event

    async def save_drafts(self) -> None:
        """Save what is not finished. Never fails: a draft that cannot be saved must not end the answer."""
        self._saved_at = time.monotonic()
        drafts = [self._drafts[item_id] for item_id in self._unsaved]
        self._unsaved.clear()
        for draft in drafts:
            try:
                await self.store.save_draft(self.thread.id, draft, self.context)
            except Exception as error:
                logger.warning("What an agent has written so far was not saved (%s).", type(error).__name__)

    async def _with_good_ids(self, event: ThreadStreamEvent) -> ThreadStreamEvent:
        match event:
            case ThreadItemAddedEvent():
                self._open.add(event.item.id)
                return await self._introduced(event)
            case ThreadItemDoneEvent():
                return await self._finished(event)
            case ThreadItemReplacedEvent():
                return self._renamed(event)
        return event

    def _of_good_id(self, event: AboutItem) -> ThreadStreamEvent:
        new = self._ids.get(event.item_id)
        return event.model_copy(update={"item_id": new}) if new else event

    async def _finished(self, event: ThreadItemDoneEvent) -> ThreadItemDoneEvent:
        name = event.item.id
        # A workflow that was not begun here goes on from an earlier turn: the store takes it again.
        is_known = name in self._open or isinstance(event.item, WorkflowItem)
        self._open.discard(name)
        return self._renamed(event) if is_known else await self._introduced(event)

    async def _introduced(self, event: WithItem) -> WithItem:
        """An item is new: the thread must not have one of the same id, or it could not be stored."""
        name = event.item.id
        self._ids.pop(name, None)
        is_taken = name == FAKE_ID or name in self._taken or await self._is_stored(name)
        if is_taken:
            self._ids[name] = self.store.generate_item_id(
                KINDS.get(event.item.type, "message"), self.thread, self.context
            )
        event = self._renamed(event)
        self._taken.add(event.item.id)
        return event

    def _renamed(self, event: WithItem) -> WithItem:
        new = self._ids.get(event.item.id)
        return event.model_copy(update={"item": event.item.model_copy(update={"id": new})}) if new else event

    async def _is_stored(self, item_id: str) -> bool:
        if item_id in self.store.unused_ids:
            return False
        try:
            await self.store.load_item(self.thread.id, item_id, self.context)
        except NotFoundError:
            return False
        return True

    def _follow(self, event: ThreadStreamEvent) -> None:
        """Keep a copy of the messages that are being written, as far as they have got."""
        match event:
            case ThreadItemUpdatedEvent() if event.item_id in self._drafts:
                grow(self._drafts[event.item_id], event.update)
                self._unsaved.add(event.item_id)
            case ThreadItemAddedEvent(item=AssistantMessageItem() as message):
                self._drafts[message.id] = message.model_copy(deep=True)
            case ThreadItemDoneEvent() | ThreadItemReplacedEvent():
                self._forget(event.item.id)
            case ThreadItemRemovedEvent():
                self._forget(event.item_id)

    def _forget(self, item_id: str) -> None:
        self._drafts.pop(item_id, None)
        self._unsaved.discard(item_id)
