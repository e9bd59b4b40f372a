"""A wall clock that jumps while sessions live, and OpenAI's, which shows another time than ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from django_chatkit import sessions, signals
from django_chatkit.admin.statistics.counting import count
from django_chatkit.admin.statistics.periods import Period
from django_chatkit.models import ChatSession, Workflow

from ..behaviours import Behaviour, Exchange, answer, normal
from ..callers import Browser, a_user, a_workflow, chatkit
from ..fake_openai import FakeOpenAI
from ..records import ACTIVE, EXPIRED, heard, records, statuses
from .clock import Clock

pytestmark = pytest.mark.django_db

JUMPS = [pytest.param(hours, id=f"{hours:+d} hours") for hours in (-26, -2, 2, 26)]


@pytest.fixture
def ada(openai: FakeOpenAI) -> Browser:
    a_workflow()
    return Browser(a_user())


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Callable[[], AbstractContextManager[Any]]:
    """A block after which what waits for the commit is done."""
    return partial(django_capture_on_commit_callbacks, execute=True)


@pytest.fixture
def expire(committed: Any) -> Callable[[], list[int]]:
    """Expires sessions; which ones, the signal says."""

    def expire() -> list[int]:
        with heard(signals.sessions_expired) as told, committed():
            sessions.expire_sessions()
        return [pk for arrived in told for pk in arrived["ids"]]

    return expire


# Ours jumps


def test_forwards_what_was_issued_is_over(clock: Clock, ada: Browser, openai: FakeOpenAI) -> None:
    first = ada.issue()
    clock.jump(hours=2)
    second = ada.issue()
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["client_secret"] != first.json()["client_secret"]
    assert ada.show(first.json()["id"]).json()["status"] == EXPIRED
    assert ada.show(second.json()["id"]).json()["status"] == ACTIVE
    assert len(openai.sessions) == 2


def test_backwards_nothing_is_handed_out_longer_than_it_lives(clock: Clock, ada: Browser, openai: FakeOpenAI) -> None:
    """Browsers count a cookie's seconds themselves, and from this answer on: no clock of ours makes them more."""
    ada.issue()
    (cookie,) = (morsel for name, morsel in ada.cookies.items() if name.startswith("chatkit_secret_"))
    assert cookie["max-age"] == 570
    clock.jump(hours=-2)
    assert ada.issue().status_code == 200
    assert cookie is ada.cookies[cookie.key]
    assert len(openai.sessions) == 1


@pytest.mark.parametrize("hours", JUMPS)
def test_what_has_ended_stays_ended(clock: Clock, ada: Browser, expire: Any, hours: int) -> None:
    cancelled, expired = (ada.issue(refresh=True).json()["id"] for _ in range(2))
    ada.cancel(cancelled)
    clock.jump(minutes=11)
    assert len(expire()) == 1
    before = list(ChatSession.objects.order_by("id").values("status", "expires_at", "ended_at"))
    clock.jump(hours=hours)
    assert expire() == []
    assert ada.cancel(expired).json()["status"] == EXPIRED
    assert ada.show(cancelled).json()["status"] == "cancelled"
    assert list(ChatSession.objects.order_by("id").values("status", "expires_at", "ended_at")) == before
    assert ada.issue().status_code == 201


@pytest.mark.parametrize("hours", JUMPS)
def test_each_session_expires_once_however_the_clock_jumps(clock: Clock, expire: Any, hours: int) -> None:
    workflow = a_workflow()
    stale = {record.pk for record in records(workflow, 3, lives=-60)}
    fresh = {record.pk for record in records(workflow, 3, lives=600)}
    expired = expire()
    clock.jump(hours=hours)
    expired += expire()
    clock.jump(hours=-hours)
    expired += expire()
    assert sorted(expired) == sorted(stale | fresh if hours > 0 else stale)
    assert ChatSession.objects.filter(status=EXPIRED, ended_at=F("expires_at")).count() == len(expired)


def test_backwards_nothing_is_deleted_early(clock: Clock) -> None:
    """``ended_at`` is the end of a session, not the moment at which a clock that was wrong looked at it."""
    records(a_workflow(), 2, lives=-60)
    clock.jump(hours=48)
    assert sessions.expire_sessions() == 2
    clock.jump(hours=-48)
    assert sessions.delete_sessions(older_than=timedelta(hours=1)) == 0
    clock.jump(hours=2)
    assert sessions.delete_sessions(older_than=timedelta(hours=1)) == 2


@pytest.mark.parametrize("hours", JUMPS)
def test_statistics_count_each_session_once(clock: Clock, ada: Browser, hours: int) -> None:
    ada.issue()
    clock.jump(hours=hours)
    ada.issue(refresh=True)
    latest = max(session.created_at for session in ChatSession.objects.all())
    counts = count(Period.of_hours(latest, 48), timezone.now(), {})
    assert counts.total.total == 2
    by_hour = [number for number, tally in enumerate(counts.by_time) if tally.total]
    assert by_hour == [47 - abs(hours), 47]


