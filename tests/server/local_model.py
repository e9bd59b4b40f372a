"""A model without a network: it says what it is told to say, word by word, in OpenAI's own events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import Model, ModelResponse, Usage
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

#: What the model says next: a text, or the call of a tool.
Said = str | ResponseFunctionToolCall
Input = str | list[TResponseInputItem]


def call(name: str, **arguments: Any) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        id="__fake_id__", call_id=f"call_{name}", name=name, arguments=json.dumps(arguments), type="function_call"
    )


class LocalModel(Model):
    """``say`` is asked before every answer, with the instructions and the input."""

    def __init__(
        self, say: Callable[[str, Input], Said], *, pause: float = 0.0, message_id: str = "__fake_id__"
    ) -> None:
        self.say, self.pause, self.message_id = say, pause, message_id
        self.asked: list[tuple[str, Input]] = []
        #: What is going on in the model at the moment.
        self.running = 0
        self.words_said = 0

    async def get_response(self, system_instructions: str | None, input: Input, *_: Any, **__: Any) -> ModelResponse:  # noqa: A002
        self.asked.append((system_instructions or "", input))
        said = self.say(system_instructions or "", input)
        await asyncio.sleep(self.pause)
        return ModelResponse(output=[self._item(said)], usage=Usage(), response_id=None)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: Input,  # noqa: A002
        *_: Any,
        **__: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        self.asked.append((system_instructions or "", input))
        said = self.say(system_instructions or "", input)
        self.running += 1
        try:
            await asyncio.sleep(self.pause)
            yield ResponseCreatedEvent(response=_response([]), sequence_number=0, type="response.created")
            item = self._item(said)
            events = self._text(item, str(said)) if isinstance(said, str) else _tool_call(item)
            async for event in events:
                yield event
            yield ResponseCompletedEvent(response=_response([item]), sequence_number=0, type="response.completed")
        finally:
            self.running -= 1

    def _item(self, said: Said) -> Any:
        if not isinstance(said, str):
            return said
        content = [ResponseOutputText(text=said, type="output_text", annotations=[])]
        return ResponseOutputMessage(
            id=self.message_id, content=content, role="assistant", status="completed", type="message"
        )

    async def _text(self, item: ResponseOutputMessage, text: str) -> AsyncIterator[TResponseStreamEvent]:
        place: Any = {"item_id": item.id, "output_index": 0, "content_index": 0, "sequence_number": 0}
        part = ResponseOutputText(text="", type="output_text", annotations=[])
        begun = item.model_copy(update={"content": [], "status": "in_progress"})
        yield ResponseOutputItemAddedEvent(
            item=begun, output_index=0, sequence_number=0, type="response.output_item.added"
        )
        yield ResponseContentPartAddedEvent(part=part, type="response.content_part.added", **place)
        for word in text.split(" "):
            await asyncio.sleep(self.pause)
            self.words_said += 1
            yield ResponseTextDeltaEvent(delta=f"{word} ", logprobs=[], type="response.output_text.delta", **place)
        yield ResponseTextDoneEvent(text=text, logprobs=[], type="response.output_text.done", **place)
        yield ResponseContentPartDoneEvent(part=item.content[0], type="response.content_part.done", **place)
        yield ResponseOutputItemDoneEvent(
            item=item, output_index=0, sequence_number=0, type="response.output_item.done"
        )


async def _tool_call(item: ResponseFunctionToolCall) -> AsyncIterator[TResponseStreamEvent]:
    yield ResponseOutputItemAddedEvent(item=item, output_index=0, sequence_number=0, type="response.output_item.added")
    yield ResponseOutputItemDoneEvent(item=item, output_index=0, sequence_number=0, type="response.output_item.done")


def _response(output: list[Any]) -> Response:
    return Response(
        id="resp_local",
        created_at=0,
        model="local",
        object="response",
        output=output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=False,
    )
