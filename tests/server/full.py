"""A server that does all that the SDK knows: widgets, actions, tools of the browser, questions, dictation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from chatkit.actions import Action
from chatkit.types import (
    AudioInput,
    ClientToolCallItem,
    FeedbackKind,
    ProgressUpdateEvent,
    StructuredInputFreeform,
    StructuredInputItem,
    SyncCustomActionResponse,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    TranscriptionResult,
    UserMessageItem,
    WidgetItem,
)
from chatkit.widgets import Card, Text

from django_chatkit.server.agents import DjangoChatKitServer
from django_chatkit.server.context import ChatKitContext

from . import echo


class FullServer(DjangoChatKitServer):
    """What it answers depends on a word in the message: ``widget``, ``tool``, ``question``; otherwise it echoes."""

    #: What the overridden ``add_feedback`` was told.
    heard: list[tuple[str, list[str], str]] = []  # noqa: RUF012

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        said = input_user_message.content[0].text if input_user_message else "nothing"
        asked = {"widget": self._widget, "tool": self._tool, "question": self._question}
        if said in asked:
            yield ThreadItemDoneEvent(item=asked[said](thread, context))
            return
        async for event in echo.respond(thread, input_user_message, context):
            yield event

    def _base(self, kind: Any, thread: ThreadMetadata, context: ChatKitContext) -> dict[str, Any]:
        item_id = self.store.generate_item_id(kind, thread, context)
        return {"id": item_id, "thread_id": thread.id, "created_at": datetime.now()}  # noqa: DTZ005

    def _widget(self, thread: ThreadMetadata, context: ChatKitContext) -> ThreadItem:
        widget = Card(children=[Text(value="Press me")])
        return WidgetItem(**self._base("message", thread, context), widget=widget)

    def _tool(self, thread: ThreadMetadata, context: ChatKitContext) -> ThreadItem:
        base = self._base("tool_call", thread, context)
        return ClientToolCallItem(**base, call_id="call_1", name="locate", arguments={})

    def _question(self, thread: ThreadMetadata, context: ChatKitContext) -> ThreadItem:
        question = StructuredInputFreeform(id="q1", question="How many?")
        return StructuredInputItem(**self._base("message", thread, context), inputs=[question])

    async def action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        yield ThreadItemDoneEvent(item=self._widget(thread, context))

    async def sync_action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: ChatKitContext
    ) -> SyncCustomActionResponse:
        if action.payload.get("fail"):
            raise ValueError("the secret of the house")
        return SyncCustomActionResponse(updated_item=sender)

    async def transcribe(self, audio_input: AudioInput, context: ChatKitContext) -> TranscriptionResult:
        return TranscriptionResult(text=f"{len(audio_input.data)} bytes of {audio_input.media_type}")

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: ChatKitContext
    ) -> None:
        self.heard.append((thread_id, item_ids, feedback))


#: How often ``endless`` was stopped in this process.
stopped: list[bool] = []


async def endless(
    thread: ThreadMetadata, item: UserMessageItem | None, context: ChatKitContext
) -> AsyncIterator[ThreadStreamEvent]:
    """Echoes, never ends by itself, and notes when it is stopped."""
    async for event in echo.respond(thread, item, context):
        if not isinstance(event, ThreadItemDoneEvent):
            yield event
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        stopped.append(True)
        raise


async def flood(
    thread: ThreadMetadata, item: UserMessageItem | None, context: ChatKitContext
) -> AsyncIterator[ThreadStreamEvent]:
    """More than any connection holds, as fast as it is taken."""
    for number in range(5000):
        yield ProgressUpdateEvent(text=f"{number} ".ljust(8000, "."))