@pytest.mark.parametrize("hours", JUMPS)
def test_a_jump_is_at_most_one_new_window(clock: Clock, ada: Browser, settings: Any, hours: int) -> None:
    chatkit(settings, THROTTLE_RATE="3/hour")
    assert [ada.issue(refresh=True).status_code for _ in range(4)] == [201, 201, 201, 429]
    clock.jump(hours=hours)
    answers = [ada.issue(refresh=True) for _ in range(4)]
    assert [one.status_code for one in answers] == [201, 201, 201, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    clock.jump(hours=-hours)  # back in the window that was used up
    assert ada.issue(refresh=True).status_code in (201, 429)


@pytest.mark.parametrize("hours", JUMPS)
def test_deadlines_and_durations_do_not_see_a_jump(
    clock: Clock, ada: Browser, openai: FakeOpenAI, committed: Any, hours: int
) -> None:
    def jumps(exchange: Exchange) -> bool:
        clock.jump(hours=hours)
        return normal(exchange)

    openai.script(jumps, jumps)
    with heard(signals.session_created) as created, heard(signals.session_cancelled) as cancelled, committed():
        issued = ada.issue()
        ended = ada.cancel(issued.json()["id"])
    assert (issued.status_code, ended.json()["status"]) == (201, "cancelled")
    assert all(0 < told["duration"] < 30 for told in (*created, *cancelled))
    assert (len(created), len(cancelled)) == (1, 1)


def test_a_date_in_retry_after_that_is_hours_away_is_no_wait(clock: Clock, ada: Browser, openai: FakeOpenAI) -> None:
    """Their clock is ahead of ours, or the other way round: the deadline decides how long anybody waits."""
    for hours in (-3, 3):
        clock.jump(hours=hours)
        openai.script(answer(429, {}, {"Retry-After": "Sat, 01 Jan 2050 00:00:00 GMT"}))
        started = time.monotonic()
        assert ada.issue(refresh=True).status_code == 503
        assert time.monotonic() - started < 10


# OpenAI's shows another time


def by(seconds: int) -> Behaviour:
    """What OpenAI answers if its clock is so many seconds ahead of ours."""

    def behave(exchange: Exchange) -> bool:
        status, content = exchange.server.respond(exchange.request)
        content["expires_at"] += seconds
        return bool(answer(status, content)(exchange))

    return behave


@pytest.mark.parametrize("behind", [601, 3600, 10**6])
def test_behind_ours_every_page_gets_a_session_of_its_own(
    clock: Clock, ada: Browser, openai: FakeOpenAI, expire: Any, behind: int
) -> None:
    """It works, at OpenAI: only it is not handed out again, and its record says that it is over."""
    openai.script(by(-behind), by(-behind))
    first, second = ada.issue(), ada.issue()
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["expires_at"] == int(clock.seconds) + 600 - behind
    assert second.json()["client_secret"] != first.json()["client_secret"]
    assert not [name for name in ada.cookies if name.startswith("chatkit_secret_")]
    assert len(expire()) == 2


@pytest.mark.parametrize("ahead", [3600, 10**6, 10**9])
def test_ahead_of_ours_nothing_is_handed_out_when_it_is_over(
    clock: Clock, ada: Browser, openai: FakeOpenAI, ahead: int
) -> None:
    """By our clock it would live for hours. It does not: the browser forgets it in time."""
    openai.script(by(ahead))
    issued = ada.issue()
    assert issued.json()["expires_at"] == int(clock.seconds) + 600 + ahead
    (cookie,) = (morsel for name, morsel in ada.cookies.items() if name.startswith("chatkit_secret_"))
    assert cookie["max-age"] == 570
    assert ada.issue().json()["client_secret"] == issued.json()["client_secret"]


def test_a_short_life_ahead_of_ours_is_as_short(clock: Clock, ada: Browser, openai: FakeOpenAI) -> None:
    Workflow.objects.update(expires_after=100)
    openai.script(by(3600))
    ada.issue()
    (cookie,) = (morsel for name, morsel in ada.cookies.items() if name.startswith("chatkit_secret_"))
    assert cookie["max-age"] == 70


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_cancelling_and_logging_out_end_it_all_the_same(
    clock: Clock, ada: Browser, openai: FakeOpenAI, skew: int
) -> None:
    openai.script(by(skew))
    session_id = ada.issue().json()["id"]
    ended = ada.cancel(session_id).json()
    assert ended["status"] == (EXPIRED if skew < 0 else "cancelled")
    assert statuses() in ([ACTIVE], ["cancelled"])
    assert openai.cancelled == ([] if skew < 0 else [session_id])


def test_the_cache_is_this_tests_own(clock: Clock) -> None:
    cache.set("one", 1, 60)
    clock.jump(seconds=61)
    assert cache.get("one") is None
