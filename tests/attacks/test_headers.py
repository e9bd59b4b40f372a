"""What is in the headers of every answer, what gets into them, and what a request's own are believed."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from django_chatkit.models import ChatSession, Workflow
from django_chatkit.throttling import SessionThrottle

from ..behaviours import answer as answering
from ..behaviours import error, silent
from ..callers import SESSIONS, Browser, a_user, a_workflow, chatkit
from . import routes
from .test_csrf import ROUTES

pytestmark = [pytest.mark.django_db, pytest.mark.services]

CRLF = "\r\nX-Injected: yes\r\nSet-Cookie: sessionid=stolen"


def checked(answer):
    """An answer of this API, good or bad."""
    assert "no-store" in answer["Cache-Control"], answer.headers
    assert answer["X-Content-Type-Options"] == "nosniff"
    if answer.content:
        assert answer["Content-Type"] == "application/json"
    if "sessionid" in answer.cookies or any(name.startswith("chatkit_secret") for name in answer.cookies):
        assert "Cookie" in answer["Vary"]
    for name, value in answer.items():
        assert re.fullmatch(r"[\x20-\x7e]*", value), (name, value)
        assert "Injected" not in name
    return answer


@pytest.fixture
def workflow(openai):
    return a_workflow(allow_anonymous=True)


# Every answer


@pytest.mark.parametrize("name", ROUTES)
def test_every_answer_of_every_route(workflow, name):
    url = reverse(f"django_chatkit:{name}", args=ROUTES[name][0])
    for client in (Client(), Browser(), Browser(a_user())):
        for method in routes.METHODS:
            for body, media_type in (("{}", "application/json"), ("{", "application/json"), ("<p>", "text/html")):
                for accept in ("text/html", "application/json", "image/png", "*/*;q=0"):
                    checked(client.generic(method, url, body, media_type, headers={"accept": accept}))


FAILURES = {
    "misconfigured": error(401, "invalid_api_key"),
    "upstream_rate_limited": error(429, "rate_limit_exceeded"),
    "upstream_error": error(500),
    "HTML": answering(200, b"<html><script>alert(1)</script>"),
    "upstream_timeout": silent,
}


@pytest.mark.parametrize("what", FAILURES)
def test_every_failure(workflow, openai, settings, what):
    chatkit(settings, TIMEOUT=(1, 0.3), MAX_RETRIES=0)
    openai.script(FAILURES[what])
    answer = checked(Browser().issue())
    assert answer.status_code >= 500
    assert set(answer.json()) == {"detail", "code"}


def test_every_refusal(workflow, settings, monkeypatch):
    cache.clear()
    monkeypatch.setattr(SessionThrottle, "timer", staticmethod(lambda: 1_800_000_000.0))  # a day that does not end
    chatkit(settings, THROTTLE_RATE="1/day")
    ada = Browser(a_user())
    answers = [
        ada.issue(),
        ada.issue(),
        ada.issue(refresh=True),
        ada.issue(workflow="none"),
        ada.issue(workflow="<script>"),
        ada.issue(unknown=1),
        ada.issue(state_variables={"<script>": 1}),
        ada.issue("x" * 70_000),
        ada.show("none"),
        ada.list("?cursor=<script>"),
        ada.post(SESSIONS, "<a>", "text/xml"),
    ]
    cache.clear()
    codes = [checked(answer).status_code for answer in answers]
    assert codes == [201, 200, 429, 404, 404, 400, 400, 413, 404, 404, 415]
    assert not any("<script>" in answer.text and "html" in answer["Content-Type"] for answer in answers)


# Caches


def test_no_cache_of_the_site_keeps_anything(workflow, settings):
    """A project that caches all of its pages, by address: nobody is given what another has asked for."""
    cache.clear()
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    ada, bob = Browser(a_user("ada")), Browser(a_user("bob"))
    session_id = ada.issue().json()["id"]
    for _ in range(2):
        assert [found["id"] for found in checked(ada.list()).json()["results"]] == [session_id]
        assert checked(ada.show(session_id)).status_code == 200
        assert checked(bob.list()).json()["results"] == []
        assert checked(bob.show(session_id)).status_code == 404
        assert checked(Browser().list()).status_code == 403
    ada.cancel(session_id)
    assert ada.show(session_id).json()["status"] == "cancelled"
    assert ada.issue().json()["client_secret"] != bob.issue().json()["client_secret"]
    assert not [key for key in cache._cache if "cache_page" in key]
    cache.clear()


# What gets into a header


@pytest.mark.parametrize("value", [CRLF, "a\nb", "a\rb", "a\0b", "é", "💬", "\u2028", "%0d%0aX-Injected: yes"])
def test_nothing_of_the_request_gets_into_a_header(workflow, value):
    ada = Browser(a_user())
    for answer in (
        ada.issue(workflow=value),
        ada.issue(workflow="support" + value),
        ada.issue(state_variables={value: value}),
        ada.post(f"{SESSIONS}?x={value}", {"refresh": True}, "application/json"),
        ada.show("cksess_1%0d%0aX-Injected:%20yes"),
        ada.list("?cursor=%0d%0aX-Injected:%20yes"),
    ):
        checked(answer)
        assert "stolen" not in str(answer.cookies)


@pytest.mark.parametrize("value", [CRLF, "a\nb", "é", "\u2028", "a" * 5000])
def test_nor_does_an_identifier_of_the_site(workflow, openai, settings, value):
    """It is refused as unusable, or goes into the body; the answer has its HMAC only."""
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: value)
    answer = checked(Browser(a_user()).issue())
    assert answer.status_code in (201, 503)
    assert re.fullmatch("[0-9a-f]{32}", answer.get("X-ChatKit-User", "0" * 32))
    assert all(value not in str(request.headers) for request in openai.requests)


@pytest.mark.parametrize("key", ["API_KEY", "ORGANIZATION", "PROJECT"])
@pytest.mark.parametrize("value", ["org" + CRLF, "org\nx", "org\0", "örg"])
def test_nor_do_settings_that_are_sent_as_headers(workflow, openai, settings, key, value):
    chatkit(settings, **{key: value})
    answer = checked(Browser(a_user()).issue())
    assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
    assert openai.requests == []


@pytest.mark.parametrize(
    "retry_after", ["1", "1.5", "-1", "nan", "inf", "1e400", "9" * 400, "Wed, 21 Oct 2099 07:28:00 GMT", "soon", "<b>"]
)
def test_how_long_to_wait_is_a_number_or_not_there(workflow, openai, settings, retry_after):
    chatkit(settings, MAX_RETRIES=0)
    openai.script(error(429, "rate_limit_exceeded", headers={"Retry-After": retry_after}))
    answer = checked(Browser(a_user()).issue())
    assert answer.status_code == 503
    assert re.fullmatch(r"\d{1,10}", answer.get("Retry-After", "1"))


@pytest.mark.parametrize("request_id", ["a" * 5000, "<script>", "%0d%0a", "req_1\tx", "é"])
def test_openais_request_id_gets_into_no_answer(workflow, openai, request_id):
    openai.script(error(400, "bad", headers={"x-request-id": request_id}))
    answer = checked(Browser(a_user()).issue())
    assert request_id not in answer.text + str(answer.headers)


@pytest.mark.parametrize("slug", ["a b", "a;b", "a=b", "a\r\nb", "a/b", "é", "a,b", '"', "a%0d%0ab"])
def test_a_slug_that_no_form_would_take(openai, slug):
    """Only the site's own code can write one: it becomes no header, and breaks nobody else's."""
    a_workflow(slug, workflow_id="wf_1", allow_anonymous=True)
    a_workflow(allow_anonymous=True)
    ada = Browser(a_user())
    ada.raise_request_exception = False
    answer = ada.issue(workflow=slug)
    assert not any(name.lower() == "x-injected" for name in answer.headers)
    assert checked(ada.issue(workflow="support")).status_code == 201


# What is believed of a request's own

HOSTS = [
    "evil.example",
    "testserver.evil.example",
    "testserver@evil.example",
    "evil.example:80",
    "testserver\tx",
    "",
    "[::1",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_host_is_refused(workflow, openai, host):
    ada = Browser(a_user())
    before = ChatSession.objects.count()
    for answer in (ada.issue(headers={"host": host}), ada.get(SESSIONS, headers={"host": host})):
        assert answer.status_code == 400
        assert "evil" not in answer.text + str(answer.headers)
    assert ChatSession.objects.count() == before
    assert openai.requests == []


@pytest.mark.parametrize("host", HOSTS)
def test_also_without_djangos_common_middleware(workflow, openai, settings, host):
    """Nothing absolute is built from a host that nobody has checked."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "CommonMiddleware" not in name]
    ada = Browser(a_user())
    for _ in range(21):
        ada.issue(refresh=True)
    for answer in (ada.issue(headers={"host": host}), ada.get(SESSIONS, headers={"host": host})):
        assert answer.status_code in (200, 201, 400)
        assert "evil" not in answer.text + str(answer.headers) + str(answer.cookies)


FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=https",
    "X-Host": "evil.example",
    "X-Original-URL": "/admin/",
    "X-Rewrite-URL": "/admin/",
    "X-Script-Name": "/evil",
    "Script-Name": "/evil",
}


def test_forwarded_headers_change_nothing_unless_the_project_says_so(workflow):
    ada = Browser(a_user())
    for _ in range(21):
        ada.issue(refresh=True)
    plain, forged = ada.list(), ada.get(SESSIONS, headers=FORWARDED)
    assert plain.json()["next"].startswith("http://testserver/chatkit/sessions/?cursor=")
    assert forged.content == plain.content
    assert forged.headers == plain.headers
    issued = ada.issue(headers=FORWARDED)
    assert issued.status_code == 200
    assert "evil" not in issued.text + str(issued.headers) + str(issued.cookies)


def test_where_the_chat_is_has_no_host(openai, settings, monkeypatch):
    monkeypatch.setattr("django_chatkit.sessions.backends.require_server", lambda: None)
    chatkit(settings, AGENTS={"echo": "tests.server.echo.respond"})
    a_workflow(backend=Workflow.Backend.SELF_HOSTED, agent="echo", workflow_id="")
    settings.USE_X_FORWARDED_HOST = True
    settings.ALLOWED_HOSTS = ["*"]
    answer = checked(Browser(a_user()).issue(headers={"X-Forwarded-Host": "evil.example"}))
    assert answer["X-ChatKit-URL"] == "/chatkit/chat/support/"
