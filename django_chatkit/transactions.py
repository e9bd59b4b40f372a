"""Views that wait for others: in no transaction, whatever ``ATOMIC_REQUESTS`` says, and with no pooled connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections
from django.db.transaction import non_atomic_requests

View = TypeVar("View", bound=Callable[..., object])


def outside_transactions(view: View) -> View:
    """Mark ``view``, on every database: it waits for OpenAI, for an agent or for a storage, and a transaction would be
    open as long.
    """
    for alias in connections:
        view = non_atomic_requests(using=alias)(view)
    return view


def give_connections_back() -> None:
    """To their pools, before a view waits for OpenAI: a pool has fewer connections than a site has requests, and who
    finds none waits as long, whatever page it is. Without a pool they stay: a new one costs more than it frees.
    """
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool") and connection.autocommit:
            connection.close()
