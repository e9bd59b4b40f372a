"""Callers of the chat endpoint in tests: requests made of the SDK's own types, answers read with them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import async_to_sync
from chatkit import types
from chatkit.types import ChatKitReq, ThreadStreamEvent
from django.test import AsyncClient
from pydantic import TypeAdapter

from .issued import Issued

CHAT = "/chatkit/chat/help/"
EVENT: TypeAdapter[Any] = TypeAdapter(ThreadStreamEvent)
REQUEST: TypeAdapter[Any] = TypeAdapter(ChatKitReq)


def message(text: str = "Hello there", attachments: tuple[str, ...] = ()) -> types.UserMessageInput:
    content = types.UserMessageTextContent(text=text)
    return types.UserMessageInput(
        content=[content], attachments=list(attachments), inference_options=types.InferenceOptions()
    )


def create(text: str = "Hello there", attachments: tuple[str, ...] = ()) -> types.ThreadsCreateReq:
    return types.ThreadsCreateReq(params=types.ThreadCreateParams(input=message(text, attachments)))


def add(thread_id: str, text: str = "And more", attachments: tuple[str, ...] = ()) -> types.ThreadsAddUserMessageReq:
    params = types.ThreadAddUserMessageParams(thread_id=thread_id, input=message(text, attachments))
    return types.ThreadsAddUserMessageReq(params=params)


def get(thread_id: str) -> types.ThreadsGetByIdReq:
    return types.ThreadsGetByIdReq(params=types.ThreadGetByIdParams(thread_id=thread_id))


def threads(**params: Any) -> types.ThreadsListReq:
    return types.ThreadsListReq(params=types.ThreadListParams(**params))


def items(thread_id: str, **params: Any) -> types.ItemsListReq:
    return types.ItemsListReq(params=types.ItemsListParams(thread_id=thread_id, **params))


def retry(thread_id: str, item_id: str) -> types.ThreadsRetryAfterItemReq:
    params = types.ThreadRetryAfterItemParams(thread_id=thread_id, item_id=item_id)
    return types.ThreadsRetryAfterItemReq(params=params)


def rename(thread_id: str, title: str) -> types.ThreadsUpdateReq:
    return types.ThreadsUpdateReq(params=types.ThreadUpdateParams(thread_id=thread_id, title=title))


def delete(thread_id: str) -> types.ThreadsDeleteReq:
    return types.ThreadsDeleteReq(params=types.ThreadDeleteParams(thread_id=thread_id))


def feedback(thread_id: str, *item_ids: str, kind: Any = "positive") -> types.ItemsFeedbackReq:
    params = types.ItemFeedbackParams(thread_id=thread_id, item_ids=list(item_ids), kind=kind)
    return types.ItemsFeedbackReq(params=params)


def _action(thread_id: str, item_id: str | None, **payload: Any) -> types.ThreadCustomActionParams:
    action = {"type": "press", "payload": payload}
    return types.ThreadCustomActionParams.model_validate({"thread_id": thread_id, "item_id": item_id, "action": action})


def act(thread_id: str, item_id: str | None = None, **payload: Any) -> types.ThreadsCustomActionReq:
    return types.ThreadsCustomActionReq(params=_action(thread_id, item_id, **payload))


def act_in_sync(thread_id: str, item_id: str | None = None, **payload: Any) -> types.ThreadsSyncCustomActionReq:
    return types.ThreadsSyncCustomActionReq(params=_action(thread_id, item_id, **payload))


def tool_output(thread_id: str, result: Any) -> types.ThreadsAddClientToolOutputReq:
    params = types.ThreadAddClientToolOutputParams(thread_id=thread_id, result=result)
    return types.ThreadsAddClientToolOutputReq(params=params)


def answers(thread_id: str, item_id: str, **given: list[str]) -> types.ThreadsAddStructuredInputReq:
    submitted = {name: types.StructuredInputAnswerSubmission(values=values) for name, values in given.items()}
    submission = types.StructuredInputSubmission(answers=submitted)
    params = types.ThreadAddStructuredInputParams(thread_id=thread_id, item_id=item_id, input=submission)
    return types.ThreadsAddStructuredInputReq(params=params)


def announce(name: str = "a.txt", size: int = 3, mime_type: str = "text/plain") -> types.AttachmentsCreateReq:
    params = types.AttachmentCreateParams(name=name, size=size, mime_type=mime_type)
    return types.AttachmentsCreateReq(params=params)


def discard(attachment_id: str) -> types.AttachmentsDeleteReq:
    return types.AttachmentsDeleteReq(params=types.AttachmentDeleteParams(attachment_id=attachment_id))


def dictate(audio_base64: str = "AAAA") -> types.InputTranscribeReq:
    params = types.InputTranscribeParams(audio_base64=audio_base64, mime_type="audio/webm;codecs=opus")
    return types.InputTranscribeReq(params=params)


def body(wanted: Any) -> bytes:
    """What the component would send."""
    return wanted if isinstance(wanted, bytes) else wanted.model_dump_json(exclude_none=True).encode()


class Events(list[Any]):
    """The events of a stream, read with the SDK's types."""

    def of(self, kind: type) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    @property
    def thread_id(self) -> str:
        return str(self.of(types.ThreadCreatedEvent)[0].thread.id)

    @property
    def done(self) -> list[Any]:
        return [event.item for event in self.of(types.ThreadItemDoneEvent)]

    @property
    def text(self) -> str:
        """What the assistant said."""
        said = [item for item in self.done if isinstance(item, types.AssistantMessageItem)]
        return "".join(part.text for item in said for part in item.content)


def events_of(stream: bytes) -> Events:
    chunks = [chunk for chunk in stream.split(b"\n\n") if chunk and not chunk.startswith(b":")]
    assert all(chunk.startswith(b"data: ") for chunk in chunks), stream
    return Events(EVENT.validate_json(chunk.removeprefix(b"data: ")) for chunk in chunks)


class Caller:
    """Somebody with a session, and what the endpoint answers, all in this process."""

    def __init__(self, issued: Issued | None, url: str = CHAT, **headers: str) -> None:
        self.url = url
        self.headers = {**(issued.headers if issued else {}), **headers}

    async def post(self, wanted: Any) -> Any:
        client = AsyncClient(raise_request_exception=False)
        return await client.post(self.url, body(wanted), content_type="application/json", headers=self.headers)

    def answer(self, wanted: Any) -> Any:
        """The response; a streamed one has been read, into ``response.events``."""
        return async_to_sync(self._read)(wanted)

    async def _read(self, wanted: Any) -> Any:
        response = await self.post(wanted)
        if response.streaming:
            response.events = events_of(b"".join([chunk async for chunk in aiter(response)]))
        return response

    def ask(self, wanted: Any) -> Any:
        """The events of a stream, or what the JSON says."""
        response = self.answer(wanted)
        assert response.status_code == 200, (response.status_code, response.content)
        return response.events if response.streaming else json.loads(response.content)

    def refused(self, wanted: Any) -> tuple[int, str]:
        """Status and code of an answer that says no."""
        response = self.answer(wanted)
        assert not response.streaming, response.events
        assert set(response.json()) == {"detail", "code"}
        assert "no-store" in response["Cache-Control"]
        return response.status_code, response.json()["code"]


async def one_by_one(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
