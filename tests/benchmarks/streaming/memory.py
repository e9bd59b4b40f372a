"""A store in memory, as OpenAI's samples have one: dictionaries, and copies in and out of them."""

from __future__ import annotations

from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata


class MemoryStore(Store[Any]):
    """Of everybody, as in the samples."""

    def __init__(self) -> None:
        self._threads: dict[str, ThreadMetadata] = {}
        self._items: dict[str, dict[str, ThreadItem]] = {}

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        if thread_id not in self._threads:
            raise NotFoundError(f"Thread {thread_id} not found")
        return self._threads[thread_id].model_copy(deep=True)

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        self._threads[thread.id] = thread.model_copy(deep=True)
        self._items.setdefault(thread.id, {})

    async def load_threads(self, limit: int, after: str | None, order: str, context: Any) -> Page[ThreadMetadata]:
        return _page(list(self._threads.values()), limit, after, order)

    async def delete_thread(self, thread_id: str, context: Any) -> None:
        self._threads.pop(thread_id, None)
        self._items.pop(thread_id, None)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        return _page(list(self._items.get(thread_id, {}).values()), limit, after, order)

    async def load_item(self, thread_id: str, item_id: str, context: Any) -> ThreadItem:
        items = self._items.get(thread_id, {})
        if item_id not in items:
            raise NotFoundError(f"Item {item_id} not found")
        return items[item_id].model_copy(deep=True)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        self._items.setdefault(thread_id, {})[item.id] = item.model_copy(deep=True)

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        self._items.setdefault(thread_id, {})[item.id] = item.model_copy(deep=True)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: Any) -> None:
        self._items.get(thread_id, {}).pop(item_id, None)

    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        raise NotImplementedError

    async def load_attachment(self, attachment_id: str, context: Any) -> Attachment:
        raise NotImplementedError

    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        raise NotImplementedError


def _page(rows: list[Any], limit: int, after: str | None, order: str) -> Page[Any]:
    rows.sort(key=lambda row: row.created_at, reverse=order == "desc")
    start = next((place + 1 for place, row in enumerate(rows) if row.id == after), 0)
    found, has_more = rows[start : start + limit], len(rows) > start + limit
    return Page(
        data=[row.model_copy(deep=True) for row in found], has_more=has_more, after=found[-1].id if has_more else None
    )
