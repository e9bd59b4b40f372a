from __future__ import annotations

import json
import time
from types import ModuleType

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from django.views.debug import SafeExceptionReporterFilter

from django_chatkit import reuse
from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow
from django_chatkit.redaction import Secret

from .behaviours import answer
from .callers import SESSIONS, Browser, a_user, a_workflow

COOKIE = "chatkit_secret_support"


@pytest.fixture
def workflow(db, openai):
    preset = ChatKitConfiguration.objects.create(name="Preset", history_enabled=True)
    return a_workflow(client_state_variables=["page"], chatkit_configuration=preset, allow_anonymous=True)


@pytest.fixture
def ada(workflow):
    """Her browser, after she has opened the page once."""
    browser = Browser(a_user())
    assert browser.issue().status_code == 201
    return browser


def reused(browser, **more):
    answer = browser.issue(**more)
    assert answer.status_code in (200, 201)
    return answer.status_code == 200


# The cookie


def test_the_cookie_is_for_this_route_and_no_script(ada):
    morsel = ada.cookies[COOKIE]
    assert (morsel["path"], morsel["domain"]) == ("/chatkit/sessions/", "")
    assert (morsel["httponly"], morsel["samesite"], morsel["secure"]) == (True, "Lax", "")
    assert 568 <= morsel["max-age"] <= 570


def test_the_cookie_is_secure_where_the_session_cookie_is(workflow, settings):
    settings.SESSION_COOKIE_SECURE = True
    assert Browser(a_user()).issue().cookies[COOKIE]["secure"] is True


def test_the_cookie_lives_30_seconds_less_than_the_session(workflow):
    workflow.expires_after = 100
    workflow.save()
    assert 68 <= Browser(a_user()).issue().cookies[COOKIE]["max-age"] <= 70


def test_the_cookie_is_signed_and_brings_the_secret_and_the_records_id(ada, openai):
    secret, record, made_for = signing.loads(ada.cookies[COOKIE].value, salt="django_chatkit.reuse")
    assert [secret] == openai.secrets
    assert record == ChatSession.objects.get().pk
    assert len(made_for) == 64


def test_djangos_error_reports_do_not_show_the_cookie(ada, openai):
    request = RequestFactory().get("/")
    request.COOKIES = {name: morsel.value for name, morsel in ada.cookies.items()}
    shown = SafeExceptionReporterFilter().get_safe_cookies(request)
    assert shown[COOKIE] == SafeExceptionReporterFilter.cleansed_substitute
    assert ada.cookies[COOKIE].value not in str(shown)


def test_nothing_that_reuse_needs_is_kept_on_the_server(ada, openai):
    for session in ChatSession.objects.values():
        assert openai.secrets[0] not in str(session)
    assert openai.secrets[0] not in str(dict(ada.session.items()))


@pytest.mark.django_db
def test_the_path_is_written_as_browsers_write_it(settings, openai):
    settings.ROOT_URLCONF = ModuleType("urls_of_another_site")
    settings.ROOT_URLCONF.urlpatterns = [path("чат/", include("django_chatkit.urls"))]
    a_workflow()
    morsel = Browser(a_user()).post("/чат/sessions/", {}, "application/json").cookies[COOKIE]
    assert morsel["path"] == "/%D1%87%D0%B0%D1%82/sessions/"


# Reuse


def test_a_reload_gets_the_same_session_without_asking_openai(ada, openai):
    again = ada.issue()
    assert again.status_code == 200
    assert again.json()["client_secret"] == openai.secrets[0]
    assert COOKIE not in again.cookies
    assert len(openai.requests) == 1
    assert ChatSession.objects.count() == 1


def test_naming_the_default_workflow_changes_nothing(ada):
    assert reused(ada, workflow="support", state_variables={}, refresh=False)


def test_the_order_of_state_variables_does_not_matter(ada, workflow):
    workflow.client_state_variables = ["a", "b"]
    workflow.save()
    assert not reused(ada, state_variables={"a": 1, "b": 2})
    assert reused(ada, state_variables={"b": 2, "a": 1})


def test_refresh_replaces_what_is_reused(ada, openai):
    fresh = ada.issue(refresh=True).json()
    assert fresh["client_secret"] == openai.secrets[1]
    assert ada.issue().json() == fresh


def test_visitors_reuse_theirs(workflow, openai):
    visitor = Browser()
    assert [visitor.issue().status_code for _ in range(3)] == [201, 200, 200]
    assert len(openai.requests) == 1


def test_other_changes_of_a_workflow_or_user_do_not_matter(ada, workflow):
    workflow.name = "Another name"
    workflow.save()
    User.objects.update(first_name="Ada")
    assert reused(ada)


# Where there is no cookie


