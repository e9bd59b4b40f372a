"""The end of a thread: all of its rows have to go, whoever deletes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

from django.db import connection, transaction

from django_chatkit.models import ChatItem, ChatThread
from tests.server import chat

from ..figures import Figure
from .asking import Asker, queries
from .filling import Conversations, LongThread, new_thread

BARE = "DELETE of its items and of itself, by hand"


def deleted(conversations: Conversations, asker: Asker, sizes: tuple[int, int], *, rounds: int) -> Iterator[Figure]:
    """Each time a thread anew, of the one length and of the other."""

    def made(size: int) -> LongThread:
        return new_thread(conversations.issued.session, size)

    def end(thread: LongThread) -> None:
        asker.ask(chat.delete(thread.id))

    short, long = sizes
    numbers = {size: _queries(end, made(size)) for size in sizes}
    what, note = f"delete it: {long:,} items, {connection.vendor}", "in batches of 1,000 items, in one transaction"
    yield Figure(what, "queries", numbers[long], "", f"{short} items", numbers[short], note=note)
    times: dict[Callable[[LongThread], None], list[float]] = {end: [], _by_hand: []}
    for _ in range(rounds):
        for delete, found in times.items():
            found.append(_seconds(delete, made(long)))
    yield Figure(what, "time", 1000 * median(times[end]), "ms", BARE, 1000 * median(times[_by_hand]))


def _queries(delete: Callable[[LongThread], None], thread: LongThread) -> int:
    with queries() as statements:
        delete(thread)
    return len(statements)


def _seconds(delete: Callable[[LongThread], None], thread: LongThread) -> float:
    started = time.perf_counter()
    delete(thread)
    return time.perf_counter() - started


def _by_hand(thread: LongThread) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {ChatItem._meta.db_table} WHERE thread_id = %s", [thread.row.pk])
        cursor.execute(f"DELETE FROM {ChatThread._meta.db_table} WHERE id = %s", [thread.row.pk])
