from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import Agent
from asgiref.sync import async_to_sync
from chatkit.types import ProgressUpdateEvent, ThreadUpdatedEvent
from django.db import OperationalError

from django_chatkit.models import ChatKitConfiguration, ChatThread, Workflow
from django_chatkit.server.agents import DjangoChatKitServer, base, titles
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.payloads import thread_of
from django_chatkit.server.store import DjangoStore

from .chat import Events, act, add, create
from .issued import issue
from .local_model import Input, LocalModel
from .talk import all_of, ask


def title_of(thread_id: str) -> str | None:
    return thread_of(ChatThread.objects.get(thread_id=thread_id).payload).title


def titles_sent(events: Events) -> list[str | None]:
    return [event.thread.title for event in events.of(ThreadUpdatedEvent)]


class Titled(DjangoChatKitServer):
    """Answers after ``pause`` seconds, and needs ``needs`` seconds for a title."""

    pause = 0.0
    needs = 0.0
    begun = cancelled = 0

    async def respond(self, thread: Any, input_user_message: Any, context: Any) -> AsyncIterator[Any]:
        await asyncio.sleep(self.pause)
        return
        yield

    async def title(self, thread: Any, item: Any, context: Any) -> str | None:
        type(self).begun += 1
        try:
            await asyncio.sleep(self.needs)
        except asyncio.CancelledError:
            type(self).cancelled += 1
            raise
        return "A title"


@pytest.fixture
def titled(agents: dict[str, Any]) -> type[Titled]:
    agents["echo"] = type("Titled", (Titled,), {})
    return agents["echo"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Where is  my\norder?", "Where is my order?"),
        ("", None),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("word " * 30, "word " * 11 + "word…"),
        (
            "I wonder, very much and for a very long time now, since we met, why",
            "I wonder, very much and for a very long time now, since we…",
        ),
    ],
)
def test_a_thread_is_called_by_its_first_words(
    text: str, title: str | None, inline: None, context: ChatKitContext
) -> None:
    events = ask(text, context)

    assert title_of(events.thread_id) == title
    assert titles_sent(events) == ([title] if title else [])
    assert len(title or "") <= titles.LONGEST


def test_a_title_stays(inline: None, context: ChatKitContext, titled: type[Titled]) -> None:
    thread_id = ask("Hello", context).thread_id
    titled.title = None  # type: ignore[assignment] # would fail

    events = ask(add(thread_id, "Something else"), context)

    assert titles_sent(events) == []
    assert title_of(thread_id) == "A title"


def test_without_a_title_the_next_message_gives_one(inline: None, context: ChatKitContext) -> None:
    thread_id = ask("", context).thread_id

    ask(add(thread_id, "Now I know what to say"), context)

    assert title_of(thread_id) == "Now I know what to say"


def test_the_preset_can_turn_titles_off(inline: None, workflow: Workflow, titled: type[Titled], rf: Any) -> None:
    preset = ChatKitConfiguration.objects.create(name="Untitled", automatic_thread_titling_enabled=False)
    workflow.chatkit_configuration = preset
    workflow.save()
    context = ChatKitContext.of(rf.post("/"), issue(workflow, "user-2").session)

    events = ask("Hello", context)

    assert title_of(events.thread_id) is None
    assert titles_sent(events) == []


def test_what_is_no_message_gives_no_title(inline: None, context: ChatKitContext, titled: type[Titled]) -> None:
    thread_id = ask("", context).thread_id
    ChatThread.objects.update(payload=ChatThread.objects.get().payload.replace('"A title"', "null"))

    ask(act(thread_id), context)

    assert title_of(thread_id) is None


