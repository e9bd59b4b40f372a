"""The three kinds of things that a name in ``AGENTS`` may stand for, and the server that each of them becomes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from agents import Agent
from chatkit.server import ChatKitServer
from chatkit.store import AttachmentStore
from chatkit.types import ThreadMetadata, ThreadStreamEvent, UserMessageItem

from ...conf import conf
from ...exceptions import ChatKitNotConfigured
from ...models import ChatSession
from ..context import ChatKitContext
from ..store import DjangoStore
from .agent import AgentServer
from .base import DjangoChatKitServer

Respond = Callable[[ThreadMetadata, UserMessageItem | None, ChatKitContext], AsyncIterator[ThreadStreamEvent]]

KINDS = "an agents.Agent, an async generator function, or a ChatKitServer class"


class GeneratorServer(DjangoChatKitServer):
    """A function ``async def respond(thread, item, context)`` that yields ChatKit's events."""

    def __init__(
        self,
        store: DjangoStore,
        attachment_store: AttachmentStore[ChatKitContext] | None = None,
        *,
        function: Respond,
    ) -> None:
        self.function = function
        super().__init__(store, attachment_store)

    def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        return self.function(thread, input_user_message, context)


def server_for(
    session: ChatSession,
    store: DjangoStore,
    attachment_store: AttachmentStore[ChatKitContext] | None,
) -> ChatKitServer[ChatKitContext]:
    """The server of one request: what the session's agent says. Raises ``ChatKitNotConfigured``."""
    found = conf.agent(session.workflow_id)
    problem = kind_problem(found)
    if problem:
        raise ChatKitNotConfigured(f"DJANGO_CHATKIT['AGENTS'][{session.workflow_id!r}] {problem}.")
    if isinstance(found, Agent):
        return AgentServer(store, attachment_store, agent=found)
    if isinstance(found, type):
        server: ChatKitServer[ChatKitContext] = found(store=store, attachment_store=attachment_store)
        return server
    return GeneratorServer(store, attachment_store, function=found)


def kind_problem(found: Any) -> str | None:
    """Why this cannot be the agent of a workflow, to be read after its name; ``None`` if it can."""
    if isinstance(found, Agent):
        return None
    if isinstance(found, type):
        return _class_problem(found)
    if isinstance(found, ChatKitServer):
        return "is an instance: name its class, of which every request gets an instance of its own"
    if _yields(found):
        return None
    if inspect.iscoroutinefunction(found):
        return "is an async function that yields nothing: it must yield ChatKit's events"
    return f"is of type {type(found).__name__}: it must be {KINDS}"


def _class_problem(found: type) -> str | None:
    if not issubclass(found, ChatKitServer):
        return f"is the class {found.__name__}, which is no ChatKitServer: it must be {KINDS}"
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        return f"is the class {found.__name__}, which does not define {', '.join(missing)}()"
    if issubclass(found, GeneratorServer):
        return "is made from a function: name the function"
    if issubclass(found, AgentServer) and not isinstance(getattr(found, "agent", None), Agent):
        return f"is the class {found.__name__}, whose attribute agent is no agents.Agent"
    return None


def _yields(found: Any) -> bool:
    """Whether calling it gives an async generator: a function, a method, a partial, an object, a plain wrapper."""
    while isinstance(found, partial):
        found = found.func
    if not callable(found) or inspect.iscoroutinefunction(found):
        return False
    return any(map(inspect.isasyncgenfunction, (found, inspect.unwrap(found), type(found).__call__)))
