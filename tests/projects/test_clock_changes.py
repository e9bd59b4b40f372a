"""Daylight-saving time: the hours that come twice and those that do not come, with and without ``USE_TZ``."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.admin.statistics.counting import count
from django_chatkit.admin.statistics.periods import DAY, Period
from django_chatkit.models import ChatSession

from ..callers import Browser, a_user, a_workflow
from ..fake_openai import FakeOpenAI
from ..records import a_record
from .clock import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.services]

LIST = "/admin/django_chatkit/chatsession/"
HOUR, MINUTE, LIFE = timedelta(hours=1), timedelta(minutes=1), timedelta(minutes=10)

#: When clocks are changed in 2026.
FORWARD = {
    "Europe/Berlin": datetime(2026, 3, 29, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 3, 8, 7, tzinfo=UTC),
}
BACK = {
    "Europe/Berlin": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
}
CHANGES = [pytest.param(*pair, id=f"{pair[0]} in spring") for pair in FORWARD.items()]
CHANGES += [pytest.param(*pair, id=f"{pair[0]} in autumn") for pair in BACK.items()]
in_every_change = pytest.mark.parametrize(("zone", "change"), CHANGES)


class Life:
    """Sessions that are issued every few minutes around a change, and when each of them was seen to be active."""

    def __init__(self, clock: Clock, openai: FakeOpenAI, change: datetime, *, expiring: bool) -> None:
        self.clock, self.openai, self.expiring = clock, openai, expiring
        self.issued: dict[int, datetime] = {}
        self.seen: dict[int, list[datetime]] = defaultdict(list)
        workflow, start = a_workflow(), change - 2 * HOUR - MINUTE
        self.looks = [start + number * 5 * MINUTE for number in range(50)]
        for number, moment in enumerate(self.looks):
            clock.set(moment)
            if number % 4 == 0 and moment < change + HOUR:
                self.issued[sessions.create_session(workflow, user_identifier="x").session.pk] = moment
            self.look(moment)

    def look(self, moment: datetime) -> None:
        if self.expiring:
            sessions.expire_sessions()
        for session in ChatSession.objects.active():
            assert session.current_status == "active"
            self.seen[session.pk].append(moment)

    def due(self, pk: int) -> list[datetime]:
        """When it lived, at OpenAI."""
        return [moment for moment in self.looks if self.issued[pk] <= moment < self.issued[pk] + LIFE]


@in_every_change
@pytest.mark.parametrize("expiring", [False, True])
def test_a_session_lives_as_long_as_ever(
    clock: Clock, openai: FakeOpenAI, settings: Any, zone: str, change: datetime, expiring: Any
) -> None:
    settings.TIME_ZONE = zone
    life = Life(clock, openai, change, expiring=expiring)
    assert len(life.issued) == 10
    assert dict(life.seen) == {pk: life.due(pk) for pk in life.issued}


@pytest.mark.parametrize(("zone", "change"), FORWARD.items())
@pytest.mark.parametrize("expiring", [False, True])
def test_without_time_zones_the_hour_that_does_not_come_is_no_harm(
    clock: Clock, openai: FakeOpenAI, settings: Any, zone: str, change: datetime, expiring: Any
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, zone
    life = Life(clock, openai, change, expiring=expiring)
    assert dict(life.seen) == {pk: life.due(pk) for pk in life.issued}


@pytest.mark.parametrize(("zone", "change"), BACK.items())
@pytest.mark.parametrize("expiring", [False, True])
def test_without_time_zones_the_hour_that_comes_twice_is_as_documented(
    clock: Clock, openai: FakeOpenAI, settings: Any, zone: str, change: datetime, expiring: Any
) -> None:
    """Such a project cannot tell one 02:15 from the other. What was issued in the last minutes before the change ends
    early. What ended in the first of both hours is taken for active in the second for as long as it had lived in that
    hour, unless it has been marked as expired, as the command does.
    """
    settings.USE_TZ, settings.TIME_ZONE = False, zone
    life = Life(clock, openai, change, expiring=expiring)
    early = [pk for pk in life.issued if set(life.due(pk)) - set(life.seen[pk])]
    again = [pk for pk in life.issued if set(life.seen[pk]) - set(life.due(pk))]
    assert early
    assert all(change - LIFE < life.issued[pk] < change for pk in early)
    assert bool(again) is not expiring
    for pk in again:
        assert change - HOUR - LIFE < life.issued[pk] < change
        extra = set(life.seen[pk]) - set(life.due(pk))
        assert all(change <= moment < life.issued[pk] + LIFE + HOUR for moment in extra)


@in_every_change
@pytest.mark.parametrize("use_tz", [True, False])
def test_days_that_are_kept_have_24_hours(
    clock: Clock, settings: Any, zone: str, change: datetime, use_tz: Any
) -> None:
    """With time zones. Without, an hour more or less."""
    settings.USE_TZ, settings.TIME_ZONE = use_tz, zone
    clock.set(change - 12 * HOUR)
    workflow = a_workflow()
    ChatSession.objects.bulk_create(
        a_record(workflow, status="expired", ended_at=clock.now + minutes * MINUTE, expires_at=clock.now)
        for minutes in (-121, -61, -59, -1, 1, 59, 61)
    )
    clock.set(change + 12 * HOUR)
    out = StringIO()
    call_command("expire_chatkit_sessions", delete_older_than=1, stdout=out)
    deleted = 7 - ChatSession.objects.count()
    assert out.getvalue().splitlines()[-1] == f"{deleted} records deleted."
    assert deleted == (4 if use_tz else 6 if change in FORWARD.values() else 2)


# What people see


@pytest.fixture
def around(openai: FakeOpenAI, settings: Any, zone: str, change: datetime) -> list[datetime]:
    """A session in every half hour of the day of the change, of the day before it and of the day after it."""
    settings.TIME_ZONE = zone
    day = change.astimezone(ZoneInfo(zone)).replace(hour=0)
    start, end = (day.replace(fold=0) + timedelta(days=days) for days in (-1, 2))
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    moments = [first + number * HOUR / 2 for number in range((last - first) // (HOUR / 2))]
    workflow, user = a_workflow(), a_user()
    ChatSession.objects.bulk_create(
        a_record(workflow, user=user, created_at=moment, expires_at=moment + LIFE) for moment in moments
    )
    return moments


@in_every_change
def test_the_admins_days_have_all_their_hours(
    admin_client: Client, around: list[datetime], zone: str, change: datetime
) -> None:
    changelist = admin_client.get(LIST).context["cl"]
    days = [choice for choice in changelist.dates().choices if choice.query is not None]
    if len(days) == 2:  # of two months
        days = [day for month in days for day in admin_client.get(LIST + month.query).context["cl"].dates().choices]
    found = [admin_client.get(LIST + day.query).context["cl"].result_count for day in days]
    assert found == [48, 46 if change in FORWARD.values() else 50, 48]
    assert sum(found) == len(around)


@in_every_change
def test_so_have_the_days_of_the_statistics(around: list[datetime], zone: str, change: datetime) -> None:
    first = change.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    period = Period.of_days(first, first + timedelta(days=2), DAY)
    counts = count(period, timezone.now(), {})
    assert [tally.total for tally in counts.by_time] == [48, 46 if change in FORWARD.values() else 50, 48]


@in_every_change
def test_pages_of_the_api_leave_nothing_out_and_nothing_twice(
    around: list[datetime], zone: str, change: datetime
) -> None:
    ada, query, shown = Browser(User.objects.get()), "", []
    while query is not None:
        page = ada.list(query).json()
        shown += [datetime.fromisoformat(session["created_at"]) for session in page["results"]]
        query = page["next"] and "?" + page["next"].partition("?")[2]
    assert shown == around[::-1]
    assert {moment.utcoffset() for moment in shown} == {
        moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in around
    }


@in_every_change
def test_an_answer_says_when_a_session_ends_to_the_second(
    clock: Clock, openai: FakeOpenAI, settings: Any, zone: str, change: datetime
) -> None:
    settings.TIME_ZONE = zone
    a_workflow()
    ada = Browser(a_user())
    for minutes in (-65, -5, 0, 5, 55):
        clock.set(change + minutes * MINUTE)
        issued = ada.issue(refresh=True).json()
        assert issued["expires_at"] == clock.seconds + 600
        assert ada.issue().json()["expires_at"] == clock.seconds + 600
        assert ada.show(issued["id"]).json()["expires_at"] == clock.seconds + 600
