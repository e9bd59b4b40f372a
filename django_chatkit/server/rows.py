"""The queries of the store that read: one or two for each call, and all of them within one owner's rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from chatkit.store import NotFoundError
from django.db import router
from django.db.models import F, FilteredRelation, Model, Q, QuerySet, Subquery

from ..models import ChatAttachment, ChatItem, ChatThread
from .context import ChatKitContext
from .payloads import is_id

#: Rows of one page at most: the number that a client asks for is not checked by the SDK.
MAX_LIMIT = 100
#: Ids in one request at most: no database takes any number of them.
MAX_IDS = 1000

M = TypeVar("M", bound=Model)
Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """A page: the rows' payloads, and the id to go on after, if there is more."""

    payloads: list[str]
    after: str | None = None


class OwnedRows:
    """The threads, items and attachments of the owner whom the context names, in the workflow that it names.

    Ids are compared here once more: MariaDB finds ``THR_1`` for ``thr_1``, and with trailing spaces too.
    """

    def __init__(self, context: ChatKitContext) -> None:
        self.context = context
        self.using = router.db_for_write(ChatThread)  # not a replica: the SDK reads what it has just written

    @property
    def threads(self) -> QuerySet[ChatThread]:
        return self._own(ChatThread)

    @property
    def visible_threads(self) -> QuerySet[ChatThread]:
        """Those that the preset lets be opened: the newest ``recent_threads``, if it says so."""
        history = self.context.session.chatkit_configuration["history"]
        if not (history["enabled"] and history["recent_threads"]):
            return self.threads
        last = self.threads.order_by("-created_at", "-pk")[history["recent_threads"] - 1 :][:1]
        edges = self.threads.alias(last_at=Subquery(last.values("created_at")), last=Subquery(last.values("pk")))
        return edges.filter(
            Q(last__isnull=True) | Q(created_at__gt=F("last_at")) | Q(created_at=F("last_at"), pk__gte=F("last"))
        )

    @property
    def attachments(self) -> QuerySet[ChatAttachment]:
        return self._own(ChatAttachment)

    @property
    def items(self) -> QuerySet[ChatItem]:
        """Of anybody: to be filtered by the key of a thread that was found among the owner's."""
        return ChatItem.objects.using(self.using)

    def _own(self, model: type[M]) -> QuerySet[M]:
        rows = model._default_manager.using(self.using)
        return rows.filter(user_key=self.context.user_key, workflow=self.context.workflow)

    def thread(self, thread_id: str) -> str:
        row = row_of(self.visible_threads, "thread_id", thread_id, "payload")
        if row is None:
            raise no_thread(thread_id)
        return str(row["payload"])

    def item(self, thread_id: str, item_id: str) -> str:
        row = self.with_item(self.visible_threads, thread_id, item_id, "item__payload")
        if row is None or row["item__item_id"] != item_id:
            raise NotFoundError(f"Item {item_id} not found in thread {thread_id}")
        return str(row["item__payload"])

    def attachment(self, attachment_id: str) -> str:
        row = row_of(self.attachments, "attachment_id", attachment_id, "payload")
        if row is None:
            raise NotFoundError(f"Attachment {attachment_id} not found")
        return str(row["payload"])

    def thread_page(self, after: str | None, limit: int, order: str) -> Rows:
        if not self.context.session.chatkit_configuration["history"]["enabled"]:
            return Rows([])
        rows = self.visible_threads
        if after:
            # One that is not visible any more is still a place to go on from: it is the owner's own.
            place = row_of(self.threads, "thread_id", after, "created_at")
            if place is None:
                raise no_thread(after)
            rows = _beyond(rows, place["created_at"], place["pk"], order)
        return _page(rows, "thread_id", limit, order)

    def item_page(self, thread_id: str, after: str | None, limit: int, order: str) -> Rows:
        """Empty for a thread that is not there: so the SDK's own stores do it."""
        thread = self.with_item(self.visible_threads, thread_id, after or "", "item__created_at")
        if after and (thread is None or thread["item__item_id"] != after):
            raise NotFoundError(f"Item {after} not found")
        if thread is None:
            return Rows([])
        rows = self.items.filter(thread=thread["pk"])
        if after:
            rows = _beyond(rows, thread["item__created_at"], thread["item__pk"], order)
        return _page(rows, "item_id", limit, order)

    def required_attachments(self, ids: Collection[str], thread_id: str | None) -> list[Row]:
        """The rows of these attachments; ``NotFoundError`` for any that is not there, ``ValueError`` for one in use."""
        fields = ("attachment_id", "file", "payload", "thread__thread_id")
        rows = rows_of(self.attachments, "attachment_id", ids, *fields)
        for attachment_id in ids:
            if attachment_id not in rows:
                raise NotFoundError(f"Attachment {attachment_id} not found")
            if rows[attachment_id]["thread__thread_id"] not in (None, thread_id):
                raise in_use(attachment_id)
        return list(rows.values())

    def with_item(self, threads: QuerySet[ChatThread], thread_id: str, item_id: str, *fields: str) -> Row | None:
        """The thread, and beside it this item if it has it: one query."""
        item = FilteredRelation("items", condition=Q(items__item_id=item_id if is_id(item_id) else ""))
        return row_of(threads.alias(item=item), "thread_id", thread_id, "item__pk", "item__item_id", *fields)


def row_of(rows: QuerySet[Any], field: str, wanted: str, *fields: str) -> Row | None:
    found = rows.filter(**{field: wanted}).order_by().values("pk", field, *fields) if is_id(wanted) else ()
    return next((row for row in found if row[field] == wanted), None)


def rows_of(rows: QuerySet[Any], field: str, wanted: Collection[str], *fields: str) -> dict[str, Row]:
    if len(wanted) > MAX_IDS:
        raise ValueError(f"At most {MAX_IDS} ids at once.")
    found = rows.filter(**{f"{field}__in": [each for each in wanted if is_id(each)]})
    return {row[field]: row for row in found.order_by().values("pk", field, *fields)}


def _beyond(rows: QuerySet[Any], created_at: Any, pk: int, order: str) -> QuerySet[Any]:
    """What comes after this place. By time alone, rows of the same moment would be lost between two pages."""
    beyond, side = ("gt", "gte") if order == "asc" else ("lt", "lte")
    later = Q(**{f"created_at__{beyond}": created_at}) | Q(**{f"pk__{beyond}": pk})
    return rows.filter(later, **{f"created_at__{side}": created_at})


def _page(rows: QuerySet[Any], field: str, limit: int, order: str) -> Rows:
    limit = min(max(limit, 1), MAX_LIMIT)
    by = ("created_at", "pk") if order == "asc" else ("-created_at", "-pk")
    found = list(rows.order_by(*by).values_list(field, "payload")[: limit + 1])
    page = found[:limit]
    return Rows([payload for _, payload in page], page[-1][0] if len(found) > limit else None)


def no_thread(thread_id: str) -> NotFoundError:
    return NotFoundError(f"Thread {thread_id} not found")


def in_use(attachment_id: str) -> ValueError:
    return ValueError(f"Attachment {attachment_id} belongs to another thread")
