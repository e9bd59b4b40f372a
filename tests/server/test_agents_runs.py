"""``AgentServer``: runs of the agents SDK, over a model that needs no network."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunContextWrapper,
    function_tool,
    input_guardrail,
    output_guardrail,
)
from agents.agent import StopAtTools
from asgiref.sync import async_to_sync
from chatkit.agents import AgentContext, ClientToolCall
from chatkit.errors import ErrorCode
from chatkit.types import (
    AssistantMessageItem,
    ClientToolCallItem,
    CustomTask,
    ErrorEvent,
    ThreadItemRemovedEvent,
    ThreadItemUpdatedEvent,
    WidgetItem,
    Workflow,
)
from chatkit.widgets import Card, Text

from django_chatkit.models import ChatKitConfiguration
from django_chatkit.server.agents import AgentServer
from django_chatkit.server.agents import agent as runs
from django_chatkit.server.context import ChatKitContext

from .chat import Events, add, create, retry, tool_output
from .local_model import Input, LocalModel, call
from .talk import all_of, ask, stored, stream

Context = RunContextWrapper[AgentContext[ChatKitContext]]


def texts_of(given: Input) -> list[str]:
    """What the model was given, message by message, as ``role: text``."""
    return [
        f"{message['role']}: " + "".join(part["text"] for part in message["content"])  # type: ignore[typeddict-item]
        for message in given
        if not isinstance(message, str)
    ]


@pytest.fixture(autouse=True)
def untitled(workflow: Any) -> None:
    """Titles are another matter, and a run of their own."""
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(
        name="Untitled", automatic_thread_titling_enabled=False
    )
    workflow.save()


@pytest.fixture
def state(context: ChatKitContext) -> dict[str, Any]:
    """The state variables of the session."""
    context.state_variables["plan"] = "gold"
    return context.state_variables


def agent_of(say: Any, **options: Any) -> Agent[Any]:
    return Agent(name="Help", model=LocalModel(say), **options)


def model_of(agent: Agent[Any]) -> LocalModel:
    assert isinstance(agent.model, LocalModel)
    return agent.model


def test_it_answers_word_by_word(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    agents["echo"] = agent_of(lambda *_: "Three small words")

    events = ask("Hello", context)

    deltas = [getattr(event.update, "delta", "") for event in events.of(ThreadItemUpdatedEvent)]
    assert [each for each in deltas if each] == ["Three ", "small ", "words "]
    assert events.text == "Three small words"
    assert [item.type for item in stored(events.thread_id)] == ["user_message", "assistant_message"]


def test_it_knows_the_conversation(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    agents["echo"] = agent = agent_of(lambda *_: "Yes", instructions="Be kind.")
    thread_id = ask("First", context).thread_id

    ask(add(thread_id, "Second"), context)

    instructions, given = model_of(agent).asked[-1]
    assert instructions == "Be kind."
    assert texts_of(given) == ["user: First", "assistant: Yes", "user: Second"]


def test_of_a_long_conversation_it_knows_the_newest(
    inline: None, context: ChatKitContext, agents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when they are more than one page of the store."""
    agent = agent_of(lambda *_: "Yes")
    agents["echo"] = type("Short", (AgentServer,), {"agent": agent, "history_items": 5})
    monkeypatch.setattr("django_chatkit.server.rows.MAX_LIMIT", 2)
    thread_id = ask("1", context).thread_id
    for number in range(2, 5):
        ask(add(thread_id, str(number)), context)

    asked = [texts_of(given) for _, given in model_of(agent).asked]

    assert asked[1] == ["user: 1", "assistant: Yes", "user: 2"]
    assert asked[-1] == ["user: 2", "assistant: Yes", "user: 3", "assistant: Yes", "user: 4"]


