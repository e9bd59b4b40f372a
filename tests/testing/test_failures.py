"""Each error, provoked by its name."""

from __future__ import annotations

import time
from typing import Any

import pytest

from django_chatkit import sessions
from django_chatkit.client import ChatKitClient
from django_chatkit.conf import conf
from django_chatkit.exceptions import (
    ChatKitConfigurationRejected,
    ChatKitRateLimited,
    ChatKitServerError,
    ChatKitStatusError,
    ChatKitTimeout,
    SessionNotSaved,
)
from django_chatkit.models import ChatSession
from django_chatkit.testing import FakeChatKit, fake_chatkit
from django_chatkit.testing.failures import NAMES
from django_chatkit.views.troubles import _TROUBLES

from ..callers import Browser, a_user, a_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Browser:
    a_workflow()
    return Browser(a_user())


def test_every_code_of_the_api_has_its_name() -> None:
    assert set(NAMES) == {code for _, _, code, _ in _TROUBLES}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("misconfigured", 503),
        ("not_saved", 503),
        ("upstream_rate_limited", 503),
        ("upstream_error", 502),
        ("upstream_timeout", 504),
    ],
)
def test_by_name(chatkit: FakeChatKit, browser: Browser, name: str, status: int) -> None:
    chatkit.fail(name)
    started = time.monotonic()
    for _ in range(2):
        answer = browser.issue()
        assert (answer.status_code, answer.json()["code"]) == (status, name)
        assert "Retry-After" not in answer
    assert time.monotonic() - started < 10  # nothing waits for a timeout
    assert not ChatSession.objects.exists()
    chatkit.recover()
    assert browser.issue().status_code == 201


def test_retry_after(chatkit: FakeChatKit, browser: Browser) -> None:
    chatkit.fail("upstream_rate_limited", retry_after=2.5)
    assert browser.issue()["Retry-After"] == "3"


def test_a_session_that_is_not_saved_is_cancelled(chatkit: FakeChatKit, browser: Browser) -> None:
    chatkit.fail("not_saved", times=1)
    assert browser.issue().json()["code"] == "not_saved"
    assert chatkit.cancelled == [session["id"] for session in chatkit.sessions]
    assert browser.issue().status_code == 201
    assert not ChatSession.objects.filter(session_id=chatkit.cancelled[0]).exists()


def test_records_of_ones_own_can_be_changed_all_the_same(chatkit: FakeChatKit, browser: Browser) -> None:
    browser.issue()
    chatkit.fail("not_saved")
    ChatSession.objects.get().save()
    a_workflow("other").save()


def test_so_many_times_and_in_order(chatkit: FakeChatKit, browser: Browser) -> None:
    chatkit.fail("upstream_timeout", times=2)
    chatkit.fail("upstream_error")
    chatkit.fail("not_saved", times=1)  # in place of the error that was to stay
    chatkit.fail("misconfigured")
    codes = [browser.issue().json().get("code") for _ in range(5)]
    assert codes == ["upstream_timeout", "upstream_timeout", "not_saved", "misconfigured", "misconfigured"]


def test_a_retry_of_the_app_is_a_call(browser: Browser) -> None:
    with fake_chatkit(MAX_RETRIES=1) as chatkit:
        chatkit.fail("upstream_rate_limited", retry_after=0, times=1)
        assert browser.issue().status_code == 201
    assert len(chatkit.requests) == 2


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, None, ChatKitConfigurationRejected),
        (400, "invalid_type", ChatKitConfigurationRejected),
        (302, None, ChatKitConfigurationRejected),
        (429, "insufficient_quota", ChatKitConfigurationRejected),
        (429, None, ChatKitRateLimited),
        (503, None, ChatKitServerError),
    ],
)
def test_by_openais_status(chatkit: FakeChatKit, status: int, code: str | None, kind: type[ChatKitStatusError]) -> None:
    chatkit.fail(status=status, code=code, retry_after=9)
    with pytest.raises(kind) as caught:
        sessions.create_session(a_workflow(), user=a_user())
    assert (caught.value.status_code, caught.value.retry_after) == (status, 9)
    assert caught.value.code == (code or "test")
    assert caught.value.request_id


def test_in_python(chatkit: FakeChatKit) -> None:
    workflow, user = a_workflow(), a_user()
    for name, kind in (("upstream_timeout", ChatKitTimeout), ("not_saved", SessionNotSaved)):
        chatkit.fail(name, times=1)
        with pytest.raises(kind):
            sessions.create_session(workflow, user=user)


def test_what_openai_refuses_is_told(chatkit: FakeChatKit) -> None:
    with pytest.raises(ChatKitConfigurationRejected):
        ChatKitClient("sk-mine").create_session(user="", workflow={"id": "wf_1"})
    assert chatkit.refusals == ["Invalid 'user': string too short. Expected at least 1 characters."]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "upstream_timout"}, "no failure 'upstream_timout': did you mean 'upstream_timeout'?"),
        ({"name": "throttled"}, "there are: misconfigured, upstream_error, upstream_rate_limited"),
        ({}, "Name a failure"),
        ({"name": "misconfigured", "status": 401}, "Name a failure"),
        ({"name": "misconfigured", "code": "invalid_api_key"}, "Name a failure"),
        ({"name": "upstream_error", "retry_after": 3}, "not with 'upstream_error'"),
        ({"status": 200}, "200 is not the status of a failure"),
        ({"name": "not_saved", "times": 0}, "times is at least 1"),
    ],
)
def test_what_cannot_fail(chatkit: FakeChatKit, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        chatkit.fail(**arguments)
    assert message in str(caught.value)


def test_a_timeout_says_what_was_asked(chatkit: FakeChatKit) -> None:
    import requests

    from django_chatkit.client.transport import pool

    chatkit.fail("upstream_timeout")
    with pytest.raises(requests.ReadTimeout) as caught:
        pool(conf.credentials().api_key, "https://api.openai.com/v1").get("https://api.openai.com/v1/chatkit/threads")
    assert caught.value.request is not None
