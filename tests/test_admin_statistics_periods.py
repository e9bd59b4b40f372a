from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from django_chatkit.admin.statistics.periods import DAY, HOUR, Period

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en-us"):
        yield


def hours(period: Period) -> list[float]:
    """How long each part is."""
    return [(end - start) / timedelta(hours=1) for start, end in zip(period.edges, period.edges[1:], strict=False)]


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Kolkata", date(2026, 10, 25), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Santiago", date(2026, 9, 6), 23),  # there is no midnight on that day
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice on that day
    ],
)
def test_a_day_is_as_long_as_clocks_make_it(zone: str, day: date, length: float) -> None:
    with timezone.override(zone):
        period = Period.of_days(day - timedelta(days=1), day + timedelta(days=1), DAY)
        assert hours(period) == [24, length, 24]
        assert [start.date() for start in period.starts] == [day + timedelta(days=n) for n in (-1, 0, 1)]
        single = Period.of_days(day, day, HOUR)
        assert hours(single)[:-1] == [1] * (len(single.starts) - 1)
        assert sum(hours(single)) == length


def test_the_first_moment_of_a_day_without_midnight() -> None:
    with timezone.override("America/Santiago"):
        period = Period.of_days(date(2026, 9, 6), date(2026, 9, 6), DAY)
        assert period.starts[0].isoformat() == "2026-09-06T01:00:00-03:00"


def test_an_hour_that_comes_twice_has_its_zones_name() -> None:
    with timezone.override(BERLIN):
        period = Period.of_days(date(2026, 10, 25), date(2026, 10, 25), HOUR)
        assert period.names[1:5] == [
            "Oct. 25, 2026, 1 a.m.",
            "Oct. 25, 2026, 2 a.m. CEST",
            "Oct. 25, 2026, 2 a.m. CET",
            "Oct. 25, 2026, 3 a.m.",
        ]


def test_the_hours_until_now_end_with_the_hour_that_has_begun() -> None:
    with timezone.override("Asia/Kolkata"):
        period = Period.of_hours(datetime(2026, 1, 2, 3, 45, tzinfo=UTC), 24)
        assert period.start == datetime(2026, 1, 1, 4, 30, tzinfo=UTC)
        assert period.end == datetime(2026, 1, 2, 4, 30, tzinfo=UTC)
        assert period.ends[-1].isoformat() == "2026-01-02T10:00:00+05:30"


def test_without_time_zones_every_day_has_24_hours(settings: Any) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Berlin"
    period = Period.of_days(date(2026, 3, 28), date(2026, 3, 30), DAY)
    assert period.start == datetime(2026, 3, 28)  # noqa: DTZ001 - this project has no time zones
    assert hours(period) == [24, 24, 24]
    latest = Period.of_hours(datetime(2026, 3, 29, 12, 30), 2)  # noqa: DTZ001
    assert latest.names == ["March 29, 2026, 11 a.m.", "March 29, 2026, noon"]


@pytest.mark.parametrize(
    ("first", "last", "words", "before"),
    [
        (date(2026, 10, 25), date(2026, 10, 25), "Oct. 25, 2026", "the 25 hours before"),
        (date(2026, 3, 1), date(2026, 4, 2), "March 1, 2026 to April 2, 2026", "the 33 days before"),
    ],
)
def test_a_period_in_words(first: date, last: date, words: str, before: str) -> None:
    with timezone.override(BERLIN):
        period = Period.of_days(first, last, DAY)
        assert (period.first_day, period.last_day) == (first, last)
        assert (period.words, period.before) == (words, before)
