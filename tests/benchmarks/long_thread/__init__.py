"""What a thread costs that has become long: its pages, a message more, the administrator's look, its end.

The rival is a short thread of the same owner, in the same tables; where something is only read, also OpenAI's own
server class with a store in memory, which has neither HTTP nor a login to take care of; and bare ``DELETE`` statements.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.test import override_settings

from ..figures import Figure, at_most
from ..measuring import Cost, in_turns
from .asking import SETTINGS, Answer, Asker, counted
from .deleting import deleted
from .filling import Conversations, fill
from .in_memory import InMemory

#: Items. Times are compared with those of ``SHORT``, which is longer than any page and than what an agent is told.
SIZES = (10, 100, 1_000, 10_000)
SHORT, LONG = 100, 10_000
IN_MEMORY = "the SDK, in memory, without HTTP"


def measure(*, quick: bool) -> Iterator[Figure]:
    with override_settings(**SETTINGS):
        conversations = fill(SIZES, others=500 if quick else 5_000)
        asker = Asker(conversations)
        yield from _used(conversations, asker, rounds=1 if quick else 7, calls=2 if quick else 20)
        yield from deleted(conversations, asker, (SHORT, LONG), rounds=1 if quick else 3)


def _used(conversations: Conversations, asker: Asker, *, rounds: int, calls: int) -> Iterator[Figure]:
    memory = InMemory(conversations.threads[LONG])
    by_size = {size: asker.calls(thread) for size, thread in conversations.threads.items()}
    whole = 0
    for what in by_size[LONG]:
        answers = {size: counted(known[what]) for size, known in by_size.items()}
        contenders = {str(size): by_size[size][what] for size in (SHORT, LONG)}
        if what in memory.calls:
            contenders[IN_MEMORY] = memory.calls[what]
        costs = in_turns(contenders, rounds=rounds, calls=calls)
        yield from _figures(f"{what}: {LONG:,} items, {connection.vendor}", answers, costs)
        whole += answers[LONG].reads_whole_tables
    yield Figure("all of these", "queries that read a whole table", whole, "", goal=at_most(0))


def _figures(what: str, answers: dict[int, Answer], costs: dict[str, Cost]) -> Iterator[Figure]:
    long, least = answers[LONG], min(answers)
    numbers = ", ".join(f"{each.queries} with {size:,}" for size, each in answers.items())
    against = f"{least} items", answers[least].queries, at_most(1)
    yield Figure(what, "queries", long.queries, "", *against, note=f"{numbers}; {long.size:,} bytes")
    ours = 1000 * costs[str(LONG)].latency
    yield Figure(what, "time", ours, "ms", f"{SHORT} items", 1000 * costs[str(SHORT)].latency, at_most(1.3))
    if IN_MEMORY in costs:
        yield Figure(what, "time", ours, "ms", IN_MEMORY, 1000 * costs[IN_MEMORY].latency)
