"""Every page that lists, searches or counts records, at 10,000,000 of them, against plain ones on the same rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from django.test import Client, override_settings

from tests.benchmarks.figures import Figure, at_most

from .filling import clients, fill_all
from .pages import Page, pages
from .watching import PATIENCE, Visit, typical, unindexed, visit

QUICK, FEW, MANY = 5_000, 50_000, 10_000_000
#: Milliseconds for a query.
BUDGET = 50
#: Seconds. A plain page that takes longer is visited once.
LONG = 1.0


def measure(*, quick: bool) -> Iterator[Figure]:
    with override_settings(ROOT_URLCONF="tests.benchmarks.lists.urls"):
        if quick:
            fill_all(QUICK)
            yield from figures(rounds=0)
            return
        fill_all(FEW)
        numbers = _numbers()
        fill_all(MANY)
        yield from figures(rounds=5)
        yield from _promises(numbers)


def figures(rounds: int) -> Iterator[Figure]:
    """How long each page takes."""
    known = clients()
    for page in pages():
        ours, plain = _in_turns(known[page.client], page, rounds)
        note = f"{len(ours.queries)} queries"
        yield Figure(page.name, "slowest query", ours.slowest * 1e3, "ms", goal=at_most(BUDGET), note=note)
        if plain:
            yield _against(page, ours, plain)


def _promises(numbers: Mapping[str, int]) -> Iterator[Figure]:
    """Of many rows: ``numbers`` are those of the queries of each page when there are few."""
    known, listed = clients(), list(pages())
    plans = [plan for page in listed for plan in unindexed(known[page.client], page.address)]
    print(*plans, sep="\n\n", file=sys.stderr)
    yield Figure("queries that read a whole long table", "plans", len(plans), "", goal=at_most(0))
    changed = [name for name, number in _numbers().items() if number != numbers[name]]
    what = f"pages that take other queries than with {FEW:,} rows"
    yield Figure(what, "pages", len(changed), "", goal=at_most(0), note=", ".join(changed))


def _numbers() -> dict[str, int]:
    """Of a second visit: the first fills caches of Django's own."""
    known = clients()
    return {page.name: [len(visit(known[page.client], page.address).queries) for _ in range(2)][-1] for page in pages()}


def _in_turns(client: Client, page: Page, rounds: int) -> tuple[Visit, Visit | None]:
    """A first round does not count, unless it is the only one."""
    visits = {address: [visit(client, address)] for address in (page.address, page.plain) if address}
    for _ in range(rounds):
        for address, seen in visits.items():
            if address == page.address or seen[-1].seconds < LONG:
                seen.append(visit(client, address))
    ours, *plain = (typical(seen[1:] or seen) for seen in visits.values())
    return ours, plain[0] if plain else None


def _against(page: Page, ours: Visit, plain: Visit) -> Figure:
    note = f"theirs was given up after {PATIENCE} s of one query" if plain.unanswered else ""
    if page.only_numbers:
        return Figure(
            page.name, "all queries", sum(ours.queries) * 1e3, "ms", "plain", sum(plain.queries) * 1e3, note=note
        )
    return Figure(page.name, "the page", ours.seconds * 1e3, "ms", "plain", plain.seconds * 1e3, note=note)
