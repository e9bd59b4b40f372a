"""Ending sessions: cancel one, cancel those of a login, expire the stale and delete the old in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from django.db import connections, router, transaction
from django.db.models import F, Q
from django.utils import timezone

from .. import signals
from ..conf import conf
from ..exceptions import ChatKitError, ChatKitNotConfigured
from ..models import ChatSession, ChatSessionQuerySet
from .issuing import BRIEF_DEADLINE, announce, client_for

logger = logging.getLogger("django_chatkit")

#: Rows in one statement. With more of them, planners would rather read a whole table of moderate size, and MariaDB
#: would then wait for locks on rows that are none of our business.
CHUNK = 1_000

#: Where a walk along an index has come to: the value of the column, and the primary key.
Position: TypeAlias = tuple[datetime, int]


def cancel_session(session: ChatSession, *, deadline: float | None = None) -> ChatSession:
    """Make the session's secret useless, at OpenAI and here. Cancelling what has ended changes nothing.

    ``deadline`` is seconds, the ``DEADLINE`` setting if unset. A session without OpenAI's id is cancelled here only: it
    is not reused, but its secret works until it expires. Raises ``ChatKitError`` and ``ChatKitNotConfigured``; the
    session is then still active.
    """
    if session.current_status != ChatSession.Status.ACTIVE:
        return session
    started = time.monotonic()
    status = ChatSession.Status.CANCELLED if session.is_local else _cancelled_at_openai(session, deadline)
    duration = 0.0 if session.is_local else time.monotonic() - started
    using = router.db_for_write(ChatSession, instance=session)
    still_active = ChatSession.objects.using(using).filter(pk=session.pk, status=ChatSession.Status.ACTIVE)
    ended = still_active.update(status=status, ended_at=timezone.now())
    session.refresh_from_db(using=using, fields=("status", "ended_at"))
    if ended and status == ChatSession.Status.CANCELLED:
        announce(signals.session_cancelled, session, duration)
    elif ended:
        _announce_expired([session.pk], using)
    return session


def _cancelled_at_openai(session: ChatSession, deadline: float | None) -> ChatSession.Status:
    """How the session ended: OpenAI's clock may say that it had expired already."""
    client = client_for(conf.credentials(session.workflow.api_key), deadline)
    answer = client.cancel_session(session.session_id)
    return ChatSession.Status.EXPIRED if answer.status == "expired" else ChatSession.Status.CANCELLED


def _announce_expired(ids: list[int], using: str) -> None:
    send = partial(signals.sessions_expired.send_robust, ChatSession, ids=ids, using=using)
    transaction.on_commit(send, using=using)


def cancel_login(login_key: str) -> None:
    """Cancel the sessions of one login, within two seconds in all, if the ``CANCEL_ON_LOGOUT`` setting says so.

    Never raises: somebody is logging out.
    """
    end = time.monotonic() + BRIEF_DEADLINE
    left = 0
    try:
        for session in _of_login(login_key) if conf.CANCEL_ON_LOGOUT else ():
            left += not _cancelled(session, end - time.monotonic())
    except Exception as error:
        logger.warning("The sessions of a logout were not cancelled (%s); they expire by themselves.", error)
    if left:
        logger.warning("%d sessions of a logout were not cancelled; they expire by themselves.", left)


def _of_login(login_key: str) -> ChatSessionQuerySet:
    """From the database that is written to: a replica may not know yet what was issued just now."""
    active = ChatSession.objects.using(router.db_for_write(ChatSession)).active()
    mine = active.filter(login_key=login_key)
    return mine.select_related("workflow").defer("state_variables", "workflow__state_variables")


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
    return _in_batches(stale, "expires_at", _mark_expired, batch_size, sleep, progress, _announce_expired)


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
    return _in_batches(old, "ended_at", ChatSessionQuerySet.delete, batch_size, sleep, progress)


def _in_batches(
    queryset: ChatSessionQuerySet,
    column: str,
    act: Callable[[ChatSessionQuerySet], object],
    batch_size: int,
    sleep: float,
    progress: Callable[[int], object] | None,
    tell: Callable[[list[int], str], object] | None = None,
) -> int:
    """Walk the index of ``column`` and ``id`` by keyset, so that no batch reads again what earlier ones have left."""
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1.")
    total = 0
    last: Position | None = None
    while True:
        ids: list[int] = []
        started = time.monotonic()
        with transaction.atomic(using=queryset.db):
            for chunk in _locked(queryset, column, last, batch_size):
                last = chunk[-1]
                act(ChatSession.objects.using(queryset.db).filter(pk__in=[pk for _, pk in chunk]))
                ids += [pk for _, pk in chunk]
            if tell and ids:
                tell(ids, queryset.db)
        courtesy = _courtesy(queryset.db, time.monotonic() - started)
        total += len(ids)
        if progress and ids:
            progress(total)
        if len(ids) < batch_size:
            return total
        time.sleep(max(sleep, courtesy))


def _courtesy(using: str, held: float) -> float:
    """Seconds that others get: SQLite has one writer at a time, and who waits looks again each tenth of a second."""
    return 0.0 if connections[using].features.has_select_for_update else min(held, 0.11)


def _locked(queryset: ChatSessionQuerySet, column: str, after: Position | None, size: int) -> Iterator[list[Position]]:
    """The next ``size`` rows in chunks. No other transaction can change them until this one ends."""
    # SQLite locks no rows, but knows one writer: become that before reading. A reader that wants to write later finds
    # the database locked.
    ChatSession.objects.using(queryset.db).filter(pk=0).update(status=ChatSession.Status.EXPIRED)
    queryset = queryset.select_for_update()
    while size > 0:
        wanted = min(size, CHUNK)
        rows = list(_after(queryset, column, after).order_by(column, "id").values_list(column, "id")[:wanted])
        if rows:
            yield rows
            after = rows[-1]
        size = size - wanted if len(rows) == wanted else 0


def _after(queryset: ChatSessionQuerySet, column: str, position: Position | None) -> ChatSessionQuerySet:
    if position is None:
        return queryset
    moment, pk = position
    return queryset.filter(Q(**{f"{column}__gt": moment}) | Q(id__gt=pk), **{f"{column}__gte": moment})


def _mark_expired(records: ChatSessionQuerySet) -> None:
    records.update(status=ChatSession.Status.EXPIRED, ended_at=F("expires_at"))
