"""Visits to pages, and what the database did meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.db import OperationalError, connection
from django.test import Client

#: Rows. A database rightly reads short tables as they are.
LONG = 10_000
#: Seconds. What takes longer is not waited for.
PATIENCE = 20


@dataclass
class Visit:
    """Seconds of the page, and of each of its queries. ``unanswered`` if the database was not waited for."""

    seconds: float = 0.0
    queries: list[float] = field(default_factory=list)
    unanswered: bool = False

    @property
    def slowest(self) -> float:
        return max(self.queries, default=0.0)


def visit(client: Client, address: str) -> Visit:
    """One visit. A page that does not answer is an error."""
    seen = Visit()

    def watch(execute: Any, *given: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(*given)
        finally:
            seen.queries.append(time.perf_counter() - started)

    with _patience(), connection.execute_wrapper(watch):
        started = time.perf_counter()
        try:
            response = client.get(address)
        except OperationalError:
            seen.unanswered = True
        else:
            if response.status_code != 200:
                raise RuntimeError(f"{address} answered {response.status_code}: {response.content[:500]!r}")
        seen.seconds = time.perf_counter() - started
    return seen


def typical(visits: list[Visit]) -> Visit:
    """Medians: of the whole page, and of each of its queries."""
    queries = [median(times) for times in zip(*(one.queries for one in visits), strict=False)]
    return Visit(median(one.seconds for one in visits), queries, any(one.unanswered for one in visits))


def unindexed(client: Client, address: str) -> list[str]:
    """The page's queries that read a whole long table, each with its plan."""
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if not sql.startswith("INSERT"):
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join([sql, *(row[0] for row in cursor.fetchall())]))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(explain):
        client.get(address)
    scans = [f"Seq Scan on {table} " for table in _long_tables()]
    return [plan for plan in plans if any(scan in plan for scan in scans)]


def _long_tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", [LONG])
        return [table for (table,) in cursor.fetchall()]


@contextmanager
def _patience() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{PATIENCE}s'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
