"""CSRF, CORS and methods, for every route that the URL conf has. (The rules of CSRF: ``tests/test_csrf.py``.)"""

from __future__ import annotations

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from django_chatkit.models import ChatSession

from ..callers import CSRF_TOKEN, SESSIONS, Browser, a_user, a_workflow
from . import routes

pytestmark = pytest.mark.django_db

#: Each route: its arguments, the methods that it has, and whether it counts cookies.
ROUTES = {
    "session-list": ([], {"GET", "HEAD", "POST"}, True),
    "session-detail": (["cksess_1"], {"GET", "HEAD"}, True),
    "session-cancel": (["cksess_1"], {"POST"}, True),
    "chat": (["support"], {"POST"}, False),
    "attachment-list": (["support"], {"POST", "OPTIONS"}, False),
    "attachment-detail": (["support", "atc_1"], {"GET", "HEAD", "POST", "PUT", "OPTIONS"}, False),
}
COOKIES = [name for name, (_, _, cookies) in ROUTES.items() if cookies]
#: The component runs in a frame of OpenAI's, which sends files here and shows them. No cookie counts there.
FILES = ["attachment-list", "attachment-detail"]
FOREIGN = "https://evil.example"


def test_every_route_is_here():
    assert set(ROUTES) == routes.api()


def url(name):
    return reverse(f"django_chatkit:{name}", args=ROUTES[name][0])


def state():
    return [list(model.objects.values_list()) for model in apps.get_app_config("django_chatkit").get_models()]


@pytest.fixture(params=["ada", "a superuser", "a visitor"])
def browser(request, openai):
    """Somebody's, with a session issued before, from a page that has no token."""
    a_workflow(allow_anonymous=True)
    user = {
        "ada": lambda: a_user("ada"),
        "a superuser": lambda: a_user("root", is_staff=True, is_superuser=True),
        "a visitor": lambda: None,
    }[request.param]()
    browser = Browser(user)
    browser.issue()
    ChatSession.objects.update(session_id="cksess_1")
    del browser.defaults["HTTP_X_CSRFTOKEN"]
    openai.requests.clear()
    return browser


OURS = {"origin": "http://testserver"}
TRICKS = {
    "no token": {},
    "a wrong token": {"x-csrftoken": "x" * 32},
    "an empty token": {"x-csrftoken": ""},
    "a short token": {"x-csrftoken": CSRF_TOKEN[:-1]},
    "a foreign origin": {"x-csrftoken": CSRF_TOKEN, "origin": FOREIGN},
    "the origin of an opaque page": {"x-csrftoken": CSRF_TOKEN, "origin": "null"},
    "an origin that only begins like ours": {"x-csrftoken": CSRF_TOKEN, "origin": "http://testserver.evil.example"},
    "our origin over another scheme": {"x-csrftoken": CSRF_TOKEN, "origin": "https://testserver"},
    "our origin on another port": {"x-csrftoken": CSRF_TOKEN, "origin": "http://testserver:8080"},
    "our origin, no token": OURS,
    "no Referer over HTTPS": {"x-csrftoken": CSRF_TOKEN, "https": True},
    "a foreign Referer over HTTPS": {"x-csrftoken": CSRF_TOKEN, "https": True, "referer": FOREIGN},
    "an insecure Referer over HTTPS": {"x-csrftoken": CSRF_TOKEN, "https": True, "referer": "http://testserver/"},
    "a page of a neighbour": {"x-csrftoken": CSRF_TOKEN, "origin": "http://evil.testserver"},
    "an Authorization that is none": {"authorization": "Bearer x"},
    "what scripts send": {"x-requested-with": "XMLHttpRequest"},
    "a method override": {"x-http-method-override": "GET"},
    "a forwarded host": {"x-csrftoken": CSRF_TOKEN, "origin": FOREIGN, "x-forwarded-host": "evil.example"},
}
#: What a page of another site can send without asking first.
FORMS = ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""]


def refused(browser, name, headers, media_type="application/json", method="POST"):
    body = f'{{"csrfmiddlewaretoken": "{CSRF_TOKEN}"}}' if "json" in media_type else f"csrfmiddlewaretoken={CSRF_TOKEN}"
    headers = dict(headers)
    secure = headers.pop("https", False)
    answer = browser.generic(method, url(name), body, media_type, headers=headers, secure=secure)
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("name", ["session-list", "session-cancel"])
def test_nothing_changes_without_the_token_of_a_page_of_ours(browser, openai, name):
    before = state()
    for trick, headers in TRICKS.items():
        assert refused(browser, name, headers) == (403, "csrf_failed"), trick
    for media_type in FORMS:
        assert refused(browser, name, {}, media_type) == (403, "csrf_failed"), media_type
    for method in ("PUT", "PATCH", "DELETE", "X"):
        assert refused(browser, name, {}, method=method) == (405, "method_not_allowed"), method
    assert state() == before
    assert openai.requests == []


@pytest.mark.parametrize("name", sorted(set(ROUTES) - set(COOKIES)))
def test_cookies_alone_authenticate_nobody_where_no_token_is_wanted(browser, openai, name):
    """With the right token, too: they are not looked at."""
    before = state()
    for headers in ({}, {"x-csrftoken": CSRF_TOKEN}, {"authorization": "Bearer "}, {"authorization": "Basic YTpi"}):
        for method in sorted(ROUTES[name][1] - {"OPTIONS"}):
            answer = browser.generic(method, url(name), "{}", "application/json", headers=headers)
            # 503: without OpenAI's SDK the routes of files are not there.
            assert answer.status_code in (401, 403, 404, 503), (method, answer.status_code)
            assert not answer.cookies
            assert answer.headers.get("Vary") is None
    assert state() == before
    assert openai.requests == []


@pytest.mark.parametrize("name", ROUTES)
def test_cors_stays_closed(browser, name):
    headers = {
        "origin": FOREIGN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, authorization, x-csrftoken",
        "access-control-request-private-network": "true",
    }
    for method in routes.METHODS:
        answer = browser.generic(method, url(name), "{}", "application/json", headers=headers)
        known = {key.lower(): value for key, value in answer.headers.items()}
        allowed = {key: value for key, value in known.items() if key.startswith("access-control-")}
        if name in FILES:
            assert allowed.pop("access-control-allow-origin") == "*"  # with which browsers send no cookies
            assert "access-control-allow-credentials" not in allowed
        else:
            assert allowed == {}
        assert FOREIGN not in str(answer.headers)


@pytest.mark.parametrize("name", ROUTES)
def test_methods_that_are_not_offered_are_a_405_whoever_asks(browser, openai, name):
    before, offered = state(), ROUTES[name][1]
    for method in set(routes.METHODS) - offered:
        for client in (browser, Client()):
            answers = [
                client.generic(method, url(name), "{}", "application/json"),
                client.generic(method, url(name), headers={"x-http-method-override": "POST"}),
                client.generic(method, url(name) + "?_method=POST", "_method=POST", FORMS[2]),
            ]
            for answer in answers:
                assert answer.status_code == 405, method
                assert set(answer["Allow"].split(", ")) == offered
                assert answer["Content-Type"] == "application/json"
                assert method == "HEAD" or answer.json()["code"] == "method_not_allowed"
    assert state() == before
    assert openai.requests == []


def test_the_right_token_from_a_page_of_ours_is_taken(browser):
    """So what was refused above was refused for what was wrong with it."""
    answer = browser.post(SESSIONS, {}, "application/json", headers={"x-csrftoken": CSRF_TOKEN, **OURS})
    assert answer.status_code in (200, 201)
