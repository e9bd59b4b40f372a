"""What the assistant can look up and show. Orders are always those of the visitor who asks, never of a named user."""

from __future__ import annotations

import json
from typing import Any, Literal

from agents import RunContextWrapper, function_tool
from chatkit.agents import AgentContext

from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.database import in_database

from .models import Order, Tea
from .widgets import cancel_card, order_card, order_list

Context = RunContextWrapper[AgentContext[ChatKitContext]]


@function_tool
async def show_order(ctx: Context, number: str | None = None) -> str:
    """Look up one of the visitor's orders and show it to them as a card.

    Args:
        number: The order's number, such as KM-1042. Leave it out for the order that is on its way.
    """
    context = ctx.context.request_context
    order = await in_database(find_order, context.user, number, Order.Status.SENT, Order.Status.PACKING)
    if order is None:
        return problem("unknown_order" if number else "no_orders", number)
    await ctx.context.stream_widget(order_card(order, language_of(context)))
    return json.dumps(described(order))


@function_tool
async def list_orders(ctx: Context) -> str:
    """Look up all orders of the visitor, newest first, and show them as a list."""
    context = ctx.context.request_context
    orders = await in_database(find_orders, context.user)
    if orders:
        await ctx.context.stream_widget(order_list(orders, language_of(context)))
    return json.dumps([described(order) for order in orders])


@function_tool
async def ask_to_cancel(ctx: Context, number: str | None = None) -> str:
    """Show a card on which the visitor can confirm that an order is to be cancelled. This alone cancels nothing.

    Args:
        number: The order's number, such as KM-1042. Leave it out for the newest one that can be cancelled.
    """
    context = ctx.context.request_context
    order = await in_database(find_order, context.user, number, Order.Status.PACKING)
    if order is None:
        return problem("unknown_order" if number else "no_orders", number)
    if not order.can_be_cancelled:
        return problem("too_late", order.number)
    await ctx.context.stream_widget(cancel_card(order, language_of(context)))
    return json.dumps(described(order))


@function_tool
async def find_teas(
    kind: Literal["green", "oolong", "black", "herbal"] | None = None,
    caffeine_free: bool = False,  # noqa: FBT001, FBT002
) -> str:
    """Look up teas: caffeine, how to brew them (°C and minutes), and the price of 100 g in euros.

    Args:
        kind: Only teas of this kind.
        caffeine_free: Only teas without any caffeine.
    """
    wanted = ({"kind": kind} if kind else {}) | ({"caffeine": Tea.Caffeine.NONE} if caffeine_free else {})
    return json.dumps(await in_database(find, **wanted), default=str)


def find_order(user: Any, number: str | None, *statuses: Order.Status) -> Order | None:
    """The order of this number if it is this user's; without a number, the one that is probably meant."""
    orders = Order.objects.of(user)
    return orders.numbered(number) if number else orders.current(*statuses)


def find_orders(user: Any) -> list[Order]:
    return list(Order.objects.of(user))


def find(**wanted: Any) -> list[dict[str, Any]]:
    return list(Tea.objects.filter(**wanted).values("name", "kind", "caffeine", "celsius", "minutes", "price"))


def language_of(context: ChatKitContext) -> str:
    """The state variable that the shop sets for every visitor."""
    return str(context.state_variables.get("language", "en"))


def described(order: Order) -> dict[str, Any]:
    """What a model is told about an order."""
    return {
        "number": order.number,
        "status": order.status,
        "ordered_on": order.ordered_on.isoformat(),
        "expected_on": order.expected_on.isoformat(),
        "tracking_number": order.tracking_number,
        "lines": [str(line) for line in order.lines.all()],
        "total": str(order.total),
        "can_be_cancelled": order.can_be_cancelled,
    }


def problem(name: str, number: str | None) -> str:
    """What a model is told when there is nothing to show."""
    return json.dumps({"problem": name, "number": number or ""})
