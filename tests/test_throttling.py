from __future__ import annotations

import os
import secrets
import time
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from rest_framework.request import Request

from django_chatkit.identity import Owner
from django_chatkit.throttling import SessionThrottle

from .behaviours import error
from .callers import Browser, a_user, a_workflow, chatkit
from .crowd import at_once

#: In the middle of a minute, of an hour and of a day.
NOON = 1_800_000_000.0 - 1_800_000_000 % 86_400 + 12 * 3600 + 30 * 60 + 30


@pytest.fixture
def clock(monkeypatch):
    """Time as the throttle sees it: ``clock.now``."""
    clock = SimpleNamespace(now=NOON)
    monkeypatch.setattr(SessionThrottle, "timer", staticmethod(lambda: clock.now))
    return clock


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def site(db, openai, settings, clock):
    """A site with two workflows, where three new sessions a minute are enough."""
    chatkit(settings, THROTTLE_RATE="3/min")
    a_workflow("support", allow_anonymous=True)
    a_workflow("sales", allow_anonymous=True)
    return openai


def issue(browser, times=1, workflow="support", **more):
    """The statuses of so many attempts to get a new session."""
    return [browser.issue({"workflow": workflow, "refresh": True}, **more).status_code for _ in range(times)]


def test_exactly_so_many_sessions_are_issued_per_user(site):
    ada, bob = Browser(a_user("ada")), Browser(a_user("bob"))
    assert issue(ada, 5) == [201, 201, 201, 429, 429]
    assert issue(bob, 4) == [201, 201, 201, 429]
    assert len(site.requests) == 6


def test_the_answer_says_how_long_to_wait(site, clock):
    ada = Browser(a_user())
    issue(ada, 3)
    clock.now += 10.5
    answer = ada.issue(workflow="support")
    assert answer.status_code == 200  # reused
    answer = ada.issue(workflow="support", refresh=True)
    assert answer.status_code == 429
    assert answer.json()["code"] == "throttled"
    assert set(answer.json()) == {"detail", "code"}
    assert answer.headers["Retry-After"] == "20"


def test_all_workflows_count_together(site):
    ada = Browser(a_user())
    assert issue(ada, 2, "support") + issue(ada, 2, "sales") == [201, 201, 201, 429]


def test_all_browsers_of_a_user_count_together(site):
    ada = a_user()
    assert issue(Browser(ada), 2) + issue(Browser(ada), 2) == [201, 201, 201, 429]


def test_reused_sessions_do_not_count(site):
    ada = Browser(a_user())
    assert [ada.issue(workflow="support").status_code for _ in range(9)] == [201] + [200] * 8
    assert issue(ada, 3) == [201, 201, 429]


def test_what_is_refused_before_does_not_count(site):
    ada = Browser(a_user())
    for body in ({"workflow": "nope"}, {"user": 1}, {"workflow": "support", "state_variables": {"a": 1}}, []):
        assert ada.issue(body).status_code in (400, 404)
    assert issue(ada, 4) == [201, 201, 201, 429]


def test_failures_upstream_count(site):
    """Or a broken key would let every page hammer OpenAI."""
    site.script(*[error(500)] * 3)
    assert issue(Browser(a_user()), 4) == [502, 502, 502, 429]


def test_looking_and_cancelling_are_not_throttled(site):
    ada = Browser(a_user())
    session_id = ada.issue(workflow="support").json()["id"]
    issue(ada, 3)
    assert ada.list().status_code == ada.show(session_id).status_code == ada.cancel(session_id).status_code == 200


def test_a_new_window_begins_on_time(site, clock):
    ada = Browser(a_user())
    assert issue(ada, 4) == [201, 201, 201, 429]
    clock.now += 29.9
    assert issue(ada) == [429]
    clock.now += 0.1
    assert issue(ada, 4) == [201, 201, 201, 429]


@pytest.mark.parametrize("rate", [None, ""])
def test_it_can_be_turned_off(site, settings, rate):
    chatkit(settings, THROTTLE_RATE=rate)
    assert issue(Browser(a_user()), 12) == [201] * 12
    assert issue(Browser(), 12) == [201] * 12


def test_ten_a_minute_is_the_default(site, settings):
    settings.DJANGO_CHATKIT = {
        name: value for name, value in settings.DJANGO_CHATKIT.items() if name != "THROTTLE_RATE"
    }
    assert issue(Browser(a_user()), 11) == [201] * 10 + [429]


# Visitors who are not logged in


def test_a_visitor_is_counted(site):
    assert issue(Browser(), 4) == [201, 201, 201, 429]


def test_dropping_the_cookies_does_not_help(site):
    assert [issue(Browser()) for _ in range(4)] == [[201], [201], [201], [429]]


