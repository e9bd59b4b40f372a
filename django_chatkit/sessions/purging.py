"""Deleting threads of self-hosted workflows with all that belongs to them, files included.

An attachment's row outlives its thread until its file is gone: whoever is killed in between, or meets a storage that
fails, only has to begin again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import router, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from ..models import ChatAttachment, ChatItem, ChatThread
from ..server.files import storage
from .batches import CHUNK, Position, after, in_batches, past_deadlocks


@dataclass
class Purge:
    """Deletes, and counts what it has deleted in the database ``using``."""

    using: str
    threads: int = 0
    items: int = 0
    attachments: int = 0
    _failed: dict[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """The files that could not be deleted, and why."""
        return [f"{file}: {reason}" for file, reason in self._failed.items()]

    def delete_threads(self, threads: Iterable[int]) -> None:
        """Delete these rows of ``ChatThread`` in one transaction; the attachments and their files after its commit.

        An ``UPDATE`` comes first, as in ``server/writing.py``: who writes into one of them waits, and finds it gone.
        """
        keys = list(threads)
        rows = ChatThread.objects.using(self.using).filter(pk__in=keys)
        with transaction.atomic(using=self.using):
            rows.update(updated_at=F("updated_at"))
            ours = ChatAttachment.objects.using(self.using).filter(thread__in=keys)
            attachments = list(ours.order_by().values_list("pk", flat=True))
            ours.update(thread=None)
            items = self._delete_items(keys)
            deleted = rows.only("pk").delete()[1]
            done = partial(self._committed, deleted.get(ChatThread._meta.label, 0), items, attachments)
            transaction.on_commit(done, using=self.using)

    def delete_attachments(self, attachments: Iterable[int]) -> None:
        """Delete files, and the rows of those that are gone, unless they were sent with a message meanwhile."""
        keys = list(attachments)
        for start in range(0, len(keys), CHUNK):
            rows = (
                ChatAttachment.objects.using(self.using)
                .filter(pk__in=keys[start : start + CHUNK], thread=None)
                .order_by()
            )
            gone = [pk for pk, file in rows.values_list("pk", "file") if self._is_gone(file)]
            self.attachments += past_deadlocks(lambda: rows.filter(pk__in=gone).delete()[0], self.using)  # noqa: B023

    def _committed(self, threads: int, items: int, attachments: list[int]) -> None:
        self.threads += threads
        self.items += items
        self.delete_attachments(attachments)

    def _delete_items(self, threads: list[int]) -> int:
        """A thread may be long, and Django would load all of it to see what else hangs on its items."""
        items = ChatItem.objects.using(self.using)
        count = 0
        while keys := list(items.filter(thread__in=threads).order_by().values_list("pk", flat=True)[:CHUNK]):
            items.filter(pk__in=keys).only("pk").delete()
            count += len(keys)
        return count

    def _is_gone(self, file: str) -> bool:
        try:
            if file:
                storage().delete(file)
        except FileNotFoundError:
            pass
        except Exception as error:  # a storage of somebody else's; its message may hold addresses with keys in them
            self._failed[file] = type(error).__name__
            return False
        self._failed.pop(file, None)
        return True


def purge_threads(
    *,
    older_than: timedelta,
    batch_size: int = 500,
    using: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> Purge:
    """Delete the threads that were last used longer ago than ``older_than``, and attachments as old that are in none.

    Can be killed at any time and run again. ``batch_size`` is threads per transaction; ``progress`` is called after
    each with the number of threads so far. A file that cannot be deleted stops nothing: see ``failures``, try again.
    """
    moment = timezone.now() - older_than
    purge = Purge(using or router.db_for_write(ChatThread))
    in_batches(
        old_threads(moment, purge.using),
        "updated_at",
        lambda chunk: purge.delete_threads(chunk.values_list("pk", flat=True)),
        batch_size,
        progress=lambda _count: progress and progress(purge.threads),
    )
    for attachments in _in_chunks(unsent_attachments(moment, purge.using)):
        purge.delete_attachments(attachments)
    return purge


def delete_threads(threads: QuerySet[ChatThread]) -> Purge:
    """Delete these threads, ``CHUNK`` in a transaction, each with items, feedback, attachments and files."""
    purge = Purge(router.db_for_write(ChatThread))
    keys = list(threads.using(purge.using).order_by().values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        past_deadlocks(partial(purge.delete_threads, keys[start : start + CHUNK]), purge.using)
    return purge


def old_threads(moment: datetime, using: str) -> QuerySet[ChatThread]:
    """Threads that nobody has used since ``moment``."""
    return ChatThread.objects.using(using).filter(updated_at__lt=moment)


def unsent_attachments(moment: datetime, using: str) -> QuerySet[ChatAttachment]:
    """Attachments from before ``moment`` that belong to no thread: never sent, or left over from a deleted one."""
    return ChatAttachment.objects.using(using).filter(thread=None, created_at__lt=moment)


def _in_chunks(attachments: QuerySet[ChatAttachment]) -> Iterator[list[int]]:
    """By keyset: those whose file cannot be deleted stay, and are not met again."""
    last: Position | None = None
    while True:
        rows = list(
            after(attachments, "created_at", last).order_by("created_at", "id")[:CHUNK].values_list("created_at", "id")
        )
        if not rows:
            return
        yield [pk for _, pk in rows]
        last = rows[-1]
