"""``AgentServer``: an agent of OpenAI's agents SDK answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import ClassVar

from agents import Agent, RunConfig, Runner
from chatkit.agents import AgentContext, stream_agent_response
from chatkit.store import AttachmentStore
from chatkit.types import (
    ProgressUpdateEvent,
    ThreadItem,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)

from ..context import ChatKitContext
from ..store import DjangoStore
from .base import DjangoChatKitServer
from .inputs import AgentInputs
from .titles import first_words, written_by_model

#: Seconds that a run which has been stopped may take to end.
GRACE = 5.0


class AgentServer(DjangoChatKitServer):
    """Runs an ``agents.Agent``. Subclass it with the attribute ``agent`` to add actions, dictation or your own inputs.

    Tools, guardrails and dynamic instructions get an ``AgentContext`` of the SDK's: ``ctx.context.request_context`` is
    the ``ChatKitContext``, and ``ctx.context.stream_widget()`` and its like put things into the answer.
    """

    #: Who answers.
    agent: Agent[AgentContext[ChatKitContext]]
    #: How many of a thread's items the agent is told, the newest of them.
    history_items: ClassVar[int] = 50
    #: What makes the agent's input of them.
    inputs: ClassVar[type[AgentInputs]] = AgentInputs

    def __init__(
        self,
        store: DjangoStore,
        attachment_store: AttachmentStore[ChatKitContext] | None = None,
        *,
        agent: Agent[AgentContext[ChatKitContext]] | None = None,
    ) -> None:
        if agent is not None:
            self.agent = agent
        super().__init__(store, attachment_store)

    def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        return self.run(self.agent, thread, context)

    async def run(
        self, agent: Agent[AgentContext[ChatKitContext]], thread: ThreadMetadata, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The answer of this agent, event by event. A ``respond`` of your own can choose which one answers."""
        items = await self.newest_items(thread, context)
        agent_input = await self.inputs(context).to_agent_input(items)
        agent_context = AgentContext(thread=thread, store=self.store, request_context=context)
        result = Runner.run_streamed(
            agent, agent_input, context=agent_context, run_config=self.run_config(thread, context)
        )
        events = stream_agent_response(agent_context, result)
        try:
            async with aclosing(_stopped_gently(events, result.cancel)) as gently:
                async for event in gently:
                    yield event
        finally:
            # The SDK may still be waiting for an event of a tool's: without one, that task would wait for ever.
            await agent_context.stream(ProgressUpdateEvent(text=""))

    def run_config(self, thread: ThreadMetadata, context: ChatKitContext) -> RunConfig:
        """How the agent is run. Nothing is traced, that is sent to OpenAI, unless the session says so."""
        return RunConfig(
            tracing_disabled=not context.session.tracing_enabled,
            workflow_name=context.session.workflow_id,
            group_id=thread.id,
            trace_metadata={"workflow": context.workflow.slug},
        )

    async def title(self, thread: ThreadMetadata, item: UserMessageItem, context: ChatKitContext) -> str | None:
        """A few words by the agent's own model; the visitor's first words if it has none to say."""
        title = await written_by_model(self.agent, item, self.run_config(thread, context))
        return title or first_words(item)

    async def newest_items(self, thread: ThreadMetadata, context: ChatKitContext) -> list[ThreadItem]:
        """The newest ``history_items`` of the thread, oldest first."""
        found: list[ThreadItem] = []
        after: str | None = None
        while len(found) < self.history_items:
            left = self.history_items - len(found)
            page = await self.store.load_thread_items(thread.id, after, left, "desc", context)
            found += page.data
            after = page.after
            if not page.has_more:
                break
        return found[::-1]


async def _stopped_gently(
    events: AsyncIterator[ThreadStreamEvent], stop: Callable[[], None]
) -> AsyncGenerator[ThreadStreamEvent, None]:
    """The events. Who is cancelled or leaves stops the run, which then ends by itself.

    Cancelled in the middle, the SDK would leave the run and tasks of its own behind.
    """
    step = asyncio.ensure_future(anext(events, None))
    try:
        while (event := await asyncio.shield(step)) is not None:
            yield event
            step = asyncio.ensure_future(anext(events, None))
    except (asyncio.CancelledError, GeneratorExit):
        stop()
        with suppress(Exception):
            async with asyncio.timeout(GRACE):
                while await step is not None:
                    step = asyncio.ensure_future(anext(events, None))
        raise
