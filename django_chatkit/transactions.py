"""Views that are in no transaction, whatever ``ATOMIC_REQUESTS`` says."""

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
