"""The statistics as CSV, for spreadsheets and programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

from django.http import HttpResponse

from .counting import STATUSES, Counts, Tally
from .periods import Period

HEADER = ("start", "end", "workflow", "name", *(str(status) for status in STATUSES), "total")

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def sheet(period: Period, counts: Counts, workflows: Mapping[int, tuple[str, str]], chosen: str) -> HttpResponse:
    """A line for each hour or day and workflow that was used in this time, or was asked for. UTF-8 with a byte order
    mark, without which spreadsheets misread names.
    """
    name = "-".join(["chatkit-sessions", *([chosen] if chosen else []), f"{period.first_day}", f"{period.last_day}"])
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-by-{period.unit}.csv"'
    writer = csv.writer(response)
    writer.writerow(HEADER)
    asked_for = {key for key, (slug, _name) in workflows.items() if slug == chosen}
    used = [key for key in workflows if key in counts.by_workflow or key in asked_for]
    writer.writerows(_lines(period, counts, {key: workflows[key] for key in used}))
    return response


def _lines(period: Period, counts: Counts, workflows: Mapping[int, tuple[str, str]]) -> Iterator[tuple[object, ...]]:
    for index, (start, end) in enumerate(zip(period.starts, period.ends, strict=True)):
        for key, (slug, name) in workflows.items():
            tally = counts.cells.get((index, key), Tally())
            numbers = [number for _status, number in tally.parts()]
            yield (start.isoformat(), end.isoformat(), _plain(slug), _plain(name), *numbers, tally.total)


def _plain(text: str) -> str:
    """With an apostrophe in front, a spreadsheet shows what it would otherwise calculate."""
    return f"'{text}" if text.startswith(_FORMULA) else text
