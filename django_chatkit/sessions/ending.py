"""Ending sessions: cancel one, cancel those of a login, expire the stale and delete the old in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import router, transaction
from django.db.models import F
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import Signal
from django.utils import timezone

from .. import signals
from ..conf import conf
from ..exceptions import ChatKitError, ChatKitNotConfigured
from ..models import ChatSession, ChatSessionQuerySet
from .backends import SelfHostedBackend, backend_that_issued
from .batches import in_batches, in_ranges, past_deadlocks, takes_ranges
from .issuing import BRIEF_DEADLINE, announce

logger = logging.getLogger("django_chatkit")


def cancel_session(session: ChatSession, *, deadline: float | None = None) -> ChatSession:
    """Make the session's secret useless, at OpenAI and here. Cancelling what has ended changes nothing.

    ``deadline`` is seconds, the ``DEADLINE`` setting if unset. A self-hosted session's secret is refused from now on.
    A session that OpenAI gave no id is cancelled here only: it is not reused, but its secret works until it expires.
    Raises ``ChatKitError`` and ``ChatKitNotConfigured``; the session is then still active.
    """
    if session.current_status != ChatSession.Status.ACTIVE:
        return session
    started = time.monotonic()
    status = ChatSession.Status.CANCELLED if session.is_local else _cancelled_by_backend(session, deadline)
    duration = 0.0 if session.is_local else time.monotonic() - started
    using = router.db_for_write(ChatSession, instance=session)
    still_active = ChatSession.objects.using(using).filter(pk=session.pk, status=ChatSession.Status.ACTIVE)
    ended = past_deadlocks(partial(still_active.update, status=status, ended_at=timezone.now()), using)
    session.refresh_from_db(using=using, fields=("status", "ended_at"))
    if ended and status == ChatSession.Status.CANCELLED:
        announce(signals.session_cancelled, session, duration)
    elif ended:
        _announce_expired([session.pk], using)
    return session


def _cancelled_by_backend(session: ChatSession, deadline: float | None) -> ChatSession.Status:
    """How the session ended: OpenAI's clock may say that it had expired already."""
    status = backend_that_issued(session).cancel(session.session_id, deadline)
    return ChatSession.Status.EXPIRED if status == "expired" else ChatSession.Status.CANCELLED


def _announce_expired(ids: list[int], using: str) -> None:
    send = partial(signals.sessions_expired.send_robust, ChatSession, ids=ids, using=using)
    transaction.on_commit(send, using=using)


def cancel_login(*login_keys: str) -> None:
    """Cancel the sessions of one login, and of the visit before it, within two seconds in all, if the
    ``CANCEL_ON_LOGOUT`` setting says so.

    Never raises: somebody is logging out.
    """
    end = time.monotonic() + BRIEF_DEADLINE
    left = 0
    try:
        for session in _of_login(login_keys) if conf.CANCEL_ON_LOGOUT else ():
            left += not _cancelled(session, end - time.monotonic())
    except Exception as error:
        logger.warning("The sessions of a logout were not cancelled (%s); they expire by themselves.", error)
    if left:
        logger.warning("%d sessions of a logout were not cancelled; they expire by themselves.", left)


def cancel_self_hosted(user: Any) -> None:
    """Cancel the user's sessions of workflows that this site runs. Nobody else needs to be asked."""
    for session in _active().filter(user=user, backend=SelfHostedBackend.name):
        cancel_session(session)


def _of_login(login_keys: tuple[str, ...]) -> ChatSessionQuerySet:
    return _active().filter(login_key__in=login_keys)


def _active() -> ChatSessionQuerySet:
    """From the database that is written to: a replica may not know yet what was issued just now."""
    active = ChatSession.objects.using(router.db_for_write(ChatSession)).active()
    return active.select_related("workflow").defer("state_variables", "workflow__state_variables")


def _cancelled(session: ChatSession, seconds: float) -> bool:
    if seconds <= 0:
        return False
    try:
        cancel_session(session, deadline=seconds)
    except (ChatKitError, ChatKitNotConfigured):
        return False
    return True


def expire_sessions(
    *,
    batch_size: int = 20_000,
    sleep: float = 0,
    using: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Mark every session that is past its time as expired; returns how many this call marked.

    Walks the index in batches, each a transaction of its own, with ``sleep`` seconds between them. Can be killed at any
    point and run several times at once: each session expires once, and is in one ``sessions_expired``. ``progress`` is
    called after each batch with the number so far.
    """
    using = using or router.db_for_write(ChatSession)
    stale = ChatSession.objects.using(using).stale()
    if signals.sessions_expired.has_listeners(ChatSession):  # who wants to know which ones
        return in_batches(stale, "expires_at", _mark_expired, batch_size, sleep, progress, _announce_expired)
    return _walk(using)(stale, "expires_at", _mark_expired, batch_size, sleep, progress)


def delete_sessions(
    *,
    older_than: timedelta,
    batch_size: int = 20_000,
    sleep: float = 0,
    using: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Delete the records of sessions that ended longer ago than ``older_than``; returns how many.

    Works, and can be stopped, as ``expire_sessions``.
    """
    using = using or router.db_for_write(ChatSession)
    old = ChatSession.objects.using(using).ended_before(timezone.now() - older_than)
    return _walk(using, pre_delete, post_delete)(old, "ended_at", _deleted, batch_size, sleep, progress)


def _walk(using: str, *heard: Signal) -> Callable[..., int]:
    """Rows are locked one by one only where somebody is told of each, or the database has no better way."""
    is_told = any(signal.has_listeners(ChatSession) for signal in heard)
    return in_ranges if takes_ranges(using) and not is_told else in_batches


def _mark_expired(records: ChatSessionQuerySet) -> int:
    return records.update(status=ChatSession.Status.EXPIRED, ended_at=F("expires_at"))


def _deleted(records: ChatSessionQuerySet) -> int:
    return records.delete()[1].get(ChatSession._meta.label, 0)
