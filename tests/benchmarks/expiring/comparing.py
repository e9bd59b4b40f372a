"""Tables that expire and are deleted, ours and theirs in turns, sessions that are issued meanwhile, and tokens."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Any

from django.db import connection

from ..figures import Figure, at_least, at_most
from ..rows import TABLE, fill
from ..upstream import upstream
from . import tokens
from .issuing import RATE, Issuer, longest_wait, rate
from .tables import another, empty, prepare
from .work import in_a_process

NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MariaDB"}
#: Each contender's life of a table: what is stale expires, and is deleted.
LIVES = (("expire", "delete"), ("bare_update", "bare_delete"))
#: Rows. ``BENCHMARK_ROWS`` says how many, for who has less time: MariaDB takes an hour over a million.
MANY = int(os.environ.get("BENCHMARK_ROWS", 1_000_000))

Results = dict[str, list[dict[str, Any]]]


def measure(*, quick: bool) -> Iterator[Figure]:
    count = 5_000 if quick else MANY
    if connection.vendor != "mysql":
        prepare(count)
    results = _in_turns(count, rounds=1 if quick else 2)
    yield from _against_statements(results, count)
    yield from _while_issuing(count, seconds=1 if quick else 10)
    if quick:
        return
    yield from _against_tokens(results, count)
    if connection.vendor == "postgresql":
        yield _nothing_stale(10 * MANY)


def _in_turns(count: int, rounds: int) -> Results:
    """Each contender has a new table each time; who comes first comes second in the next round."""
    results: Results = defaultdict(list)
    for number in range(rounds):
        for life in LIVES[:: -1 if number % 2 else 1]:
            with another(count) as database:
                for name in life:
                    results[name].append(in_a_process(name, database))
                    if name == "expire":
                        results["nothing"].append(in_a_process("expire", database))
    wrong = {name: result["count"] for name in (*LIVES[0], *LIVES[1]) for result in results[name]}
    if set(wrong.values()) != {count}:
        raise RuntimeError(f"{count} rows should have been changed, but: {wrong}")
    return results


def _against_statements(results: Results, count: int) -> Iterator[Figure]:
    bound = at_most(1.3 if connection.vendor == "postgresql" else 2)
    for ours, theirs, rival in (("expire", "bare_update", "one UPDATE"), ("delete", "bare_delete", "one DELETE")):
        seconds, rivals = _seconds(results[ours]), _seconds(results[theirs])
        yield Figure(_what(f"{ours} {count:,} records"), "time", seconds, "s", rival, rivals, bound, _pauses())
    memory = max(result["memory"] for name in LIVES[0] for result in results[name])
    yield Figure(_what(f"expire and delete {count:,}"), "memory above start", memory, "MiB", goal=at_most(30))
    yield _of_nothing(_seconds(results["nothing"]), count)


def _pauses() -> str:
    return "with the pauses that others write in" if connection.vendor == "sqlite" else ""


def _of_nothing(seconds: float, count: int) -> Figure:
    return Figure(_what(f"nothing stale among {count:,}"), "time", seconds * 1000, "ms", goal=at_most(100))


def _seconds(results: list[dict[str, Any]]) -> float:
    return median(result["seconds"] for result in results)


def _what(what: str) -> str:
    return f"{what}, {NAMES[connection.vendor]}"


def _while_issuing(count: int, seconds: float) -> Iterator[Figure]:
    with another(count) as database, upstream() as url, Issuer(database, url) as issuer:
        quiet = time.monotonic()
        time.sleep(seconds)
        expired = in_a_process("expire_in_batches", database)
        issued = issuer.stop()
    begin, end = expired["batches"][0], expired["batches"][-1]
    before, during = rate(issued, quiet, begin), rate(issued, begin, end)
    wait = longest_wait(issued, begin, end)
    batch = max(later - sooner for sooner, later in zip(expired["batches"], expired["batches"][1:], strict=False))
    what, note = _what(f"issue while {count:,} expire"), f"{RATE} a second are asked for"
    if end - begin > 2:  # sooner, it would be about a handful of sessions
        yield Figure(what, "sessions per second", during, "", "before it", before, at_least(0.9), note)
    yield Figure(what, "longest wait", wait * 1000, "ms", "one batch", batch * 1000, at_most(1), note)


def _against_tokens(results: Results, count: int) -> Iterator[Figure]:
    database = os.environ["BENCHMARK_DATABASE"]
    connection.close()
    in_a_process("make_tokens", database, tokens.SETTINGS, count)
    ours = _seconds(results["delete"])
    for command in tokens.TABLES:
        theirs = in_a_process(command, database, tokens.SETTINGS)
        note = f"memory above start: {theirs['memory']:,.0f} MiB"
        yield Figure(_what(f"delete {count:,} records"), "time", ours, "s", command, theirs["seconds"], None, note)


def _nothing_stale(count: int) -> Figure:
    empty(TABLE)
    fill(count, fresh=count // 1_000)
    connection.close()
    return _of_nothing(in_a_process("expire", os.environ["BENCHMARK_DATABASE"])["seconds"], count)
