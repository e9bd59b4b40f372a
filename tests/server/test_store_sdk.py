"""The store under the SDK's own server: what that hands over is not always what its types say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult
from chatkit.types import ClientToolCallItem, ThreadItemDoneEvent, ThreadMetadata, ThreadStreamEvent, UserMessageItem

from django_chatkit.models import ChatAttachment
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore

from . import chat
from .conversation import Kept, a_file, an_item, answered

pytestmark = pytest.mark.usefixtures("inline")


def in_thread(thread: ThreadMetadata) -> dict[str, Any]:
    return {"thread_id": thread.id, "created_at": datetime.now()}  # noqa: DTZ005


class Busy(ChatKitServer[ChatKitContext]):
    """While it answers and titles the thread, somebody else writes a note on it, and it looks at that itself."""

    async def respond(
        self, thread: ThreadMetadata, item: UserMessageItem | None, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        elsewhere = DjangoStore()
        noted = await elsewhere.load_thread(thread.id, context)
        noted.metadata["note"] = "by somebody else"
        await elsewhere.save_thread(noted, context)
        seen = await self.store.load_thread(thread.id, context)
        assert seen.metadata == noted.metadata
        thread.title = "Titled"
        new_id = self.store.generate_item_id("message", thread, context)
        yield ThreadItemDoneEvent(item=answered("Good day", new_id, **in_thread(thread)))
        thread.metadata["own"] = 1
        call = {"call_id": "c", "name": "look", "arguments": {}}
        if item:
            new_id = self.store.generate_item_id("tool_call", thread, context)
            yield ThreadItemDoneEvent(item=an_item(ClientToolCallItem, new_id, **call, **in_thread(thread)))


@pytest.fixture
def kept(context: ChatKitContext) -> Kept:
    return Kept(context)


@pytest.fixture
def ask(kept):
    """One request, with a store of its own."""

    async def process(wanted):
        result = await Busy(DjangoStore()).process(chat.body(wanted), kept.context)
        if isinstance(result, StreamingResult):
            return chat.events_of(b"".join([piece async for piece in result]))
        assert isinstance(result, NonStreamingResult)
        return result.json

    return async_to_sync(process)


def test_a_new_thread_keeps_what_was_written_on_it_meanwhile(kept, ask):
    """The SDK first saves a copy of it, and then the thing itself, with a page of items."""
    events = ask(chat.create())
    thread = kept.load_thread(events.thread_id)
    assert thread.title == "Titled"
    assert thread.metadata == {"note": "by somebody else", "own": 1}


def test_a_conversation(kept, ask, django_capture_on_commit_callbacks):
    """A tool's output is put into its item, a retry takes back what came after the message."""
    kept.save_attachment(a_file())
    thread_id = ask(chat.create("Hello", ("atc_1",))).thread_id
    page = kept.load_thread_items(thread_id, None, 20, "asc").data
    assert [item.type for item in page] == ["user_message", "assistant_message", "client_tool_call"]
    assert page[0].attachments == [a_file(thread_id=thread_id)]
    assert ChatAttachment.objects.get().thread.thread_id == thread_id

    ask(chat.tool_output(thread_id, {"found": [1]}))
    call = kept.load_item(thread_id, page[2].id)
    assert (call.status, call.output) == ("completed", {"found": [1]})
    assert len(kept.item_ids(thread_id)) == 4

    ask(chat.retry(thread_id, page[0].id))
    after = kept.load_thread_items(thread_id, None, 20, "asc").data
    assert after[0] == page[0]
    assert [item.type for item in after[1:]] == ["assistant_message", "client_tool_call"]
    assert not {item.id for item in after[1:]} & {item.id for item in page}

    ask(chat.rename(thread_id, "Renamed"))
    assert kept.load_thread(thread_id).title == "Renamed"
    with django_capture_on_commit_callbacks(execute=True):
        assert ask(chat.delete(thread_id)) == b"{}"
    assert kept.thread_ids() == []
    assert not ChatAttachment.objects.exists()
