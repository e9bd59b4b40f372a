"""Ids, drafts and errors: what happens to the events of every server of ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.errors import CustomStreamError, ErrorCode, StreamError
from chatkit.store import NotFoundError
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ClientToolCallItem,
    CustomTask,
    ErrorEvent,
    ProgressUpdateEvent,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    URLSource,
    Workflow,
    WorkflowItem,
    WorkflowTaskAdded,
)

from django_chatkit.models import ChatItem, ChatThread
from django_chatkit.server.agents import server_for, turn
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.database import in_database
from django_chatkit.server.store import DjangoStore

from .chat import Events, add, create
from .talk import all_of, ask, message, said, stored, stream

Respond = Callable[[Any, Any, Any], AsyncIterator[Any]]
FAKE = "__fake_id__"


def delta(item_id: str, text: str) -> ThreadItemUpdatedEvent:
    return ThreadItemUpdatedEvent(
        item_id=item_id, update=AssistantMessageContentPartTextDelta(content_index=0, delta=text)
    )


def spoken(item_id: str, thread_id: str, text: str) -> list[Any]:
    """A message as the agents SDK streams it: begun, growing, done."""
    return [
        ThreadItemAddedEvent(item=message(item_id, thread_id)),
        delta(item_id, text),
        ThreadItemDoneEvent(item=message(item_id, thread_id, text)),
    ]


def texts(items: list[Any]) -> list[str]:
    return [item.content[0].text for item in items if isinstance(item, AssistantMessageItem)]


@pytest.mark.parametrize("item_id", [FAKE, "msg_1"])
def test_one_id_for_everything(item_id: str, inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    """Twice in one answer, and again in the next: each message is stored, and its events belong together."""

    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        for event in spoken(item_id, thread.id, "one") + spoken(item_id, thread.id, "two"):
            yield event

    agents["echo"] = respond
    first = ask("Hello", context)
    second = ask(add(first.thread_id), context)

    assert texts(stored(first.thread_id)) == ["one", "two"] * 2
    assert len({item.id for item in stored(first.thread_id)}) == 6
    for events in (first, second):
        begun = [event.item.id for event in events.of(ThreadItemAddedEvent)]
        grown = [event.item_id for event in events.of(ThreadItemUpdatedEvent)]
        done = [item.id for item in events.done if isinstance(item, AssistantMessageItem)]
        assert begun == grown == done
        assert len(set(begun)) == 2
        assert FAKE not in begun


def test_good_ids_are_left_alone(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        for event in spoken("msg_own", thread.id, "one"):
            yield event
        yield ThreadItemDoneEvent(item=message("msg_at_once", thread.id, "two"))

    agents["echo"] = respond

    events = ask("Hello", context)

    assert [item.id for item in stored(events.thread_id)][1:] == ["msg_own", "msg_at_once"]


def test_a_new_id_costs_one_look_into_the_store(context: ChatKitContext) -> None:
    looked: list[str] = []

    class Empty(DjangoStore):
        async def load_item(self, thread_id: str, item_id: str, context: Any) -> Any:
            looked.append(item_id)
            raise NotFoundError

    async def watch() -> list[str]:
        thread = ThreadMetadata(id="thr_1", created_at=datetime(2026, 1, 2))  # noqa: DTZ001
        watched = turn.Turn(Empty(), thread, context)
        return [(await watched.take(event)).type for event in spoken("msg_1", "thr_1", "one")]

    assert async_to_sync(watch)() == ["thread.item.added", "thread.item.updated", "thread.item.done"]
    assert looked == ["msg_1"]


def test_what_is_removed_or_replaced_is_the_last_of_that_name(
    inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        for event in spoken(FAKE, thread.id, "stays"):
            yield event
        yield ThreadItemAddedEvent(item=message(FAKE, thread.id))
        yield ThreadItemReplacedEvent(item=message(FAKE, thread.id, "replaced"))
        yield ThreadItemAddedEvent(item=message(FAKE, thread.id))
        yield ThreadItemRemovedEvent(item_id=FAKE)
        yield ThreadItemRemovedEvent(item_id="msg_never_seen")

    agents["echo"] = respond

    events = ask("Hello", context)

    begun = [event.item.id for event in events.of(ThreadItemAddedEvent)]
    removed = [event.item_id for event in events.of(ThreadItemRemovedEvent)]
    assert texts(stored(events.thread_id)) == ["stays", "replaced"]
    assert events.of(ThreadItemReplacedEvent)[0].item.id == begun[1]
    assert removed == [begun[2], "msg_never_seen"]


def test_ids_of_other_items_are_of_their_kind(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        made: Any = {"id": FAKE, "thread_id": thread.id, "created_at": thread.created_at}
        yield ThreadItemDoneEvent(item=ClientToolCallItem(call_id="c", name="look", arguments={}, **made))
        yield ThreadItemAddedEvent(item=WorkflowItem(workflow=Workflow(type="custom", tasks=[]), **made))

    agents["echo"] = respond

    events = ask("Hello", context)

    assert events.done[-1].id.startswith("tc_")
    assert events.of(ThreadItemAddedEvent)[0].item.id.startswith("wf_")


def test_a_workflow_goes_on_in_the_next_turn(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    """After a client's tool call the SDK finishes, or adds again, a workflow that is stored already."""

    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        tasks = [CustomTask(title=word) for word in said(item).split()]
        workflow = Workflow(type="custom", tasks=list(tasks))
        going_on = WorkflowItem(id="wf_1", thread_id=thread.id, created_at=thread.created_at, workflow=workflow)
        yield ThreadItemUpdatedEvent(item_id="wf_1", update=WorkflowTaskAdded(task=tasks[0], task_index=0))
        yield ThreadItemDoneEvent(item=going_on)
        await DjangoStore().add_thread_item(thread.id, going_on, context)

    agents["echo"] = respond
    thread_id = ask("one", context).thread_id
    events = ask(add(thread_id, "one two"), context)

    assert events.of(ErrorEvent) == []
    [workflow] = [item for item in stored(thread_id) if isinstance(item, WorkflowItem)]
    assert [task.title for task in workflow.workflow.tasks] == ["one", "two"]  # type: ignore[union-attr]