@pytest.mark.parametrize(("limit", "seconds"), [("TITLE_TIMEOUT", 0.05), ("TITLE_WAIT", 0.05)])
def test_a_slow_title_delays_nobody(
    limit: str,
    seconds: float,
    inline: None,
    context: ChatKitContext,
    titled: type[Titled],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    titled.needs = 30
    monkeypatch.setattr(base, limit, seconds)

    events = ask("Where is my order?", context)

    assert title_of(events.thread_id) == "Where is my order?"
    assert titled.cancelled == 1


def test_a_title_that_fails_fails_alone(
    inline: None, context: ChatKitContext, titled: type[Titled], caplog: pytest.LogCaptureFixture
) -> None:
    async def title(*_: Any) -> str:
        raise RuntimeError("with a secret")

    titled.title = title  # type: ignore[method-assign,assignment]

    events = ask("Where is my order?", context)

    assert title_of(events.thread_id) == "Where is my order?"
    assert [type(event).__name__ for event in events][-1] == "ThreadUpdatedEvent"
    assert [record.getMessage() for record in caplog.records] == ["The agent 'echo' wrote no title (RuntimeError)."]


def test_a_failing_database_costs_the_title_only(
    inline: None,
    context: ChatKitContext,
    titled: type[Titled],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def gone(*_: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(DjangoStore, "load_thread", gone)

    events = ask("Hello", context)

    assert title_of(events.thread_id) is None
    assert "A thread of 'echo' got no title (OperationalError)." in caplog.text


def test_the_visitors_own_name_for_the_thread_wins(inline: None, context: ChatKitContext, titled: type[Titled]) -> None:
    """They rename it in another tab, while the first answer is being written."""

    async def title(self: Any, thread: Any, item: Any, context: Any) -> str:
        store = DjangoStore()
        other = await store.load_thread(thread.id, context)
        other.title = "Mine"
        await store.save_thread(other, context)
        return "A title"

    titled.title = title  # type: ignore[method-assign,assignment]

    events = ask("Hello", context)

    assert titles_sent(events) == ["Mine"]
    assert title_of(events.thread_id) == "Mine"


def test_the_visitors_own_name_wins_also_later(inline: None, context: ChatKitContext, titled: type[Titled]) -> None:
    """The thread has its title, and the agent has not said anything since."""

    async def respond(self: Any, thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        store = DjangoStore()
        for _ in range(100):
            other = await store.load_thread(thread.id, context)
            if other.title:
                break
            await asyncio.sleep(0.01)
        other.title = "Mine"
        await store.save_thread(other, context)
        yield ProgressUpdateEvent(text="Looking…")

    titled.respond = respond  # type: ignore[method-assign,assignment]

    assert title_of(ask("Hello", context).thread_id) == "Mine"


def test_who_leaves_stops_the_title(inline: None, context: ChatKitContext, titled: type[Titled]) -> None:
    titled.pause = titled.needs = 30

    async def leave() -> None:
        task = asyncio.create_task(all_of(create("Hello"), context))
        while not titled.begun:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)

    async_to_sync(leave)()

    assert titled.cancelled == 1


class Writer:
    """Says "Hello" to visitors, and ``title`` to whoever wants a title."""

    def __init__(self, title: str) -> None:
        self.title = title

    def __call__(self, instructions: str, _input: Input) -> str:
        return self.title if instructions == titles.INSTRUCTIONS else "Hello"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Late order", "Late order"),
        ('"Late order."\nHere is why', "Late order"),
        ("  **Späte Bestellung**  ", "Späte Bestellung"),
        ("„Bestellung“", "Bestellung"),
        ("Why is it late?", "Why is it late?"),
        ("word " * 30, "word " * 11 + "word…"),
        ("", "My order 17"),
        ('""', "My order 17"),
    ],
)
def test_an_agents_own_model_writes_the_title(
    written: str, title: str, inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    model = LocalModel(Writer(written))
    agents["echo"] = Agent(name="Help", instructions="Be kind.", model=model)

    events = ask("My order\n17", context)

    assert events.text == "Hello"
    assert title_of(events.thread_id) == title
    [asked] = [given for instructions, given in model.asked if instructions == titles.INSTRUCTIONS]
    assert "My order 17" in str(asked)


def test_without_words_no_model_is_asked_for_a_title(
    inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    model = LocalModel(Writer("A title"))
    agents["echo"] = Agent(name="Help", model=model)

    events = ask(" ", context)

    assert title_of(events.thread_id) is None
    assert len(model.asked) == 1