def test_token_callers_get_none(workflow, settings):
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]}
    User.objects.create_user("ada", password="hers")
    client, headers = Client(enforce_csrf_checks=True), {"Authorization": "Basic YWRhOmhlcnM="}
    answers = [client.post(SESSIONS, {}, "application/json", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert not client.cookies


def test_there_is_none_for_a_session_that_ends_soon(ada):
    Workflow.objects.update(expires_after=30)
    answer = ada.issue()
    assert (answer.status_code, answer.cookies[COOKIE]["max-age"]) == (201, 0)
    assert COOKIE not in ada.issue().cookies
    Workflow.objects.update(expires_after=35)
    assert ada.issue().cookies[COOKIE]["max-age"] <= 5


def test_failures_set_none(workflow, openai):
    openai.script(answer(500))
    browser = Browser(a_user())
    assert browser.issue().status_code == 502
    assert COOKIE not in browser.cookies


def with_a_secret_of(length):
    return answer(200, {"id": f"cksess_{length}", "client_secret": "s" * length, "expires_at": int(time.time()) + 600})


def test_no_cookie_is_larger_than_3800_bytes(workflow, openai):
    browser, sizes = Browser(a_user()), []
    for length in range(2300, 3300, 20):
        openai.script(with_a_secret_of(length))
        given = browser.issue(refresh=True).cookies
        sizes.append(len(given[COOKIE].OutputString()) if given[COOKIE].value else None)
        if sizes[-1] is None:
            break
    assert 3700 < sizes[-2] <= 3800
    assert reuse.MAX_COOKIE_BYTES == 3800
    assert COOKIE not in browser.cookies
    assert not reused(browser)


def test_a_browser_has_three_at_most_the_oldest_go_first(ada):
    """Browsers send their cookies in the order in which they got them; Django's test client, by name."""
    for slug in ("t", "u"):
        a_workflow(slug)
        ada.issue(workflow=slug)
    assert names(ada) == [COOKIE, "chatkit_secret_t", "chatkit_secret_u"]
    assert reused(ada, workflow="support")
    a_workflow("v")
    removed = ada.issue(workflow="v").cookies[COOKIE]
    assert (removed["max-age"], removed["path"]) == (0, "/chatkit/sessions/")
    assert names(ada) == ["chatkit_secret_t", "chatkit_secret_u", "chatkit_secret_v"]
    assert [reused(ada, workflow=slug) for slug in "tuv"] == [True, True, True]


def test_replacing_one_of_three_removes_none(ada):
    for slug in ("t", "u"):
        a_workflow(slug)
        ada.issue(workflow=slug)
    ada.issue(workflow="support", refresh=True)
    assert len(names(ada)) == 3


def test_a_browser_that_has_more_is_freed_of_them(ada):
    for number in range(6):
        ada.cookies[f"chatkit_secret_{number}"] = "x"
    ada.issue(refresh=True)
    assert len(names(ada)) == 3


def names(browser):
    return [name for name in browser.cookies if name.startswith("chatkit_secret_")]


# The functions


def test_a_fingerprint_tells_apart_what_is_put_together():
    one = reuse.fingerprint({"user": "a"}, "b", "c")
    assert one == reuse.fingerprint({"user": "a"}, "b", "c")
    others = [({"user": "a"}, "bc", ""), ({"user": "a"}, "c", "b"), ({"user": "a", "b": 1}, "b", "c"), ({}, "b", "c")]
    assert one not in [reuse.fingerprint(*other) for other in others]


def test_a_fingerprint_needs_the_sites_secret_key(settings):
    one = reuse.fingerprint({"user": "a"})
    settings.SECRET_KEY = "n" * 50
    assert reuse.fingerprint({"user": "a"}) != one


def test_what_is_remembered_is_recalled_without_showing_itself():
    request, response = RequestFactory().post(SESSIONS), HttpResponse()
    reuse.remember(request, response, "support", reuse.Remembered(Secret("ek_1"), 7), "f", 60)
    request.COOKIES = {name: morsel.value for name, morsel in response.cookies.items()}
    remembered = reuse.recall(request, "support", "f")
    assert remembered == ("ek_1", 7)
    assert "ek_1" not in repr(remembered)
    assert reuse.recall(request, "support", "g") is None
    assert reuse.recall(request, "other", "f") is None


def test_the_cookies_content_is_json():
    request, response = RequestFactory().post(SESSIONS), HttpResponse()
    reuse.remember(request, response, "support", reuse.Remembered(Secret("ek_1"), 7), "f", 60)
    content = signing.b64_decode(response.cookies[COOKIE].value.split(":")[0].encode())
    assert json.loads(content) == ["ek_1", 7, "f"]
