"""Walking along an index of a long table, one transaction per batch: by keyset, so nothing is read twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias, TypeVar

from django.db import OperationalError, connections, transaction
from django.db.models import F, Model, Q, QuerySet

M = TypeVar("M", bound=Model)
T = TypeVar("T")

#: Rows in one statement. With more of them, planners would rather read a whole table of moderate size, and MariaDB
#: would then wait for locks on rows that are none of our business.
CHUNK = 1_000
#: Rows between two positions: PostgreSQL's and SQLite's planners go by the index for so many.
RANGE = 5_000

#: Where a walk along an index has come to: the value of the column, and the primary key.
Position: TypeAlias = tuple[datetime, int]
#: What has been done in one transaction: to how many rows, and up to where; ``None`` where nothing is left.
Batch: TypeAlias = tuple[int, Position | None]

#: How often work is begun that a database breaks off to end a deadlock.
ATTEMPTS = 10


def past_deadlocks(work: Callable[[], T], using: str) -> T:
    """Do ``work``, whole transactions, and again where the database breaks it off to end a deadlock.

    Within somebody else's transaction there is nothing to repeat: all of that one has been rolled back.
    """
    attempts = 1 if connections[using].in_atomic_block else ATTEMPTS
    for attempt in range(1, attempts):
        try:
            return work()
        except OperationalError as error:
            if not _is_deadlock(error):
                raise
        time.sleep(0.01 * attempt)
    return work()


def _is_deadlock(error: OperationalError) -> bool:
    """By the codes of MariaDB and PostgreSQL."""
    return error.args[:1] == (1213,) or getattr(error.__cause__, "sqlstate", None) == "40P01"


def in_batches(
    queryset: QuerySet[M],
    column: str,
    act: Callable[[Any], object],
    batch_size: int,
    sleep: float = 0,
    progress: Callable[[int], object] | None = None,
    tell: Callable[[list[int], str], object] | None = None,
) -> int:
    """Walk the index of ``column`` and ``id`` and hand the rows to ``act``, locked, ``CHUNK`` at a time; returns how
    many. ``tell`` is called at the end of each transaction, ``progress`` after it. Safe to be killed at any time; what
    a deadlock breaks off is begun again.
    """
    return _walk(partial(_locked_batch, queryset, column, act, tell), queryset.db, batch_size, sleep, progress)


def in_ranges(
    queryset: QuerySet[M],
    column: str,
    change: Callable[[Any], int],
    batch_size: int,
    sleep: float = 0,
    progress: Callable[[int], object] | None = None,
) -> int:
    """As ``in_batches``, for a ``change`` that is one statement and says how many rows it has changed.

    It gets all rows between two positions. Their keys are neither read nor locked beforehand, which takes as long again
    as the change: what another transaction has changed meanwhile, so that it is not in ``queryset`` any more, the
    statement finds out itself. Not for MariaDB (see ``takes_ranges``).
    """
    return _walk(partial(_batch_of_ranges, queryset, column, change), queryset.db, batch_size, sleep, progress)


def takes_ranges(using: str) -> bool:
    """MariaDB now and then reads, and so locks, a whole table to find what lies between two positions."""
    return connections[using].vendor != "mysql"


def _walk(
    batch: Callable[[Position | None, int], Batch],
    using: str,
    batch_size: int,
    sleep: float,
    progress: Callable[[int], object] | None,
) -> int:
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1.")
    total = 0
    last: Position | None = None
    while True:
        started = time.monotonic()
        count, last = past_deadlocks(partial(batch, last, batch_size), using)
        courtesy = _courtesy(using, time.monotonic() - started)
        total += count
        if progress and count:
            progress(total)
        if last is None:
            return total
        time.sleep(max(sleep, courtesy))


def _locked_batch(
    queryset: QuerySet[M],
    column: str,
    act: Callable[[Any], object],
    tell: Callable[[list[int], str], object] | None,
    last: Position | None,
    size: int,
) -> Batch:
    """One transaction, for the next ``size`` rows."""
    rows: list[Position] = []
    with _writing(queryset, column):
        for chunk in _locked(queryset, column, last, size):
            act(_all(queryset).filter(pk__in=[pk for _, pk in chunk]))
            rows += chunk
        if tell and rows:
            tell([pk for _, pk in rows], queryset.db)
    return len(rows), rows[-1] if len(rows) == size else None


def _batch_of_ranges(
    queryset: QuerySet[M], column: str, change: Callable[[Any], int], last: Position | None, size: int
) -> Batch:
    """One transaction, for the next ``size`` rows."""
    count = 0
    with _writing(queryset, column):
        while size > 0:
            wanted = min(size, RANGE)
            rest = after(queryset, column, last)
            last = next(iter(rest.order_by(column, "id").values_list(column, "id")[wanted - 1 : wanted]), None)
            count += change(rest if last is None else _until(rest, column, last))
            size = size - wanted if last else 0
    return count, last


@contextmanager
def _writing(queryset: QuerySet[M], column: str) -> Iterator[None]:
    """A transaction. SQLite locks no rows, but knows one writer: become that before reading. A reader that wants to
    write later finds the database locked.
    """
    with transaction.atomic(using=queryset.db):
        _all(queryset).filter(pk=0).update(**{column: F(column)})
        yield


def after(queryset: QuerySet[M], column: str, position: Position | None) -> QuerySet[M]:
    """The rows behind ``position``; all of them for ``None``."""
    if position is None:
        return queryset
    moment, pk = position
    return queryset.filter(Q(**{f"{column}__gt": moment}) | Q(id__gt=pk), **{f"{column}__gte": moment})


def _until(queryset: QuerySet[M], column: str, position: Position) -> QuerySet[M]:
    """The rows up to ``position``."""
    moment, pk = position
    return queryset.filter(Q(**{f"{column}__lt": moment}) | Q(id__lte=pk), **{f"{column}__lte": moment})


def _all(queryset: QuerySet[M]) -> QuerySet[M]:
    return queryset.model._default_manager.using(queryset.db)


def _courtesy(using: str, held: float) -> float:
    """Seconds that others get: SQLite has one writer at a time, and who waits looks again each tenth of a second."""
    return 0.0 if connections[using].features.has_select_for_update else min(held, 0.11)


def _locked(queryset: QuerySet[M], column: str, last: Position | None, size: int) -> Iterator[list[Position]]:
    """The next ``size`` rows in chunks. No other transaction can change them until this one ends."""
    queryset = queryset.select_for_update()
    while size > 0:
        wanted = min(size, CHUNK)
        rows = list(after(queryset, column, last).order_by(column, "id").values_list(column, "id")[:wanted])
        if rows:
            yield rows
            last = rows[-1]
        size = size - wanted if len(rows) == wanted else 0
