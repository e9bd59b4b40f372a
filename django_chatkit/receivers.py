"""What happens when people log in and out, and when they or their groups are deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.db import connections, transaction
from django.http import HttpRequest

from . import identity

logger = logging.getLogger("django_chatkit")


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


def remember_workflows(instance: Any, using: str, **_kwargs: Any) -> None:
    """``pre_delete`` of ``Group``: its rows go before it does, and with them what it was for."""
    from .models import Workflow

    of_group = Workflow.objects.using(using).filter(groups=instance.pk, is_active=True)
    instance._chatkit_workflows = list(of_group.values_list("pk", flat=True))


def close_workflows(instance: Any, using: str, **_kwargs: Any) -> None:
    """``post_delete`` of ``Group``: deactivate the workflows that have no group left. They would be open to everybody
    who is logged in.
    """
    from .models import Workflow

    open_to_all = Workflow.objects.using(using).filter(pk__in=instance._chatkit_workflows, groups=None)
    for workflow in open_to_all:
        logger.warning("The workflow %r was deactivated: the last of its groups was deleted.", workflow.slug)
    open_to_all.update(is_active=False)


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
