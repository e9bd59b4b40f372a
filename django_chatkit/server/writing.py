"""The queries of the store that write.

Who writes begins with an ``UPDATE`` of the thread's row: it takes the row's lock (in SQLite the database's) before
anything is read, so that writers of one thread come one after the other and none has read what is old by now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from chatkit.store import NotFoundError
from django.db import IntegrityError, router, transaction
from django.db.models import F
from django.utils import timezone

from ..models import ChatAttachment, ChatFeedback, ChatThread
from ..sessions.batches import past_deadlocks
from ..sessions.purging import Purge
from .attachments import delete_files
from .merging import merged
from .payloads import Record, is_id
from .rows import OwnedRows, Row, in_use, no_thread, row_of, rows_of

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("django_chatkit")


def _once_more(write: Callable[P, T]) -> Callable[P, T]:
    """A row that another writer inserts at the same moment is found by the second attempt."""

    @wraps(write)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return write(*args, **kwargs)
        except IntegrityError:
            return write(*args, **kwargs)

    return attempt


def _past_deadlocks(write: Callable[P, T]) -> Callable[P, T]:
    """A purge locks threads by their keys: MariaDB may end a deadlock with it at the writer's cost."""

    @wraps(write)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        return past_deadlocks(partial(write, *args, **kwargs), router.db_for_write(ChatThread))

    return attempt


