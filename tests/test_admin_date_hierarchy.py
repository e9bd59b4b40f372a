from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.admin.date_hierarchy import BEFORE, SINCE, Hierarchy, Period, hierarchy
from django_chatkit.models import ChatSession, Workflow

from .callers import a_workflow
from .records import a_record

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/chatsession/"


@pytest.fixture(autouse=True)
def utc(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"


def issued(*moments: datetime) -> None:
    workflow = Workflow.objects.first() or a_workflow()
    ChatSession.objects.bulk_create(a_record(workflow, created_at=moment) for moment in moments)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def titles(found: Hierarchy | None) -> list[str]:
    assert found is not None
    return [choice.title for choice in found.choices]


def link(new: dict[str, str], _remove: list[str]) -> str:
    return f"{new.get(SINCE)}/{new.get(BEFORE)}"


def shown(**params: str) -> Hierarchy | None:
    return hierarchy(ChatSession.objects.all(), params, link)


def chosen(kind: str, *day: int) -> dict[str, str]:
    return Period.around(kind, date(*day)).bounds


# What is offered


def test_without_sessions_there_is_nothing_to_choose(admin_client: Client) -> None:
    assert shown() is None
    assert "chatkit-dates" not in admin_client.get(LIST).text


def test_years_and_no_others(admin_client: Client) -> None:
    issued(at(2024, 12, 31, 12), at(2026, 1, 1, 12))
    found = shown()
    assert titles(found) == ["2024", "2025", "2026"]
    assert found is not None
    assert found.back is None
    assert found.choices[1].query == "2025-01-01 00:00:00+00:00/2026-01-01 00:00:00+00:00"


def test_the_months_of_the_only_year_from_the_first_to_the_last() -> None:
    issued(at(2026, 3, 31, 23), at(2026, 5, 1, 1))
    assert titles(shown()) == ["March 2026", "April 2026", "May 2026"]


def test_the_days_of_the_only_month_from_the_first_to_the_last() -> None:
    issued(at(2026, 2, 26), at(2026, 2, 28, 23, 59))
    assert titles(shown()) == ["February 26", "February 27", "February 28"]


@pytest.mark.parametrize(
    ("period", "offered", "back"),
    [
        (("year", 2024, 1, 1), ["October 2024", "November 2024", "December 2024"], "All dates"),
        (("month", 2024, 10, 1), ["October 30", "October 31"], "2024"),
        (("month", 2025, 1, 1), ["January 1", "January 2"], "2025"),
        (("day", 2024, 11, 3), ["November 3"], "November 2024"),
    ],
)
def test_what_was_chosen_is_divided_and_leads_back(
    period: tuple[str, int, int, int], offered: list[str], back: str
) -> None:
    issued(at(2024, 10, 30, 23), at(2025, 1, 2, 1))
    found = shown(**chosen(*period))
    assert titles(found) == offered
    assert found is not None
    assert found.back is not None
    assert found.back.title == back
    assert [choice.query is None for choice in found.choices] == [period[0] == "day"] * len(offered)


@pytest.mark.parametrize(
    "since", ["", "never", "9999-12-31 00:00:00+00:00", "0001-01-01", "2026-03-04", "2026-03-01 05:00:00+00:00"]
)
def test_other_bounds_choose_no_period(since: str) -> None:
    issued(at(2025, 3, 31), at(2026, 5, 1))
    assert titles(shown(**{SINCE: since})) == ["2025", "2026"]
    assert titles(shown(**chosen("month", 2026, 3, 1) | {SINCE: since})) == ["2025", "2026"]


# Time zones


def test_days_are_those_of_the_current_time_zone() -> None:
    issued(at(2026, 3, 28, 22), at(2026, 3, 30, 21, 59))
    with timezone.override(ZoneInfo("Europe/Berlin")):
        found = shown()
        assert titles(found) == ["March 28", "March 29", "March 30"]
        assert found is not None
        # The clocks go forward: this day has 23 hours.
        assert found.choices[1].query == "2026-03-29 00:00:00+01:00/2026-03-30 00:00:00+02:00"
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert titles(shown()) == ["March 29", "March 30", "March 31"]


def test_without_time_zones(settings: Any) -> None:
    settings.USE_TZ = False
    issued(datetime(2026, 3, 30, 23), datetime(2026, 4, 1, 0))  # noqa: DTZ001
    found = shown()
    assert titles(found) == ["March 2026", "April 2026"]
    assert found is not None
    assert found.choices[0].query == "2026-03-01 00:00:00/2026-04-01 00:00:00"
    assert titles(shown(**chosen("month", 2026, 3, 1))) == ["March 30", "March 31"]


# In the list


def listed(client: Client, query: str) -> list[datetime]:
    response = client.get(LIST + query)
    assert response.status_code == 200, response
    return [session.created_at for session in response.context["cl"].result_list]


def test_its_links_find_the_rows_and_keep_the_other_filters(admin_client: Client) -> None:
    moments = [at(2026, 2, 28, 23, 59, 59), at(2026, 3, 1), at(2026, 3, 31, 23, 59), at(2026, 4, 1)]
    issued(*moments)
    changelist = admin_client.get(f"{LIST}?status=active&p=1").context["cl"]
    (march,) = [choice for choice in changelist.dates().choices if choice.title == "March 2026"]
    assert "status=active" in march.query
    assert listed(admin_client, march.query) == [moments[2], moments[1]]
    days = admin_client.get(LIST + march.query).context["cl"].dates()
    assert listed(admin_client, days.choices[0].query) == [moments[1]]
    assert listed(admin_client, days.choices[14].query) == []
    assert SINCE in days.back.query
    assert "status=active" in days.back.query


def test_a_list_in_another_time_zone_and_without_any(admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    issued(at(2026, 3, 1, 4), at(2026, 3, 1, 6))
    first = admin_client.get(LIST).context["cl"].dates().choices[0]
    assert first.title == "February 2026"
    assert listed(admin_client, first.query) == [at(2026, 3, 1, 4)]


def test_it_takes_two_queries_that_read_one_row_each() -> None:
    issued(*(at(2026, 1, 1) + timedelta(days=number) for number in range(40)))
    with CaptureQueriesContext(connection) as captured:
        shown()
    statements = [query["sql"] for query in captured.captured_queries]
    assert len(statements) == 2
    assert all(statement.endswith("LIMIT 1") for statement in statements)
