"""Ending sessions: cancel one, cancel those of a login, expire the stale and delete the old in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from django.db import connections, router, transaction
from django.db.models import F, Q
from django.utils import timezone

from .. import signals
from ..conf import conf
from ..exceptions import ChatKitError, ChatKitNotConfigured
from ..models import ChatSession, ChatSessionQuerySet
from .issuing import BRIEF_DEADLINE, announce, client_for

logger = logging.getLogger("django_chatkit")

#: Primary keys in one statement; SQLite takes 32,766 parameters.
CHUNK = 10_000


def cancel_session(session: ChatSession, *, deadline: float | None = None) -> ChatSession:
    """Make the session's secret useless, at OpenAI and here. Cancelling what has ended changes nothing.

    ``deadline`` is seconds, the ``DEADLINE`` setting if unset. A session without OpenAI's id is cancelled here only: it
    is not reused, but its secret works until it expires. Raises ``ChatKitError`` and ``ChatKitNotConfigured``; the
    session is then still active.
    """
    if session.current_status != ChatSession.Status.ACTIVE:
        return session
    started = time.monotonic()
    if not session.is_local:
        client_for(conf.credentials(session.workflow.api_key), deadline).cancel_session(session.session_id)
    duration = 0.0 if session.is_local else time.monotonic() - started
    ended = {"status": ChatSession.Status.CANCELLED, "ended_at": timezone.now()}
    still_active = ChatSession.objects.using(session._state.db).filter(pk=session.pk, status=session.Status.ACTIVE)
    if still_active.update(**ended):
        announce(signals.session_cancelled, session, duration)
    session.refresh_from_db(fields=("status", "ended_at"))
    return session


def cancel_login(login_key: str) -> None:
    """Cancel the sessions of one login, within two seconds in all. Never raises: somebody is logging out."""
    end = time.monotonic() + BRIEF_DEADLINE
    left = 0
    try:
        for session in ChatSession.objects.active().filter(login_key=login_key).select_related("workflow"):
            left += not _cancelled(session, end - time.monotonic())
    except Exception as error:
        logger.warning("The sessions of a logout were not cancelled (%s); they expire by themselves.", error)
    if left:
        logger.warning("%d sessions of a logout were not cancelled; they expire by themselves.", left)


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
    return _in_batches(stale, "expires_at", _expire, batch_size, sleep, progress)


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
    return _in_batches(old, "ended_at", _delete, batch_size, sleep, progress)


def _in_batches(
    queryset: ChatSessionQuerySet,
    column: str,
    act: Callable[[list[int], str], int],
    batch_size: int,
    sleep: float,
    progress: Callable[[int], object] | None,
) -> int:
    """Walk the index of ``column`` and ``id`` by keyset, so that no batch reads again what earlier ones have left."""
    total = 0
    rows: list[tuple[datetime, int]] = []
    while True:
        with transaction.atomic(using=queryset.db):
            rows = _locked(queryset, column, rows[-1] if rows else None, batch_size)
            total += act([pk for _, pk in rows], queryset.db)
        if progress and rows:
            progress(total)
        if len(rows) < batch_size:
            return total
        time.sleep(sleep)


def _locked(
    queryset: ChatSessionQuerySet, column: str, after: tuple[datetime, int] | None, size: int
) -> list[tuple[datetime, int]]:
    """The next rows, which no other transaction can change until this one ends."""
    if after:
        moment, pk = after
        queryset = queryset.filter(Q(**{f"{column}__gt": moment}) | Q(id__gt=pk), **{f"{column}__gte": moment})
    if connections[queryset.db].features.has_select_for_update:
        queryset = queryset.select_for_update()
    else:
        # SQLite: become the writer before reading, because a reader that becomes one later finds the database locked.
        ChatSession.objects.using(queryset.db).filter(pk=0).update(status=ChatSession.Status.EXPIRED)
    return list(queryset.order_by(column, "id").values_list(column, "id")[:size])


def _expire(ids: list[int], using: str) -> int:
    for chunk in _chunks(ids):
        ChatSession.objects.using(using).filter(pk__in=chunk).update(
            status=ChatSession.Status.EXPIRED, ended_at=F("expires_at")
        )
    if ids:
        transaction.on_commit(partial(signals.sessions_expired.send_robust, ChatSession, ids=ids, using=using), using)
    return len(ids)


def _delete(ids: list[int], using: str) -> int:
    for chunk in _chunks(ids):
        ChatSession.objects.using(using).filter(pk__in=chunk).delete()
    return len(ids)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