class WritableRows(OwnedRows):
    """The owner's rows, to be written to."""

    @_past_deadlocks
    @_once_more
    def put_thread(self, thread: Record, base: str | None) -> None:
        """Insert it, or merge into the row what has changed since ``base``, which is ``None`` for a new thread.

        One that was deleted in the meantime stays deleted.
        """
        if thread.payload == base:
            self._require_thread(thread.id)
        elif base is not None or not self._could_insert(thread):
            self._merge_thread(thread, base)

    def _could_insert(self, thread: Record) -> bool:
        """A new one has a new id, and nobody has to be waited for; otherwise it is there already."""
        try:
            with transaction.atomic(using=self.using):
                self._insert_thread(thread)
        except IntegrityError:
            return False
        return True

    def _merge_thread(self, thread: Record, base: str | None) -> None:
        with transaction.atomic(using=self.using):
            row = self._locked_thread(thread.id, "payload")
            if row:
                payload = thread.payload if base is None else merged(base, thread.payload, row["payload"])
                self.threads.filter(pk=row["pk"]).update(payload=payload)
            elif base is None:
                self._insert_thread(thread)
            else:
                raise no_thread(thread.id)

    def _insert_thread(self, thread: Record) -> None:
        session = self.context.session
        ChatThread.objects.using(self.using).create(
            thread_id=thread.id,
            workflow=self.context.workflow,
            user_id=session.user_id,
            user_identifier=session.user_identifier,
            user_key=self.context.user_key,
            payload=thread.payload,
            created_at=thread.created_at,
        )

    @_past_deadlocks
    def put_item(
        self, thread_id: str, item: Record, *, is_draft: bool = False, overwrite: bool = False, again: bool = False
    ) -> None:
        """Insert it, or replace a draft of it.

        A finished item is replaced only with ``overwrite``; with ``again``, and by a draft, it is left as it is.
        """
        with self._writing(thread_id, item.id, "item__is_draft") as row:
            if row["item__pk"] is None:
                self.items.create(
                    thread_id=row["pk"],
                    item_id=item.id,
                    payload=item.payload,
                    is_draft=is_draft,
                    created_at=item.created_at,
                )
            elif row["item__item_id"] == item.id and (overwrite or row["item__is_draft"]):
                self.items.filter(pk=row["item__pk"]).update(payload=item.payload, is_draft=is_draft)
            elif not (is_draft or again):
                raise IntegrityError(f"Item {item.id} exists already in thread {thread_id}")

    @_past_deadlocks
    def delete_item(self, thread_id: str, item_id: str) -> None:
        """The SDK also asks it for items that were never saved."""
        with self._writing(thread_id, item_id) as row:
            if row["item__item_id"] == item_id:
                self.items.filter(pk=row["item__pk"]).delete()

    @_past_deadlocks
    def delete_thread(self, thread_id: str) -> None:
        """With its items, and after the commit its attachments with their files: see ``Purge``."""
        with self._writing(thread_id) as row:
            purge = Purge(self.using)
            purge.delete_threads([row["pk"]])
            transaction.on_commit(partial(_report, purge), using=self.using)

    @_past_deadlocks
    @_once_more
    def put_attachment(self, attachment: Record, thread_id: str | None) -> None:
        """Insert it or update it, and give it to the thread if there is one; its file is not touched.

        Raises ``ValueError`` if it belongs to another thread.
        """
        with transaction.atomic(using=self.using):
            thread = self._owned_thread(thread_id) if thread_id else None
            row = self._locked_attachment(attachment.id)
            if row is None:
                self._insert_attachment(attachment, thread)
            elif thread and row["thread"] not in (None, thread):
                raise in_use(attachment.id)
            else:
                rows = self.attachments.filter(pk=row["pk"])
                rows.update(payload=attachment.payload, thread=thread or row["thread"])

    def _insert_attachment(self, attachment: Record, thread: int | None) -> None:
        ChatAttachment.objects.using(self.using).create(
            attachment_id=attachment.id,
            workflow=self.context.workflow,
            user_key=self.context.user_key,
            thread_id=thread,
            payload=attachment.payload,
            created_at=attachment.created_at,
        )

    @_past_deadlocks
    def delete_attachment(self, attachment_id: str) -> None:
        with transaction.atomic(using=self.using):
            row = self._locked_attachment(attachment_id)
            if row:
                self._delete_files([row["file"]] if row["file"] else [])
                self.attachments.filter(pk=row["pk"]).delete()

    @_past_deadlocks
    def put_feedback(self, thread_id: str, item_ids: Collection[str], kind: str) -> ChatThread:
        with self._writing(thread_id) as thread:
            items = rows_of(self.items.filter(thread=thread["pk"]), "item_id", item_ids, "feedback__pk")
            for item_id in item_ids:
                if item_id not in items:
                    raise NotFoundError(f"Item {item_id} not found in thread {thread_id}")
            rated = [row["feedback__pk"] for row in items.values() if row["feedback__pk"]]
            new = [row["pk"] for row in items.values() if not row["feedback__pk"]]
            feedback = ChatFeedback.objects.using(self.using)
            feedback.filter(pk__in=rated).update(kind=kind, created_at=timezone.now())
            feedback.bulk_create(ChatFeedback(item_id=item, kind=kind) for item in new)
            return self.threads.get(pk=thread["pk"])

    @contextmanager
    def _writing(self, thread_id: str, item_id: str = "", *fields: str) -> Iterator[Row]:
        """A transaction in which nobody else writes into this thread; the row is that of ``with_item``."""
        with transaction.atomic(using=self.using):
            self._touch(thread_id)
            row = self.with_item(self.threads, thread_id, item_id, *fields)
            if row is None:
                raise no_thread(thread_id)
            yield row

    def _require_thread(self, thread_id: str) -> None:
        if not self._touch(thread_id):
            raise no_thread(thread_id)

    def _touch(self, thread_id: str) -> int:
        return self.threads.filter(thread_id=thread_id).update(updated_at=timezone.now()) if is_id(thread_id) else 0

    def _locked_thread(self, thread_id: str, *fields: str) -> Row | None:
        self._touch(thread_id)
        return row_of(self.threads, "thread_id", thread_id, *fields)

    def _owned_thread(self, thread_id: str) -> int:
        row = self._locked_thread(thread_id)
        if row is None:
            raise no_thread(thread_id)
        return int(row["pk"])

    def _locked_attachment(self, attachment_id: str) -> Row | None:
        if is_id(attachment_id):
            self.attachments.filter(attachment_id=attachment_id).update(size=F("size"))
        return row_of(self.attachments, "attachment_id", attachment_id, "thread", "file")

    def _delete_files(self, names: list[str]) -> None:
        transaction.on_commit(partial(delete_files, names), using=self.using)


def _report(purge: Purge) -> None:
    for failure in purge.failures:
        text = "The file of an attachment could not be deleted from the storage: %s"
        logger.error(text, failure, extra={"code": "storage_failed"})
