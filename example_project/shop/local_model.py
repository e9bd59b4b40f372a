"""A model for the agents SDK that needs no key and no network: it knows a few patterns, and is honest about it.

To the SDK it is a model like any other: it gets instructions, the conversation and tools, asks for a tool to be called,
is asked again with the tool's result, and writes its answer as events of the Responses API. What it understands and
says is in ``replies``.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from agents import Model, ModelResponse, Usage
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
    ResponseStreamEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

from .replies import Call, Question, answer, first_step, title

NAME = "shop-local"
#: Seconds between two words.
WORD_EVERY = 0.03
#: How the messages begin that ChatKit's SDK writes in the visitor's place.
NOT_BY_THE_VISITOR = ("The following graphical UI widget", "Hidden context", "The user is referring to this")
#: How ``AgentServer`` tells a model of a file; the text of the file comes after it.
FILE = r"\[The user attached the file (['\"])(.*?)\1(?: \(.*\]|:\]\n)"

Item = dict[str, Any]
Output = ResponseOutputMessage | ResponseFunctionToolCall


class LocalModel(Model):
    """Answers by patterns. Of what the SDK hands over, settings and the like change nothing."""

    async def get_response(  # the names are the SDK's
        self,
        system_instructions: str | None,
        input: str | list[Item],  # noqa: A002
        model_settings: Any,
        tools: list[Any],
        *_: Any,
        **__: Any,
    ) -> ModelResponse:
        """Everything at once, as for the title of a thread."""
        output = next_step(system_instructions or "", as_items(input), tools)
        return ModelResponse(output=[output], usage=Usage(requests=1), response_id=None)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[Item],  # noqa: A002
        model_settings: Any,
        tools: list[Any],
        *_: Any,
        **__: Any,
    ) -> AsyncIterator[ResponseStreamEvent]:
        """Word by word."""
        output = next_step(system_instructions or "", as_items(input), tools)
        for number, event in enumerate(events_of(output)):
            if event.type == "response.output_text.delta":
                await asyncio.sleep(WORD_EVERY)
            yield event.model_copy(update={"sequence_number": number})


def next_step(instructions: str, items: Sequence[Item], tools: Sequence[Any]) -> Output:
    """A message, or a call of one of the tools. Without any tools, what is asked for is the title of a thread."""
    if not tools:
        return message(title(text_of(items[-1])))
    question = question_of(instructions, items)
    if items[-1].get("type") == "function_call_output":
        tool = next(item["name"] for item in reversed(items) if item.get("type") == "function_call")
        return message(answer(question, tool, json.loads(items[-1]["output"])))
    step = first_step(question)
    return function_call(step) if isinstance(step, Call) else message(step)


def question_of(instructions: str, items: Sequence[Item]) -> Question:
    """The visitor's last message; and the lines ``name: value`` of the instructions."""
    asked = [item for item in items if item.get("role") == "user" and not text_of(item).startswith(NOT_BY_THE_VISITOR)]
    told = dict(re.findall(r"^(\w+): (.*)$", instructions, re.MULTILINE))
    return Question(text_of(asked[-1]), dict(files_of(asked[-1])), told) if asked else Question("", told=told)


def as_items(given: str | list[Item]) -> list[Item]:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def parts_of(item: Item) -> list[Item]:
    content = item.get("content") or []
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else list(content)


def text_of(item: Item) -> str:
    """What the visitor wrote."""
    texts = (part["text"] for part in parts_of(item) if part["type"] == "input_text")
    return "\n".join(text for text in texts if not re.match(FILE, text))


def files_of(item: Item) -> Iterator[tuple[str, str]]:
    """The files of a message by name, with their text if they have any. Images come without a name."""
    for part in parts_of(item):
        if part["type"] != "input_text":
            yield part.get("filename") or "🖼", ""
        elif found := re.match(FILE, part["text"]):
            yield found[2], part["text"][found.end() :]


def new_id(kind: str) -> str:
    """Ids must be unique in a thread: ChatKit keeps messages under them."""
    return f"{kind}_{secrets.token_hex(16)}"


def message(text: str) -> ResponseOutputMessage:
    """The model says something."""
    return ResponseOutputMessage(
        id=new_id("msg"), type="message", role="assistant", status="completed", content=[part(text)]
    )


def part(text: str) -> ResponseOutputText:
    return ResponseOutputText(type="output_text", text=text, annotations=[])


def function_call(call: Call) -> ResponseFunctionToolCall:
    """The model wants a tool to be called."""
    return ResponseFunctionToolCall(
        id=new_id("fc"),
        call_id=new_id("call"),
        type="function_call",
        name=call.tool,
        arguments=json.dumps(call.arguments),
    )


def events_of(output: Output) -> Iterator[ResponseStreamEvent]:
    """Everything that the Responses API sends for one answer. Its numbers are filled in by the caller."""
    response = Response(
        id=new_id("resp"),
        created_at=time.time(),
        model=NAME,
        object="response",
        output=[],
        parallel_tool_calls=False,
        tool_choice="auto",
        tools=[],
    )
    where = {"output_index": 0, "sequence_number": 0}
    yield ResponseCreatedEvent(type="response.created", response=response, sequence_number=0)
    begun: dict[str, Any] = {"status": "in_progress"}
    begun |= {"content": []} if isinstance(output, ResponseOutputMessage) else {"arguments": ""}
    yield ResponseOutputItemAddedEvent(type="response.output_item.added", item=output.model_copy(update=begun), **where)
    if isinstance(output, ResponseOutputMessage):
        yield from text_events(output, where)
    yield ResponseOutputItemDoneEvent(type="response.output_item.done", item=output, **where)
    done = response.model_copy(update={"output": [output], "status": "completed"})
    yield ResponseCompletedEvent(type="response.completed", response=done, sequence_number=0)


def text_events(output: ResponseOutputMessage, where: dict[str, int]) -> Iterator[ResponseStreamEvent]:
    """The text of a message, a word at a time."""
    where = {**where, "content_index": 0}
    text = output.content[0].text
    yield ResponseContentPartAddedEvent(type="response.content_part.added", item_id=output.id, part=part(""), **where)
    for word in re.findall(r"\s*\S+", text):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta", item_id=output.id, delta=word, logprobs=[], **where
        )
    yield ResponseTextDoneEvent(type="response.output_text.done", item_id=output.id, text=text, logprobs=[], **where)
    yield ResponseContentPartDoneEvent(type="response.content_part.done", item_id=output.id, part=part(text), **where)
