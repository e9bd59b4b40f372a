"""What happens when people log in and out, and when they are deleted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.db import connections, transaction
from django.http import HttpRequest

from . import identity


def start_login(request: HttpRequest | None, **_kwargs: Any) -> None:
    """``user_logged_in``: sessions issued from now on belong to this login. A token's login has no Django session."""
    if request is not None and SESSION_KEY in getattr(request, "session", ()):
        identity.start_login(request)


def cancel_on_logout(request: HttpRequest | None, **_kwargs: Any) -> None:
    """``user_logged_out``: cancel the sessions of this login, and of the visit before it, if the ``CANCEL_ON_LOGOUT``
    setting says so.
    """
    from . import sessions  # requests is not imported before it is needed

    session = getattr(request, "session", {})
    login_keys = [session[name] for name in (identity.LOGIN_KEY, identity.VISIT_KEY) if name in session]
    if login_keys:
        _outside_transactions(partial(sessions.cancel_login, *login_keys))


def cancel_on_deletion(instance: Any, **_kwargs: Any) -> None:
    """``pre_delete`` of the user model: cancel the user's self-hosted sessions, which would be nobody's afterwards.

    OpenAI is not asked to end hosted ones while a transaction is open; they expire by themselves.
    """
    from . import sessions  # requests is not imported before it is needed

    sessions.cancel_self_hosted(instance)


def _outside_transactions(act: Callable[[], None], committed: tuple[str, ...] = ()) -> None:
    """Run ``act`` once no transaction is open on any database, as there is with ``ATOMIC_REQUESTS``.

    A database that has ``committed`` is not asked again: the transaction around a ``TestCase`` never ends in it.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block and connection.alias not in committed:
            again = partial(_outside_transactions, act, (*committed, connection.alias))
            transaction.on_commit(again, using=connection.alias, robust=True)
            return
    act()