def test_retrying_begins_at_the_message(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    answers = iter(["Bad", "Good"])
    agents["echo"] = agent = agent_of(lambda *_: next(answers))
    events = ask("Hello", context)
    user_message = stored(events.thread_id)[0]

    ask(retry(events.thread_id, user_message.id), context)

    assert texts_of(model_of(agent).asked[-1][1]) == ["user: Hello"]
    assert [item.content[0].text for item in stored(events.thread_id)] == ["Hello", "Good"]


def test_state_variables_reach_tools_and_instructions(
    inline: None, context: ChatKitContext, state: dict[str, Any], agents: dict[str, Any]
) -> None:
    seen: list[Any] = []

    @function_tool
    async def my_plan(ctx: Context) -> str:
        """What the visitor pays for."""
        given = ctx.context.request_context
        seen.append((given.state_variables["plan"], given.user_key, given.workflow.slug, ctx.context.thread.id))
        return "gold"

    def instructions(ctx: Context, agent: Any) -> str:
        return f"The visitor's plan is {ctx.context.request_context.state_variables['plan']}."

    answers = iter([call("my_plan"), "It is gold"])
    agents["echo"] = agent = agent_of(lambda *_: next(answers), instructions=instructions, tools=[my_plan])

    events = ask("Which plan?", context)

    assert events.text == "It is gold"
    assert seen == [("gold", context.user_key, "help", events.thread_id)]
    assert model_of(agent).asked[0][0] == "The visitor's plan is gold."
    assert model_of(agent).asked[1][1][-1]["output"] == "gold"  # type: ignore[index,typeddict-item]


def test_tools_put_things_into_the_answer(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    @function_tool
    async def show(ctx: Context) -> str:
        """Shows the order."""
        await ctx.context.start_workflow(Workflow(type="custom", tasks=[CustomTask(title="Looking")]))
        await ctx.context.end_workflow()
        await ctx.context.stream_widget(Card(children=[Text(value="Order 17")]))
        return "shown"

    answers = iter([call("show"), "There it is"])
    agents["echo"] = agent_of(lambda *_: next(answers), tools=[show])

    events = ask("Show me", context)

    assert [item.type for item in stored(events.thread_id)] == [
        "user_message",
        "workflow",
        "widget",
        "assistant_message",
    ]
    assert events.of(ErrorEvent) == []  # though the SDK says twice that the workflow is done


def test_tools_of_the_browser(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    """The answer stops at the call, and goes on when the browser has sent what it found. Twice, and all that while
    one workflow: the SDK stores it again each time."""

    @function_tool
    async def look(ctx: Context) -> None:
        """Looks at the page."""
        if ctx.context.workflow_item is None:
            await ctx.context.start_workflow(Workflow(type="custom", tasks=[CustomTask(title="Looking")]))
        ctx.context.client_tool_call = ClientToolCall(name="look", arguments={"where": "left"})

    answers = iter([call("look"), call("look"), "Seen"])
    model = LocalModel(lambda *_: next(answers), pause=0.05)
    behaviour = StopAtTools(stop_at_tool_names=["look"])
    agents["echo"] = Agent(name="Help", model=model, tools=[look], tool_use_behavior=behaviour)

    first = ask("Look", context)
    second = ask(tool_output(first.thread_id, {"found": "a cup"}), context)
    third = ask(tool_output(first.thread_id, {"found": "nothing"}), context)

    calls = [item for item in stored(first.thread_id) if isinstance(item, ClientToolCallItem)]
    assert [event for events in (first, second, third) for event in events.of(ErrorEvent)] == []
    assert [(each.name, each.status, each.output) for each in calls] == [
        ("look", "completed", {"found": "a cup"}),
        ("look", "completed", {"found": "nothing"}),
    ]
    assert len({each.id for each in calls}) == 2
    assert [item.type for item in stored(first.thread_id)].count("workflow") == 1
    assert third.text == "Seen"
    assert '{"found": "nothing"}' in str(model.asked[-1][1])


@pytest.mark.parametrize("where", ["input", "output"])
def test_guardrails(
    where: str, inline: None, context: ChatKitContext, agents: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What was said before the tripwire is taken back, here and in the browser."""

    @input_guardrail
    async def no_homework(ctx: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
        await asyncio.sleep(0.1)
        return GuardrailFunctionOutput(output_info="personal", tripwire_triggered=True)

    @output_guardrail
    async def no_secrets(ctx: Any, agent: Any, output: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info="personal", tripwire_triggered=True)

    guards: Any = {"input_guardrails": [no_homework]} if where == "input" else {"output_guardrails": [no_secrets]}
    agents["echo"] = Agent(name="Help", model=LocalModel(lambda *_: "The answer is 42", pause=0.04), **guards)

    events = ask("Do my homework", context)

    assert events.of(ErrorEvent) == [ErrorEvent(message="I cannot help with that.", allow_retry=False)]
    assert len(events.of(ThreadItemRemovedEvent)) == 1
    assert [item.type for item in stored(events.thread_id)] == ["user_message"]
    assert "personal" not in caplog.text
    assert "homework" not in caplog.text


def test_a_model_that_fails(
    inline: None, context: ChatKitContext, agents: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def say(*_: Any) -> str:
        raise ConnectionError("401 for sk-proj-123 and the visitor's text")

    agents["echo"] = agent_of(say)

    events = ask("My name is Zoë", context)

    assert events.of(ErrorEvent) == [ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)]
    ours = [record.getMessage() for record in caplog.records if record.name == "django_chatkit"]
    assert [text.partition(" at ")[0] for text in ours] == ["The agent 'echo' failed: builtins.ConnectionError"]
    assert "sk-proj-123" not in caplog.text
    assert "Zoë" not in caplog.text


class Refusing(BaseHTTPRequestHandler):
    """OpenAI, which does not like the key and repeats part of it."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        text = b'{"error": {"message": "Incorrect API key provided: sk-proj-12***89.", "code": "invalid_api_key"}}'
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None: ...


@pytest.mark.parametrize(("key", "kind"), [("sk-proj-123456789", "AuthenticationError"), ("", "OpenAIError")])
def test_a_key_that_openai_refuses(
    key: str,
    kind: str,
    inline: None,
    context: ChatKitContext,
    agents: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The agents SDK takes it from the environment. Without one it does not even ask."""
    agents["echo"] = Agent(name="Help", model="gpt-4.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as openai:
        threading.Thread(target=openai.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{openai.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", key)

        events = ask("My name is Zoë", context)

        openai.shutdown()

    assert events.of(ErrorEvent) == [ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)]
    assert f"The agent 'echo' failed: openai.{kind} at " in caplog.text.replace("openai._exceptions.", "openai.")
    assert "sk-proj" not in caplog.text
    assert "Zoë" not in caplog.text


def test_two_at_once_do_not_mix(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    """Each run has its own queue for what tools stream, though the SDK gives the class one as its default."""

    @function_tool
    async def show(ctx: Context) -> str:
        """Shows a card."""
        for word in ("a", "b", "c"):
            await ctx.context.stream_widget(Card(id=word, children=[Text(value=ctx.context.thread.id)]))
            await asyncio.sleep(0.01)
        return "shown"

    def say(_instructions: str, given: Input) -> Any:
        return "Done" if "function_call_output" in str(given) else call("show")

    agents["echo"] = Agent(name="Help", model=LocalModel(say, pause=0.01), tools=[show])

    async def both() -> list[Events]:
        return list(await asyncio.gather(*(all_of(create(f"Hello {number}"), context) for number in range(4))))

    for events in async_to_sync(both)():
        widgets = [item for item in events.done if isinstance(item, WidgetItem)]
        shown = [str(item.widget.children[0].value) for item in widgets]  # type: ignore[union-attr]
        assert shown == [events.thread_id] * 3
        assert events.text == "Done"
        assert {item.thread_id for item in events.done} == {events.thread_id}


async def left_after(words: int, context: ChatKitContext, *, close: bool = False) -> Events:
    """Somebody who goes after so many words: cancelled where it waits, as the endpoint does it, or just closed."""
    events = Events()
    reader: Any = stream(create("Hello"), context)

    async def listen() -> None:
        async for event in reader:
            events.append(event)
            if close and len(heard()) >= words:
                await reader.aclose()
                return

    def heard() -> list[Any]:
        return [each for each in events.of(ThreadItemUpdatedEvent) if hasattr(each.update, "delta")]

    task = asyncio.create_task(listen())
    while len(heard()) < words and not task.done():
        await asyncio.sleep(0.005)
    if not close:
        task.cancel()
    await asyncio.wait([task])
    return events


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What asyncio says of tasks that were left behind."""
    found: list[str] = []
    yield found
    gc.collect()
    found += [record.getMessage() for record in caplog.records if record.name == "asyncio"]
    assert found == []


def test_who_leaves_stops_the_run(
    inline: None, context: ChatKitContext, agents: dict[str, Any], complaints: list[str]
) -> None:
    agents["echo"] = agent = Agent(name="Help", model=LocalModel(lambda *_: "word " * 1000, pause=0.01))
    model = model_of(agent)

    async def leave() -> tuple[Events, set[str]]:
        events = await left_after(3, context)
        said_when_leaving = model.words_said
        assert model.running == 0
        await asyncio.sleep(0.1)
        assert model.words_said == said_when_leaving < 100
        return events, others()

    events, left_behind = async_to_sync(leave)()

    assert left_behind == set()
    [answer] = [item for item in stored(events.thread_id) if isinstance(item, AssistantMessageItem)]
    assert answer.content[0].text.startswith("word word word")
    assert stored(events.thread_id)[-1].type == "sdk_hidden_context"


def others() -> set[str]:
    """Tasks that are neither this one nor the test's."""
    running = asyncio.all_tasks() - {asyncio.current_task()}
    return {repr(task) for task in running if "asgiref" not in repr(task) and "left_behind" not in repr(task)}


def test_who_closes_stops_the_run_too(
    inline: None, context: ChatKitContext, agents: dict[str, Any], complaints: list[str]
) -> None:
    agents["echo"] = agent = Agent(name="Help", model=LocalModel(lambda *_: "word " * 1000, pause=0.01))

    async def leave() -> set[str]:
        await left_after(3, context, close=True)
        for _ in range(50):
            if not others():
                break
            await asyncio.sleep(0.02)
        return others()

    assert async_to_sync(leave)() == set()
    assert model_of(agent).running == 0
    assert model_of(agent).words_said < 100


def test_a_tool_is_stopped_as_well(
    inline: None, context: ChatKitContext, agents: dict[str, Any], complaints: list[str]
) -> None:
    going: list[str] = []

    @function_tool
    async def wait() -> str:
        """Takes its time."""
        going.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            going.append("stopped")
        return "never"

    agents["echo"] = agent_of(lambda *_: call("wait"), tools=[wait])

    async def leave() -> None:
        task = asyncio.create_task(all_of(create("Hello"), context))
        while not going:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.05)

    async_to_sync(leave)()

    assert going == ["begun", "stopped"]


def test_a_run_that_does_not_stop_is_given_up(
    inline: None, context: ChatKitContext, agents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that will not be cancelled holds nobody up for longer than ``GRACE``."""
    monkeypatch.setattr(runs, "GRACE", 0.05)
    going: list[str] = []

    @function_tool
    async def insist() -> str:
        """Goes on whatever happens."""
        going.append("begun")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.4)
        return "at last"

    agents["echo"] = agent_of(lambda *_: call("insist"), tools=[insist])

    async def leave() -> float:
        task = asyncio.create_task(all_of(create("Hello"), context))
        while not going:
            await asyncio.sleep(0.01)
        begun = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.wait([task])
        taken = asyncio.get_running_loop().time() - begun
        await asyncio.sleep(0.5)
        return taken

    assert async_to_sync(leave)() < 0.35


def test_a_failure_leaves_no_task_behind(
    inline: None, context: ChatKitContext, agents: dict[str, Any], complaints: list[str]
) -> None:
    def say(*_: Any) -> str:
        raise ConnectionError

    agents["echo"] = agent_of(say)

    async def fail() -> set[str]:
        await all_of(create("Hello"), context)
        await asyncio.sleep(0.05)
        return others()

    assert async_to_sync(fail)() == set()


def test_the_browsers_choice_of_a_model_is_not_followed(
    inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    """It would be a choice of what the site pays."""
    agents["echo"] = agent = agent_of(lambda *_: "Cheap")
    wanted = create("Hello")
    wanted.params.input.inference_options.model = "gpt-expensive"

    assert ask(wanted, context).text == "Cheap"
    assert len(model_of(agent).asked) == 1
