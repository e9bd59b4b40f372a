"""OpenAI's own server class with a store in memory, and the same thread in it."""

from __future__ import annotations

from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from chatkit.server import NonStreamingResult

from tests.server import chat
from tests.server.conversation import a_thread

from ..open_streams.rival import Server
from ..streaming.memory import MemoryStore
from .asking import PAGE, Call
from .filling import LongThread


class InMemory:
    """What of the same requests only reads."""

    def __init__(self, thread: LongThread) -> None:
        self._server, self._thread = Server(MemoryStore()), thread
        async_to_sync(self._fill)()
        middle = thread.item_id(thread.size // 2)
        wanted = {
            "open a thread": chat.get(thread.id),
            "a page from its middle": chat.items(thread.id, limit=PAGE, order="desc", after=middle),
        }
        self.calls: dict[str, Call] = {what: partial(self._ask, chat.body(each)) for what, each in wanted.items()}

    async def _fill(self) -> None:
        await self._server.store.save_thread(a_thread(self._thread.id, title="My order"), None)
        for item in self._thread.items():
            await self._server.store.add_thread_item(self._thread.id, item, None)

    def _ask(self, body: bytes) -> bytes:
        result: Any = async_to_sync(self._server.process)(body, None)
        assert isinstance(result, NonStreamingResult)
        return result.json
