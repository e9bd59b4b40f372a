"""ChatKit widgets: an order as a card, all orders as a list, and the question before one is cancelled.

OpenAI's widget builder writes the same structures: https://widgets.chatkit.studio/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatkit.widgets import DynamicWidgetRoot

from .models import Order
from .texts import say

COLORS = {
    Order.Status.PACKING: "warning",
    Order.Status.SENT: "info",
    Order.Status.DELIVERED: "success",
    Order.Status.CANCELLED: "secondary",
}
SPACER = {"type": "Spacer"}


def order_card(order: Order, language: str) -> DynamicWidgetRoot:
    """Everything about one order, with what can be done about it."""
    costs = [(str(line), line.cost) for line in order.lines.all()]
    if order.delivery_cost:
        costs.append((say(language, "delivery"), order.delivery_cost))
    return widget(
        "Card",
        row(*heading(order, language)),
        text(when(order, language), color="secondary"),
        {"type": "Divider"},
        *(row(text(name), SPACER, text(say(language, "euros", amount=cost))) for name, cost in costs),
        row(
            text(say(language, "total"), weight="semibold"),
            SPACER,
            text(say(language, "euros", amount=order.total), weight="semibold"),
        ),
        *([{"type": "Caption", "value": tracking(order, language)}] if order.tracking_number else []),
        row(
            button(say(language, "all_orders"), "orders.list"),
            *([button(say(language, "cancel"), "order.cancel", order)] if order.can_be_cancelled else []),
        ),
        size="md",
    )


def order_list(orders: Iterable[Order], language: str) -> DynamicWidgetRoot:
    """The orders, one a line; each opens as a card."""
    items = [
        {
            "type": "ListViewItem",
            "key": order.number,
            "onClickAction": action("order.show", order),
            "children": heading(order, language, size="sm"),
        }
        for order in orders
    ]
    return widget("ListView", *items)


def cancel_card(order: Order, language: str) -> DynamicWidgetRoot:
    """Asks before an order is cancelled."""
    return widget(
        "Card",
        {"type": "Title", "value": say(language, "really", number=order.number), "size": "sm"},
        text(say(language, "consequence")),
        size="sm",
        confirm={"label": say(language, "yes"), "action": action("order.cancel.confirmed", order)},
        cancel={"label": say(language, "no"), "action": action("order.keep", order)},
    )


def heading(order: Order, language: str, size: str = "md") -> list[dict[str, Any]]:
    """Its number and how far it is."""
    title = {"type": "Title", "value": say(language, "order", number=order.number), "size": size}
    badge = {"type": "Badge", "label": say(language, order.status), "color": COLORS[Order.Status(order.status)]}
    return [title, SPACER, badge]


def when(order: Order, language: str) -> str:
    """The day that matters now."""
    if order.status in Order.OPEN:
        return say(language, "expected", day=order.expected_on)
    if order.status == Order.Status.DELIVERED:
        return say(language, "delivered_on", day=order.expected_on)
    return say(language, "ordered", day=order.ordered_on)


def tracking(order: Order, language: str) -> str:
    """Its parcel's number."""
    return say(language, "tracking", tracking=order.tracking_number)


def widget(kind: str, *children: dict[str, Any], **properties: Any) -> DynamicWidgetRoot:
    """A root with these children."""
    return DynamicWidgetRoot.model_validate({"type": kind, "children": children, **properties})


def row(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Row", "align": "center", "gap": 2, "children": children}


def text(value: str, **properties: Any) -> dict[str, Any]:
    return {"type": "Text", "value": value, "size": "sm", **properties}


def button(label: str, kind: str, order: Order | None = None) -> dict[str, Any]:
    return {"type": "Button", "label": label, "variant": "outline", "size": "sm", "onClickAction": action(kind, order)}


def action(kind: str, order: Order | None = None) -> dict[str, Any]:
    """What the browser sends back. Whose order it is is asked again then: a browser can send anything."""
    return {"type": kind, "handler": "server", "payload": {"number": order.number} if order else {}}
