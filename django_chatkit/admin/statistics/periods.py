"""The time that statistics are about, cut into hours or days of the current time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext

from ..date_hierarchy import local

HOUR, DAY = "hour", "day"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """From ``edges[0]`` until before ``edges[-1]``. Between two edges lies an hour or a day: 23 or 25 hours long where
    clocks are changed.
    """

    unit: str
    edges: tuple[datetime, ...]

    @classmethod
    def of_hours(cls, now: datetime, count: int) -> Period:
        """The hour that ``now`` is in, and those before it."""
        begun = _comparable(local(now).replace(minute=0, second=0, microsecond=0))
        return cls(HOUR, _hours(begun - (count - 1) * _HOUR, begun + _HOUR))

    @classmethod
    def of_days(cls, first: date, last: date, unit: str) -> Period:
        """Whole days, ``last`` included."""
        days = [_midnight(first + number * _DAY) for number in range((last - first).days + 2)]
        return cls(unit, tuple(days) if unit == DAY else _hours(days[0], days[-1]))

    @property
    def start(self) -> datetime:
        """The first moment of it."""
        return self.edges[0]

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.edges[-1]

    @property
    def length(self) -> timedelta:
        """Real time, as a clock that nobody changes would show it."""
        return self.end - self.start

    @property
    def first_day(self) -> date:
        """The day that it begins on."""
        return local(self.start).date()

    @property
    def last_day(self) -> date:
        """The day that it ends on, which is in it."""
        return local(self.end - timedelta(microseconds=1)).date()

    @cached_property
    def starts(self) -> list[datetime]:
        """When each hour or day begins, in local time."""
        return [local(edge) for edge in self.edges[:-1]]

    @cached_property
    def ends(self) -> list[datetime]:
        """When each hour or day ends, in local time."""
        return [local(edge) for edge in self.edges[1:]]

    @cached_property
    def names(self) -> list[str]:
        """Each hour or day in words. An hour that comes twice, because clocks are put back, has its zone's name."""
        if self.unit == DAY:
            return [formats.date_format(start, "DATE_FORMAT") for start in self.starts]
        shown = [start.replace(tzinfo=None, fold=0) for start in self.starts]
        twice = {moment for moment, following in pairwise(shown) if moment == following}
        named = [formats.date_format(moment, "DATETIME_FORMAT") for moment in shown]
        return [
            f"{name} {start.tzname()}" if moment in twice else name
            for name, moment, start in zip(named, shown, self.starts, strict=True)
        ]

    @property
    def words(self) -> str:
        """From when to when."""
        days = [formats.date_format(day, "DATE_FORMAT") for day in (self.first_day, self.last_day)]
        if days[0] == days[1]:
            return days[0]
        return gettext("%(first)s to %(last)s") % {"first": days[0], "last": days[1]}

    @property
    def before(self) -> str:
        """What the time before it, of the same length, is called."""
        if (hours := round(self.length / _HOUR)) <= 25:
            return ngettext("the hour before", "the %(count)d hours before", hours) % {"count": hours}
        days = round(self.length / _DAY)
        return ngettext("the day before", "the %(count)d days before", days) % {"count": days}


def _comparable(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if timezone.is_aware(moment) else moment


def _midnight(day: date) -> datetime:
    """Where clocks are changed at midnight, the first moment of the day."""
    moment = datetime.combine(day, time.min)
    return _comparable(timezone.make_aware(moment)) if settings.USE_TZ else moment


def _hours(start: datetime, end: datetime) -> tuple[datetime, ...]:
    return (*(start + number * _HOUR for number in range(-((start - end) // _HOUR))), end)