def drafts() -> list[str]:
    """The texts of unfinished messages in the database."""
    rows = ChatItem.objects.filter(is_draft=True)
    return [AssistantMessageItem.model_validate_json(row.payload).content[0].text for row in rows]


async def slowly(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
    yield ThreadItemAddedEvent(item=message("msg_slow", thread.id))
    for word in said(item).split():
        yield delta("msg_slow", f"{word} ")
        await asyncio.sleep(0)
    yield ThreadItemDoneEvent(item=message("msg_slow", thread.id, said(item)))


def test_the_growing_answer_is_saved_every_now_and_then(
    inline: None, context: ChatKitContext, agents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(100))
    monkeypatch.setattr(turn, "time", type("clock", (), {"monotonic": lambda: float(next(moments))}))
    agents["echo"] = slowly

    async def listen() -> list[list[str]]:
        events = stream(create("a b c d e f"), context)
        return [await in_database(drafts) async for event in events if isinstance(event, ThreadItemUpdatedEvent)]

    seen = async_to_sync(listen)()

    assert seen == [[], ["a b "], ["a b "], ["a b c d "], ["a b c d "], ["a b c d e f "]]
    assert drafts() == []
    assert ChatItem.objects.filter(item_id="msg_slow", is_draft=False).count() == 1


def test_a_draft_holds_every_kind_of_growth(
    inline: None, context: ChatKitContext, agents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "DRAFT_EVERY", 0.0)
    note = Annotation(source=URLSource(title="Source", url="https://example.com/"), index=1)
    updates: list[Any] = [
        AssistantMessageContentPartTextDelta(content_index=1, delta="second"),
        AssistantMessageContentPartAdded(content_index=0, content=AssistantMessageContent(text="fir")),
        AssistantMessageContentPartTextDelta(content_index=0, delta="st"),
        AssistantMessageContentPartAnnotationAdded(content_index=0, annotation_index=7, annotation=note),
        AssistantMessageContentPartDone(content_index=1, content=AssistantMessageContent(text="SECOND")),
        WorkflowTaskAdded(task=CustomTask(title="of something else"), task_index=0),
    ]

    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        yield ThreadItemAddedEvent(item=message("msg_1", thread.id))
        for update in updates:
            yield ThreadItemUpdatedEvent(item_id="msg_1", update=update)

    agents["echo"] = respond
    events = ask("Hello", context)

    draft = stored(events.thread_id)[-1]
    assert [part.text for part in draft.content] == ["first", "SECOND"]
    assert draft.content[0].annotations == [note]
    assert len(events.of(ThreadItemUpdatedEvent)) == len(updates)


def test_an_answer_that_breaks_off_keeps_what_the_visitor_saw(
    inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        yield ThreadItemAddedEvent(item=message("msg_1", thread.id))
        yield delta("msg_1", "So far")
        raise RuntimeError

    agents["echo"] = respond

    events = ask("Hello", context)

    assert drafts() == ["So far"]
    assert texts(stored(events.thread_id)) == ["So far"]


def test_a_draft_that_cannot_be_saved_ends_nothing(
    inline: None,
    context: ChatKitContext,
    agents: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*_: Any) -> None:
        raise OSError("the disk is full of secrets")

    monkeypatch.setattr(turn, "DRAFT_EVERY", 0.0)
    monkeypatch.setattr(DjangoStore, "save_draft", broken)
    agents["echo"] = slowly

    assert ask("a b c", context).text == "a b c"
    assert "What an agent has written so far was not saved (OSError)." in caplog.text
    assert "secrets" not in caplog.text


def fails(error: Exception) -> Respond:
    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        yield ProgressUpdateEvent(text="Thinking")
        raise error

    return respond


@pytest.mark.parametrize("debug", [False, True])
def test_the_log_names_the_kind_of_error_and_the_place(
    *,
    debug: bool,
    inline: None,
    context: ChatKitContext,
    agents: dict[str, Any],
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its message may quote the visitor, or part of a key. Who develops sees all of it."""
    settings.DEBUG = debug
    agents["echo"] = fails(RuntimeError("Incorrect API key provided: sk-proj-123"))

    events = ask("My name is Zoë", context)

    assert events.of(ErrorEvent) == [ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)]
    [record] = caplog.records
    assert (record.name, record.levelno) == ("django_chatkit", logging.ERROR)
    assert record.getMessage().startswith("The agent 'echo' failed: builtins.RuntimeError at ")
    assert "test_agents_turns.py:" in record.getMessage()
    assert ("sk-proj-123" in caplog.text) is debug
    assert "Zoë" not in caplog.text


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (CustomStreamError("We are closed", allow_retry=False), ErrorEvent(message="We are closed")),
        (StreamError(ErrorCode.STREAM_ERROR), ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)),
    ],
)
def test_errors_that_are_meant_for_the_visitor(
    error: Exception,
    event: ErrorEvent,
    inline: None,
    context: ChatKitContext,
    agents: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    agents["echo"] = fails(error)

    assert ask("Hello", context).of(ErrorEvent) == [event]
    assert caplog.records == []


def test_who_leaves_finds_the_part_that_there_was(
    inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    """The browser goes: the endpoint cancels the task, the agent is told, and the SDK saves what it had."""
    stopped: list[str] = []

    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        try:
            yield ThreadItemAddedEvent(item=message("msg_1", thread.id))
            yield delta("msg_1", "Half an ")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append("agent")
            raise

    agents["echo"] = respond
    events = Events()

    async def listen() -> None:
        async for event in stream(create("Hello"), context):
            events.append(event)

    async def leave() -> None:
        task = asyncio.create_task(listen())
        while not events.of(ThreadItemUpdatedEvent):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    async_to_sync(leave)()

    assert stopped == ["agent"]
    assert [item.type for item in stored(events.thread_id)] == [
        "user_message",
        "assistant_message",
        "sdk_hidden_context",
    ]
    assert texts(stored(events.thread_id)) == ["Half an "]
    assert drafts() == []


def test_who_deletes_the_thread_and_leaves(
    inline: None, context: ChatKitContext, agents: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is kept, and nothing is wrong."""
    task: Any = None

    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        yield ThreadItemAddedEvent(item=message("msg_1", thread.id))
        yield delta("msg_1", "Half an ")
        await DjangoStore().delete_thread(thread.id, context)
        task.cancel()
        await asyncio.sleep(60)

    agents["echo"] = respond

    async def leave() -> None:
        nonlocal task
        task = asyncio.create_task(all_of(create("Hello"), context))
        await asyncio.wait([task])
        assert task.cancelled()

    async_to_sync(leave)()

    assert not ChatThread.objects.exists()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_who_is_cancelled_while_the_answer_is_being_stored(
    inline: None, context: ChatKitContext, agents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK then adds the message once more: the second time it must not fail."""
    agents["echo"] = slowly
    add_item = DjangoStore.add_thread_item

    async def cancelled_afterwards(self: DjangoStore, thread_id: str, item: Any, context: Any) -> None:
        await add_item(self, thread_id, item, context)
        if isinstance(item, AssistantMessageItem) and not self.is_cancelled:
            raise asyncio.CancelledError

    monkeypatch.setattr(DjangoStore, "add_thread_item", cancelled_afterwards)

    async def listen() -> None:
        async for _event in stream(create("a b c"), context):
            pass

    with pytest.raises(asyncio.CancelledError):
        async_to_sync(listen)()

    assert [row.is_draft for row in ChatItem.objects.filter(item_id="msg_slow")] == [False]
    assert ChatItem.objects.count() == 3


def test_who_closes_the_stream_still_leaves_a_draft(
    inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    agents["echo"] = slowly

    async def listen() -> None:
        store = DjangoStore()
        server = server_for(context.session, store, None)
        thread = await store.load_thread(thread_id, context)
        events: Any = server.respond(thread, user_message, context)
        async for event in events:
            if isinstance(event, ThreadItemUpdatedEvent):
                break
        await events.aclose()

    thread_id = ask("a b c", context).thread_id
    user_message = stored(thread_id)[0]
    ChatItem.objects.filter(item_id="msg_slow").delete()
    async_to_sync(listen)()

    assert drafts() == ["a "]
