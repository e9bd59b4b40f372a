"""Years, months and days to choose a long list's rows by, without asking the database which of them have rows.

Django's own ``date_hierarchy`` reads every row of the table for that. This one asks for the first and the last row,
and its links are bounds that an index on ``created_at`` answers. A month without rows may appear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext

FIELD = "created_at"
SINCE, BEFORE = f"{FIELD}__gte", f"{FIELD}__lt"

_FORMATS = {"year": "Y", "month": "YEAR_MONTH_FORMAT", "day": "MONTH_DAY_FORMAT"}
_WIDER = {"month": "year", "day": "month"}


class Link(NamedTuple):
    """``query`` is the list's query string; the period that is shown now has none."""

    title: str
    query: str | None


class Hierarchy(NamedTuple):
    """A link to the wider period, if one was chosen, and the periods to choose from."""

    back: Link | None
    choices: list[Link]


@dataclass(frozen=True)
class Period:
    """A year, a month or a day of the current time zone."""

    kind: str
    start: date

    @classmethod
    def around(cls, kind: str, day: date) -> Period:
        """The one that this day is in."""
        return cls(kind, day.replace(day=1 if kind != "day" else day.day, month=1 if kind == "year" else day.month))

    @property
    def end(self) -> date:
        """The first day after it."""
        if self.kind == "day":
            return self.start + timedelta(days=1)
        days = 366 if self.kind == "year" else 31
        return self.around(self.kind, self.start + timedelta(days=days)).start

    @property
    def title(self) -> str:
        """In the words of the active language."""
        return capfirst(date_format(self.start, _FORMATS[self.kind]))

    @property
    def bounds(self) -> dict[str, str]:
        """The lookups that find its rows."""
        return {SINCE: _midnight(self.start), BEFORE: _midnight(self.end)}

    @property
    def wider(self) -> Period | None:
        """What it is a part of."""
        return self.around(_WIDER[self.kind], self.start) if self.kind in _WIDER else None

    def parts(self, first: date, last: date) -> list[Period]:
        """Its months or days, from that of ``first`` to that of ``last``."""
        kind = {"year": "month", "month": "day"}.get(self.kind, "")
        days = (self.start + timedelta(days=number) for number in range((self.end - self.start).days if kind else 0))
        every = dict.fromkeys(self.around(kind, day) for day in days)
        return [part for part in every if part.start <= last and part.end > first]


def hierarchy(rows: QuerySet[Any], params: Mapping[str, str], link: Callable[..., str]) -> Hierarchy | None:
    """What to choose from now that ``params`` are chosen; ``None`` without rows. ``link`` is ``get_query_string``."""
    times = rows.order_by().values_list(FIELD, flat=True)
    first, last = times.order_by(FIELD).first(), times.order_by(f"-{FIELD}").first()
    if first is None or last is None:
        return None
    chosen = _chosen(params, _day(first), _day(last))
    shown = chosen or _common(_day(first), _day(last))
    parts = shown.parts(_day(first), _day(last)) if shown else _years(_day(first), _day(last))
    choices = [Link(part.title, link(part.bounds, [FIELD])) for part in parts]
    return Hierarchy(_back(chosen, link), choices or [Link(shown.title, None)] if shown else choices)


def _back(chosen: Period | None, link: Callable[..., str]) -> Link | None:
    if chosen is None:
        return None
    wider = chosen.wider
    return Link(wider.title, link(wider.bounds, [FIELD])) if wider else Link(gettext("All dates"), link({}, [FIELD]))


def _chosen(params: Mapping[str, str], first: date, last: date) -> Period | None:
    """The period whose bounds these are; none for other bounds, such as those of the filter."""
    try:
        day = date.fromisoformat(params.get(SINCE, "")[:10])
    except ValueError:
        return None
    known = first.year <= day.year <= last.year  # before arithmetic with whatever somebody typed
    asked = {name: params.get(name) for name in (SINCE, BEFORE)}
    periods = (Period.around(kind, day) for kind in _FORMATS) if known else ()
    return next((period for period in periods if period.bounds == asked), None)


def _common(first: date, last: date) -> Period | None:
    """The month or year that has all rows, so that nobody has to choose from one."""
    for kind in ("month", "year"):
        if (period := Period.around(kind, first)) == Period.around(kind, last):
            return period
    return None


def _years(first: date, last: date) -> list[Period]:
    return [Period("year", date(number, 1, 1)) for number in range(first.year, last.year + 1)]


def local(moment: datetime) -> datetime:
    """In the current time zone; as it is in a project without time zones."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def _day(moment: datetime) -> date:
    return local(moment).date()


def _midnight(day: date) -> str:
    moment = datetime.combine(day, time())
    return str(timezone.make_aware(moment) if settings.USE_TZ else moment)
