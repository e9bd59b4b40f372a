from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.utils import timezone, translation

from django_chatkit.admin.statistics.charts import chart, round_step, small_chart
from django_chatkit.admin.statistics.counting import Tally
from django_chatkit.admin.statistics.periods import DAY, HOUR, Period
from django_chatkit.admin.statistics.words import figures


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with timezone.override("UTC"):
        yield


def a_period(days: int, unit: str = DAY) -> Period:
    last = date(2026, 2, 20)
    return Period.of_days(last - timedelta(days=days - 1), last, unit)


@pytest.mark.parametrize(
    ("largest", "step"), [(0, 1), (1, 1), (4, 1), (5, 2), (9, 5), (21, 10), (146, 50), (1_000_000, 500_000)]
)
def test_the_axis_has_round_numbers(largest: int, step: int) -> None:
    assert round_step(largest) == step


def test_bars_are_stacked_from_the_bottom_in_one_order() -> None:
    drawn = chart(a_period(2), [Tally(1, 2, 1), Tally()])
    assert [tick.label for tick in drawn.numbers] == ["0", "1", "2", "3", "4"]
    full, empty = drawn.bars
    assert [part.status for part in full.parts] == ["active", "expired", "cancelled"]
    assert [(part.y, part.height) for part in full.parts] == [
        ("165.00", "55.00"),
        ("55.00", "110.00"),
        ("0.00", "55.00"),
    ]
    assert empty.parts == []
    assert (empty.left, empty.room, empty.x, empty.width) == ("50.000%", "50.000%", "55.000%", "40.000%")


def test_one_among_thousands_can_be_seen() -> None:
    drawn = chart(a_period(2), [Tally(0, 10_000, 1), Tally(1)])
    assert [part.height for part in drawn.bars[0].parts] == ["146.67", "1.00"]
    assert [part.height for part in drawn.bars[1].parts] == ["1.00"]


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_lengths_have_a_decimal_point_in_every_language(language: str) -> None:
    with translation.override(language):
        drawn = chart(a_period(7), [Tally(n, 3) for n in range(7)])
        assert all(re.fullmatch(r"\d+\.\d{3}%", bar.x) for bar in drawn.bars)
        assert all(re.fullmatch(r"\d+\.\d\d", tick.place) for tick in drawn.numbers)


def test_times_below_the_chart_are_few_and_in_the_languages_own_order() -> None:
    with translation.override("de"):
        days = chart(a_period(30), [Tally()] * 30)
        assert [tick.label for tick in days.times] == ["22. Jan", "29. Jan", "5. Feb", "12. Feb", "19. Feb"]
        assert [tick.minor for tick in days.times] == [False, True, False, True, False]
        hours = chart(a_period(1, HOUR), [Tally()] * 24)
        assert [tick.label for tick in hours.times] == ["20. Feb", "03:00", "06:00", "09:00", *hours_after(12)]


def hours_after(first: int) -> list[str]:
    return [f"{hour}:00" for hour in range(first, 24, 3)]


@pytest.mark.parametrize(("days", "unit"), [(366, DAY), (90, DAY), (7, HOUR), (2, HOUR), (1, DAY)])
def test_no_chart_has_more_than_eight_times(days: int, unit: str) -> None:
    period = a_period(days, unit)
    assert 1 <= len(chart(period, [Tally()] * len(period.starts)).times) <= 8


def test_a_small_chart_is_a_path_for_each_status_that_there_is() -> None:
    assert small_chart([Tally(0, 1), Tally(), Tally(0, 1, 1)], top=2) == [
        ("expired", "M0.00 30.00h80.00v30.00h-80.00zM200.00 30.00h80.00v30.00h-80.00z"),
        ("cancelled", "M200.00 0.00h80.00v30.00h-80.00z"),
    ]


@pytest.mark.parametrize(
    ("before", "remark"),
    [
        (0, ""),
        (1000, "now 20 % more"),
        (2400, "now 50 % fewer"),
        (1201, "now about as many"),
        (1200, "now about as many"),
    ],
)
def test_the_summary_compares_with_the_time_before(before: int, remark: str) -> None:
    with translation.override("en"):
        total, compared, busiest = figures(a_period(3), [Tally(0, 100), Tally(1, 999), Tally(100)], before)
    assert (total.label, total.value) == ("Sessions", "1,200")
    assert (compared.label, compared.remark) == ("The 3 days before", remark)
    assert (busiest.label, busiest.value, busiest.remark) == ("Busiest day", "Feb. 19, 2026", "1,000 sessions")


def test_where_there_are_none_no_hour_is_the_busiest() -> None:
    with translation.override("en"):
        busiest = figures(a_period(1, HOUR), [Tally()] * 24, 0)[-1]
    assert (busiest.label, busiest.value, busiest.remark) == ("Busiest hour", "none", "")
