"""The shop's assistant: an agent with tools, run by this site, and what happens when a button on its cards is pressed.

``DJANGO_CHATKIT["AGENTS"]`` names ``ShopAssistant``. Without actions, naming ``assistant`` itself would do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from agents import Agent, Model, OpenAIResponsesModel, RunContextWrapper
from agents.models import get_default_model
from chatkit.actions import Action
from chatkit.agents import AgentContext
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    WidgetItem,
)
from chatkit.widgets import DynamicWidgetRoot
from django.conf import settings
from openai import AsyncOpenAI

from django_chatkit.conf import conf
from django_chatkit.server.agents import AgentServer
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.database import in_database

from .local_model import LocalModel
from .models import Order
from .texts import say
from .tools import ask_to_cancel, find_orders, find_teas, language_of, list_orders, show_order
from .widgets import cancel_card, order_card, order_list

Context = RunContextWrapper[AgentContext[ChatKitContext]]


def instructions(ctx: Context, agent: Agent[Any]) -> str:
    """The same for every visitor, but for the state variables of their session."""
    variables = ctx.context.request_context.state_variables
    return "\n".join(
        (
            "You are the assistant of a small tea shop. Help with orders, parcels and brewing, and with nothing else.",
            "Look orders and teas up with your tools; never invent any. The tools show orders as cards: do not repeat",
            "what is on them. Nothing is cancelled before the visitor has confirmed it on a card.",
            "Answer in the visitor's language. Members of the tea club (plan: club) pay no delivery.",
            "What the shop knows:",
            *(f"{name}: {value}" for name, value in variables.items()),
        )
    )


def model() -> Model:
    """OpenAI's if the demo is live, with the same key as the rest of the site; otherwise a little one of our own."""
    if not settings.CHATKIT_DEMO_LIVE:
        return LocalModel()
    key = conf.credentials()
    client = AsyncOpenAI(
        api_key=str(key.api_key), base_url=key.base_url, organization=key.organization, project=key.project
    )
    return OpenAIResponsesModel(settings.CHATKIT_DEMO_MODEL or get_default_model(), client)


def find_numbered(user: Any, number: str) -> Order | None:
    return Order.objects.of(user).numbered(number)


def cancel(user: Any, number: str) -> bool:
    return Order.objects.of(user).cancel(number)


assistant = Agent[AgentContext[ChatKitContext]](
    name="Shop assistant",
    instructions=instructions,
    model=model(),
    tools=[show_order, list_orders, ask_to_cancel, find_teas],
)


class ShopAssistant(AgentServer):
    """The agent, and the buttons on its cards."""

    agent = assistant

    async def action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: ChatKitContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """What a button asks for. Its payload is what a browser sent, so the order is looked up as this visitor's."""
        number, language = number_in(action), language_of(context)
        order = await in_database(find_numbered, context.user, number)
        if action.type == "orders.list":
            yield self.widget(order_list(await in_database(find_orders, context.user), language), thread, context)
        elif order is None:
            yield self.text(say(language, "unknown_order" if number else "no_orders", number=number), thread, context)
        elif action.type == "order.show":
            yield self.widget(order_card(order, language), thread, context)
        elif action.type == "order.cancel" and order.can_be_cancelled:
            yield self.widget(cancel_card(order, language), thread, context)
        elif action.type == "order.cancel":
            yield self.text(say(language, "too_late", number=number), thread, context)
        elif action.type in ("order.cancel.confirmed", "order.keep"):
            async for event in self.decided(order, action.type, sender, context, thread):
                yield event

    async def decided(
        self, order: Order, decision: str, sender: WidgetItem | None, context: ChatKitContext, thread: ThreadMetadata
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The visitor has answered the question on the card, which becomes the order's."""
        language, result = language_of(context), "kept"
        if decision == "order.cancel.confirmed":
            result = "done" if await in_database(cancel, context.user, order.number) else "too_late"
            order = await in_database(find_numbered, context.user, order.number) or order
        if sender:
            yield ThreadItemReplacedEvent(item=sender.model_copy(update={"widget": order_card(order, language)}))
        yield self.text(say(language, result, number=order.number), thread, context)

    def widget(self, widget: DynamicWidgetRoot, thread: ThreadMetadata, context: ChatKitContext) -> ThreadStreamEvent:
        """Puts a widget under the conversation."""
        item_id = self.store.generate_item_id("message", thread, context)
        now = datetime.now()  # noqa: DTZ005  (the SDK's own times are naive)
        return ThreadItemDoneEvent(item=WidgetItem(id=item_id, thread_id=thread.id, created_at=now, widget=widget))

    def text(self, text: str, thread: ThreadMetadata, context: ChatKitContext) -> ThreadStreamEvent:
        """Says something."""
        item_id = self.store.generate_item_id("message", thread, context)
        now = datetime.now()  # noqa: DTZ005
        content = [AssistantMessageContent(text=text)]
        return ThreadItemDoneEvent(
            item=AssistantMessageItem(id=item_id, thread_id=thread.id, created_at=now, content=content)
        )


def number_in(action: Action[str, Any]) -> str:
    """The order's number in what a button sends."""
    payload = action.payload
    return str(payload.get("number", "")) if isinstance(payload, dict) else ""
