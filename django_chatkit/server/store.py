"""``DjangoStore``: what OpenAI's server SDK keeps, in this site's database."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from chatkit.store import Store, StoreItemType, default_generate_id
from chatkit.types import Attachment, FeedbackKind, Page, ThreadItem, ThreadMetadata, UserMessageItem, WorkflowItem

from ..models import ChatThread
from .attachments import signed_preview
from .context import ChatKitContext
from .database import in_database
from .merging import Snapshots
from .payloads import (
    attachment_of,
    item_of,
    record_of_attachment,
    record_of_item,
    record_of_thread,
    thread_of,
)
from .rows import OwnedRows, Rows
from .writing import WritableRows


class DjangoStore(Store[ChatKitContext]):
    """Threads, items and attachments of the context's owner and workflow; made for one request.

    Everything of others is as if it did not exist: ``chatkit.store.NotFoundError``. Threads older than the session's
    ``history.recent_threads`` cannot be loaded, but written to and deleted. Ids that no database takes are not found,
    and a ``ValueError`` when they are to be saved. What the caller hands over is read at once: it may change it
    while the database is at work.
    """

    #: Set when the browser has gone: the SDK then adds what it has of items that it may just have added finished.
    is_cancelled = False

    def __init__(self) -> None:
        self._snapshots = Snapshots()
        #: Ids that were made here, of items that have not been stored: nobody has to look whether they are taken.
        self.unused_ids: set[str] = set()

    def generate_thread_id(self, context: ChatKitContext) -> str:
        return _new_id("thread")

    def generate_item_id(self, item_type: StoreItemType, thread: ThreadMetadata, context: ChatKitContext) -> str:
        item_id = _new_id(item_type)
        self.unused_ids.add(item_id)
        return item_id

    # threads

    async def load_thread(self, thread_id: str, context: ChatKitContext) -> ThreadMetadata:
        return self._loaded(await in_database(OwnedRows(context).thread, thread_id))

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: ChatKitContext
    ) -> Page[ThreadMetadata]:
        """Empty when the preset has no history."""
        rows = await in_database(OwnedRows(context).thread_page, after, limit, order)
        return Page[ThreadMetadata](data=[self._loaded(each) for each in rows.payloads], **_rest(rows))

    async def save_thread(self, thread: ThreadMetadata, context: ChatKitContext) -> None:
        """Insert or update it. Of a thread that this store has loaded, only what was changed since is written."""
        record, base = record_of_thread(thread), self._snapshots.of(thread)
        await in_database(WritableRows(context).put_thread, record, base)
        self._snapshots.saved(thread, record.payload)

    async def delete_thread(self, thread_id: str, context: ChatKitContext) -> None:
        """With its items and attachments, and their files."""
        await in_database(WritableRows(context).delete_thread, thread_id)
        self._snapshots.forget(thread_id)

    # items

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: ChatKitContext
    ) -> Page[ThreadItem]:
        """Empty for a thread that is not there."""
        rows = await in_database(OwnedRows(context).item_page, thread_id, after, limit, order)
        return Page[ThreadItem](data=[_outgoing(item_of(each), context) for each in rows.payloads], **_rest(rows))

    async def load_item(self, thread_id: str, item_id: str, context: ChatKitContext) -> ThreadItem:
        return _outgoing(item_of(await in_database(OwnedRows(context).item, thread_id, item_id)), context)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: ChatKitContext) -> None:
        """Insert it, or put it in the place of its draft.

        A finished one stays, and it is a ``django.db.IntegrityError`` unless ``is_cancelled``. Except for a workflow:
        one that goes on after a client's tool call is added by the SDK in every turn.
        """
        put, record, goes_on = WritableRows(context).put_item, record_of_item(item), isinstance(item, WorkflowItem)
        self.unused_ids.discard(item.id)
        await in_database(put, thread_id, record, overwrite=goes_on, again=self.is_cancelled)

    async def save_item(self, thread_id: str, item: ThreadItem, context: ChatKitContext) -> None:
        self.unused_ids.discard(item.id)
        await in_database(WritableRows(context).put_item, thread_id, record_of_item(item), overwrite=True)

    async def save_draft(self, thread_id: str, item: ThreadItem, context: ChatKitContext) -> None:
        """Save an item that is still growing. It never replaces a finished one."""
        self.unused_ids.discard(item.id)
        await in_database(WritableRows(context).put_item, thread_id, record_of_item(item), is_draft=True)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: ChatKitContext) -> None:
        """Nothing happens if the thread has no such item: the SDK also removes items that it never saved."""
        await in_database(WritableRows(context).delete_item, thread_id, item_id)

    async def save_feedback(
        self, thread_id: str, item_ids: Collection[str], kind: FeedbackKind, context: ChatKitContext
    ) -> ChatThread:
        """What the visitor thinks of these items, instead of what they thought before. The thread's record."""
        return await in_database(WritableRows(context).put_feedback, thread_id, item_ids, kind)

    # attachments

    async def save_attachment(self, attachment: Attachment, context: ChatKitContext) -> None:
        """``ValueError`` if it belongs to another thread: it is deleted with that one."""
        record = record_of_attachment(attachment)
        await in_database(WritableRows(context).put_attachment, record, attachment.thread_id)

    async def load_attachment(self, attachment_id: str, context: ChatKitContext) -> Attachment:
        return signed_preview(attachment_of(await in_database(OwnedRows(context).attachment, attachment_id)), context)

    async def delete_attachment(self, attachment_id: str, context: ChatKitContext) -> None:
        """With its file. Nothing happens if there is none."""
        await in_database(WritableRows(context).delete_attachment, attachment_id)

    async def require_attachments(
        self, ids: Collection[str], context: ChatKitContext, thread_id: str | None = None
    ) -> None:
        """Whether a message, in this thread or else in a new one, can have these attachments.

        ``NotFoundError`` for an unknown one, ``ValueError`` if it belongs to another thread or if its file has not
        arrived.
        """
        rows = await in_database(OwnedRows(context).required_attachments, ids, thread_id)
        for row in rows:
            if not row["file"] and attachment_of(row["payload"]).upload_descriptor:
                raise ValueError(f"The file of attachment {row['attachment_id']} has not arrived")

    def _loaded(self, payload: str) -> ThreadMetadata:
        thread = thread_of(payload)
        self._snapshots.loaded(thread, payload)
        return thread


def _new_id(item_type: StoreItemType) -> str:
    """The SDK's prefix and 128 random bits; its own ids have 32."""
    return f"{default_generate_id(item_type).rpartition('_')[0]}_{secrets.token_hex(16)}"


def _rest(rows: Rows) -> dict[str, Any]:
    return {"has_more": rows.after is not None, "after": rows.after}


def _outgoing(item: ThreadItem, context: ChatKitContext) -> ThreadItem:
    if isinstance(item, UserMessageItem):
        item.attachments = [signed_preview(attachment, context) for attachment in item.attachments]
    return item