def test_changing_the_address_does_not_help(site):
    visitor = Browser()
    statuses = []
    for number in range(5):
        visitor.defaults["REMOTE_ADDR"] = f"192.0.2.{number}"
        statuses += issue(visitor)
    assert statuses == [201, 201, 201, 429, 429]


def test_users_are_not_counted_by_address(site):
    assert [issue(Browser(a_user(f"user{n}"))) for n in range(5)] == [[201]] * 5
    assert issue(Browser(), 3) == [201] * 3


def counted_as(address, settings, proxies=None, forwarded=None):
    """What a visitor is counted by besides the identity."""
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = Request(RequestFactory(headers=headers).post("/", REMOTE_ADDR=address))
    _, network = SessionThrottle(Owner(None, secrets.token_hex()))._subjects(request)
    return network


@pytest.mark.parametrize("proxies", [None, 0])
def test_a_header_that_anybody_can_send_changes_nothing(settings, proxies):
    plain = counted_as("192.0.2.1", settings, proxies)
    for forwarded in ("198.51.100.1", "198.51.100.1, 198.51.100.2", "", "💬", "192.0.2.1"):
        assert counted_as("192.0.2.1", settings, proxies, forwarded) == plain
    assert counted_as("192.0.2.2", settings, proxies) != plain


def test_behind_one_proxy_it_is_the_address_that_the_proxy_saw(settings):
    plain = counted_as("192.0.2.1", settings)
    for forwarded in ("192.0.2.1", "198.51.100.1, 192.0.2.1", "a, b,192.0.2.1 "):
        assert counted_as("10.0.0.1", settings, 1, forwarded) == plain
    assert counted_as("10.0.0.1", settings, 1, "192.0.2.1, 198.51.100.1") != plain


def test_behind_two_proxies_it_is_the_last_but_one(settings):
    assert counted_as("10.0.0.1", settings, 2, "x, 192.0.2.1, 10.0.0.2") == counted_as("192.0.2.1", settings)


def test_behind_a_proxy_that_says_nothing_it_is_the_proxys(settings):
    assert counted_as("10.0.0.1", settings, 1) == counted_as("10.0.0.1", settings)


SAME = [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    ("2001:db8::1", "2001:0DB8:0:0::1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("fe80::1%eth0", "fe80::2"),
]
DIFFERENT = [
    ("2001:db8:1:2::1", "2001:db8:1:3::1"),
    ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    ("192.0.2.1", "192.0.2.2"),
    ("", "192.0.2.1"),
    ("unix:", ""),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_visitor_has_all_of_an_ipv6_network(settings, one, other):
    assert counted_as(one, settings) == counted_as(other, settings)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_addresses_are_other_visitors(settings, one, other):
    assert counted_as(one, settings) != counted_as(other, settings)


def test_no_address_is_in_the_cache(settings):
    assert "192.0.2.1" not in counted_as("192.0.2.1", settings)


# The cache


def allow(owner, times):
    request = Request(RequestFactory().post("/"))
    return [SessionThrottle(owner).allow_request(request, None) for _ in range(times)]


def test_a_count_outlives_what_the_cache_takes_for_a_long_time(settings, clock, tmp_path):
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path), "TIMEOUT": 1}}
    chatkit(settings, THROTTLE_RATE="2/day")
    ada = Owner(object(), "user-1")
    assert allow(ada, 2) == [True, True]
    time.sleep(1.05)
    assert allow(ada, 1) == [False]


def test_a_cache_that_forgets_at_once_stops_nobody(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    chatkit(settings, THROTTLE_RATE="1/min")
    assert allow(Owner(object(), "user-1"), 3) == [True, True, True]


def test_another_rate_begins_to_count_anew(settings, clock):
    chatkit(settings, THROTTLE_RATE="1/min")
    assert allow(Owner(object(), "user-1"), 2) == [True, False]
    chatkit(settings, THROTTLE_RATE="2/min")
    assert allow(Owner(object(), "user-1"), 3) == [True, True, False]


def test_parallel_requests_let_exactly_so_many_through(settings, clock):
    chatkit(settings, THROTTLE_RATE="10/min")
    assert sum(allowed for (allowed,) in at_once(lambda: allow(Owner(object(), "user-1"), 1), 25)) == 10


@pytest.mark.services
def test_parallel_requests_let_exactly_so_many_through_on_redis(settings, clock):
    prefix = secrets.token_hex()
    redis = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
    }
    settings.CACHES = {"default": {**redis, "KEY_PREFIX": prefix}}
    chatkit(settings, THROTTLE_RATE="10/min")
    for _ in range(5):
        owner = Owner(object(), secrets.token_hex())
        assert sum(allowed for (allowed,) in at_once(lambda who=owner: allow(who, 1), 40)) == 10
