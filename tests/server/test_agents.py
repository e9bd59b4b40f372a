from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial, wraps
from typing import Any

import pytest
from agents import Agent
from chatkit.server import ChatKitServer
from chatkit.types import ErrorEvent, ProgressUpdateEvent

from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.server.agents import (
    AgentServer,
    DjangoChatKitServer,
    GeneratorServer,
    kind_problem,
    server_for,
)
from django_chatkit.server.attachments import DjangoAttachmentStore
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore

from .chat import act
from .local_model import LocalModel
from .talk import ask

AGENT: Agent[Any] = Agent(name="Help", model=LocalModel(lambda _instructions, _input: "Hello from the model"))


async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
    yield ProgressUpdateEvent(text=f"Hello {context.user_key[:4]}")


async def respond_in(mood: str, thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
    yield ProgressUpdateEvent(text=mood)


class Responder:
    async def __call__(self, thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        yield ProgressUpdateEvent(text="object")

    async def method(self, thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        yield ProgressUpdateEvent(text="method")


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class SiteServer(DjangoChatKitServer):
    async def respond(self, thread: Any, input_user_message: Any, context: Any) -> AsyncIterator[Any]:
        yield ProgressUpdateEvent(text="site")


class PlainServer(ChatKitServer[ChatKitContext]):
    """A server of the SDK's: full control, nothing of ours."""

    async def respond(self, thread: Any, input_user_message: Any, context: Any) -> AsyncIterator[Any]:
        yield ProgressUpdateEvent(text="plain")


class HelpServer(AgentServer):
    agent = AGENT


class Unfinished(DjangoChatKitServer):
    pass


class NoAgent(AgentServer):
    agent = "somebody"  # type: ignore[assignment]


async def returns(thread: Any, item: Any, context: Any) -> None: ...


def sync_function(thread: Any, item: Any, context: Any) -> None: ...


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (AGENT, AgentServer),
        (respond, GeneratorServer),
        (partial(respond_in, "glad"), GeneratorServer),
        (partial(Responder()), GeneratorServer),
        (Responder(), GeneratorServer),
        (Responder().method, GeneratorServer),
        (decorated(respond), GeneratorServer),
        (SiteServer, SiteServer),
        (PlainServer, PlainServer),
        (HelpServer, HelpServer),
    ],
)
def test_what_a_name_may_stand_for(found: Any, kind: type, context: ChatKitContext, agents: dict[str, Any]) -> None:
    agents["echo"] = found
    store, attachment_store = DjangoStore(), DjangoAttachmentStore()

    server = server_for(context.session, store, attachment_store)

    assert kind_problem(found) is None
    assert type(server) is kind
    assert (server.store, server.attachment_store) == (store, attachment_store)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (
            None,
            "is of type NoneType: it must be an agents.Agent, an async generator function, or a ChatKitServer class",
        ),
        (42, "is of type int: it must be"),
        (sync_function, "is of type function: it must be"),
        (returns, "is an async function that yields nothing: it must yield ChatKit's events"),
        (dict, "is the class dict, which is no ChatKitServer"),
        (Unfinished, "is the class Unfinished, which does not define respond()"),
        (NoAgent, "is the class NoAgent, whose attribute agent is no agents.Agent"),
        (AgentServer, "is the class AgentServer, whose attribute agent is no agents.Agent"),
        (GeneratorServer, "is made from a function: name the function"),
        (PlainServer(DjangoStore()), "is an instance: name its class"),
    ],
)
def test_what_it_may_not(found: Any, problem: str, context: ChatKitContext, agents: dict[str, Any]) -> None:
    agents["echo"] = found

    assert problem in str(kind_problem(found))
    with pytest.raises(ChatKitNotConfigured, match=r"DJANGO_CHATKIT\['AGENTS'\]\['echo'\] is "):
        server_for(context.session, DjangoStore(), None)


def test_an_agent_that_the_settings_no_longer_have(context: ChatKitContext, agents: dict[str, Any]) -> None:
    del agents["echo"]

    with pytest.raises(ChatKitNotConfigured, match="has no agent 'echo'"):
        server_for(context.session, DjangoStore(), None)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (partial(respond_in, "glad"), "glad"),
        (Responder(), "object"),
        (Responder().method, "method"),
        (decorated(respond), "Hello "),
        (SiteServer, "site"),
        (PlainServer, "plain"),
    ],
)
def test_each_kind_answers(
    found: Any, text: str, inline: None, context: ChatKitContext, agents: dict[str, Any]
) -> None:
    agents["echo"] = found

    [progress] = ask("Hello", context).of(ProgressUpdateEvent)

    assert progress.text.startswith(text)


def test_the_session_decides_which_agent(inline: None, context: ChatKitContext, agents: dict[str, Any]) -> None:
    agents["other"] = SiteServer
    context.workflow.agent = "other"  # moved meanwhile; the session was issued for "echo"

    assert ask("Hello there", context).text == "Hello there "


def test_actions_reach_the_site_and_are_watched(
    inline: None, context: ChatKitContext, agents: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    class Acting(HelpServer):
        async def action(self, thread: Any, action: Any, sender: Any, context: Any) -> AsyncIterator[Any]:
            yield ProgressUpdateEvent(text=f"{action.type} {action.payload}")
            raise RuntimeError("secret text")

    agents["echo"] = Acting
    thread_id = ask("Hello", context).thread_id

    events = ask(act(thread_id, how="hard"), context)

    assert [event.text for event in events.of(ProgressUpdateEvent)] == ["press {'how': 'hard'}"]
    assert [event.allow_retry for event in events.of(ErrorEvent)] == [True]
    assert "secret text" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_an_action_that_nobody_takes_is_an_error_event(
    inline: None, context: ChatKitContext, caplog: pytest.LogCaptureFixture
) -> None:
    thread_id = ask("Hello", context).thread_id

    events = ask(act(thread_id), context)

    assert len(events.of(ErrorEvent)) == 1
    assert "The agent 'echo' failed: builtins.NotImplementedError" in caplog.text
