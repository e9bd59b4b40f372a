"""Keys and secrets on the paths where things go wrong on purpose: they are seen nowhere but where they belong."""

from __future__ import annotations

import copy
import io
import json
import logging
import os
import pickle
import secrets
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.log import AdminEmailHandler
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from django_chatkit import reuse, sessions
from django_chatkit.client import ChatKitClient
from django_chatkit.conf import conf
from django_chatkit.exceptions import ChatKitError
from django_chatkit.models import ChatSession, Workflow
from django_chatkit.sessions.backends import client_for
from django_chatkit.throttling import SessionThrottle
from tests.behaviours import Behaviour, acting, answer, cut, drip, endless, error, hang_up, head, raw, reset, silent
from tests.callers import Browser, a_user, a_workflow, chatkit
from tests.canaries import Watch, answered, cached, in_frames, places, shown, watching
from tests.fake_openai import FakeOpenAI
from tests.faults.upstream import TOO_LONG_A_NAME

pytestmark = [pytest.mark.django_db, pytest.mark.services]

KEY = "sk-tests-attacks-canary-key-8c1d7b20f5Xy"
SECRET = "ek_attacks_canary_of_an_answer_5e4d3c2b1a"


@pytest.fixture
def a_long_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not end while a test counts what is issued on it."""
    monkeypatch.setattr(SessionThrottle, "timer", staticmethod(lambda: 1_800_000_000.0))


@pytest.fixture
def watch(openai: FakeOpenAI, settings: Any) -> Iterator[Watch]:
    chatkit(settings, API_KEY=KEY, MAX_RETRIES=1)
    cache.clear()
    with watching(openai, KEY, SECRET) as watch:
        yield watch


# Faults, with retries

ECHO = json.dumps({"client_secret": SECRET, "error": {"message": KEY, "type": KEY, "code": SECRET}}).encode()
HEADERS = {"x-request-id": SECRET, "X-Key": KEY, "Set-Cookie": f"k={KEY}", "Location": f"/{KEY}"}
FAULTS: dict[str, Behaviour] = {
    **{
        str(status): answer(status, ECHO, HEADERS)
        for status in (301, 302, 307, 400, 401, 403, 404, 409, 422, 500, 502, 503)
    },
    "busy": answer(429, ECHO, {**HEADERS, "Retry-After": "0"}),
    "busy for long": answer(429, ECHO, {**HEADERS, "Retry-After": "99"}),
    "HTML": answer(200, f"<html>{KEY}{SECRET}".encode(), HEADERS),
    "wrong types": answer(200, {"client_secret": [SECRET], "expires_at": KEY, "id": {"key": KEY}}, HEADERS),
    "reset": reset,
    "reset afterwards": acting(reset),
    "hung up": hang_up,
    "cut": cut,
    "silence": silent,
    "a byte at a time": drip(head(200, {"Content-Length": "99"}), ECHO, 0.05),
    "without end": endless(head(200, {}), ECHO * 999),
    "no HTTP": raw(ECHO + b"\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_at_every_attempt(openai: FakeOpenAI, watch: Watch, settings: Any, fault: Behaviour) -> None:
    a_workflow()
    browser = Browser(a_user())
    session_id = browser.issue().json()["id"]
    chatkit(settings, DEADLINE=0.5)
    openai.script(fault, fault)
    watch.see(answered(browser.cancel(session_id)))
    openai._script.clear()
    openai.script(fault, fault)
    with pytest.raises(ChatKitError) as caught:
        sessions.create_session(Workflow.objects.get(), user_identifier="x")
    watch.see(in_frames(caught.value), pickle.dumps(caught.value), json.dumps(vars(caught.value), default=repr))
    openai._script.clear()


NOWHERE = ("http://127.0.0.1:1/v1", "https://127.0.0.1:{port}/v1", f"http://{TOO_LONG_A_NAME}/v1")


@pytest.mark.parametrize("base_url", NOWHERE, ids=["refused", "no TLS", "no such name"])
def test_nobody_there(openai: FakeOpenAI, watch: Watch, settings: Any, base_url: str) -> None:
    chatkit(settings, DEADLINE=1, BASE_URL=base_url.format(port=openai.port))
    a_workflow()
    response = Browser(a_user()).issue()
    assert response.status_code in (502, 504)
    watch.see(answered(response))


# Refusals, forgeries and endings


@pytest.mark.usefixtures("a_long_day")
def test_throttled_forged_and_logged_out(openai: FakeOpenAI, watch: Watch, settings: Any) -> None:
    chatkit(settings, THROTTLE_RATE="3/day")
    a_workflow()
    browser = Browser(a_user())
    name = reuse.COOKIE_PREFIX + "support"
    values = [browser.issue(refresh=True).cookies[name].value for _ in range(2)]
    forged = ("x", values[0][:-1], values[1].replace(":", "."), values[0][:20] + values[1][20:])
    browser.cookies[name] = forged[0]
    assert browser.issue().json()["client_secret"] == openai.secrets[2]
    for value in forged:
        browser.cookies[name] = value
        response = browser.issue()
        assert response.status_code == 429
        watch.see(answered(response))
    browser.cookies[name] = values[1]
    browser.post("/admin/logout/")
    other = Browser(a_user("eve"))
    other.cookies[name] = values[1]
    assert other.issue().json()["client_secret"] not in openai.secrets[:-1]
    assert "django_chatkit_throttle" in cached()


@pytest.mark.parametrize("verbosity", [0, 3])
@pytest.mark.parametrize("fault", [None, error(401), hang_up], ids=["none", "401", "hung up"])
def test_commands_that_say_all_they_can(
    openai: FakeOpenAI, watch: Watch, fault: Behaviour | None, verbosity: int
) -> None:
    workflow = a_workflow()
    for name, arguments in (
        ("check_chatkit", ["support"]),
        ("cancel_chatkit_sessions", ["--all"]),
        ("expire_chatkit_sessions", ["--delete-older-than=0"]),
        ("delete_chatkit_user_data", ["x", "--yes"]),
    ):
        sessions.create_session(workflow, user_identifier="x")
        openai.script(*([fault] * 3 if fault else []))
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(name, *arguments, verbosity=verbosity, traceback=True, stdout=out, stderr=err)
        except CommandError as caught:
            if fault is None:
                raise
            watch.see(in_frames(caught))
        watch.see(out.getvalue(), err.getvalue())
        openai._script.clear()
    assert ChatSession.objects.filter(user_identifier="x").exists() is (fault is not None)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_after_the_answer(openai: FakeOpenAI, watch: Watch) -> None:
    workflow = a_workflow()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_chatkit_chatsession RENAME TO gone")
    try:
        with pytest.raises(ChatKitError) as caught:
            sessions.create_session(workflow, user_identifier="x")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO django_chatkit_chatsession")
    assert len(openai.cancelled) == 1
    watch.see(in_frames(caught.value), str(caught.value))


# Django's error pages, for views of the site


def careless(request: HttpRequest) -> HttpResponse:
    issued = sessions.create_session(Workflow.objects.get(), user_identifier="x")
    client, credentials, everything = client_for(conf.credentials()), conf.credentials(), [issued, issued.client_secret]
    held = {"issued": issued, "secret": issued.client_secret, "key": conf.API_KEY, "more": (client, credentials)}
    raise ZeroDivisionError(f"{issued!r} {everything!r} {held!r}")


@sensitive_variables()
@sensitive_post_parameters()
def careful(request: HttpRequest) -> HttpResponse:
    return careless(request)


def caring_for_another(request: HttpRequest) -> HttpResponse:
    try:
        return careless(request)
    except ZeroDivisionError as err:
        raise LookupError from err


urlpatterns = [
    path("chatkit/", include("django_chatkit.urls")),
    path("careless/", careless),
    path("careful/", careful),
    path("another/", caring_for_another),
]


class Mailbox(AdminEmailHandler):
    """Keeps what would be mailed to administrators."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.mails: list[tuple[str, str, str]] = []

    def send_mail(self, subject: str, message: str, *_args: Any, html_message: str = "", **_kwargs: Any) -> None:
        self.mails.append((subject, message, html_message))


@pytest.mark.parametrize("page", ["careless", "careful", "another"])
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
@pytest.mark.parametrize("debug", [True, False])
def test_error_pages_of_a_view_that_holds_a_session(
    openai: FakeOpenAI, watch: Watch, settings: Any, page: str, accept: str, debug: object
) -> None:
    settings.ROOT_URLCONF, settings.DEBUG = __name__, debug
    a_workflow()
    browser = Browser(a_user(), raise_request_exception=False, HTTP_ACCEPT=accept)
    browser.issue()
    mailbox = Mailbox()
    logger = logging.getLogger("django.request")
    logger.addHandler(mailbox)
    try:
        response = browser.get(f"/{page}/")
    finally:
        logger.removeHandler(mailbox)
    assert response.status_code == 500
    assert ("ZeroDivisionError" in response.text) == debug
    ((subject, text, html),) = mailbox.mails
    assert "careless" in text
    assert "careless" in html
    watch.see(answered(response), subject, text, html, in_frames(response.exc_info[1]))


def test_the_cookie_is_off_the_request_whatever_fails(openai: FakeOpenAI, watch: Watch, settings: Any) -> None:
    """Error trackers report the cookies of a request; this one holds a secret."""
    a_workflow()
    browser = Browser(a_user())
    browser.issue()
    for send in (
        browser.issue,
        browser.list,
        lambda: browser.show("x"),
        lambda: browser.issue(b"{"),
        lambda: browser.cancel("x"),
    ):
        response = send()
        assert not [name for name in response.wsgi_request.COOKIES if name.startswith(reuse.COOKIE_PREFIX)]
        watch.see(shown(vars(response.wsgi_request)["_django_chatkit_cookies"]))


# Pickles, copies and JSON


def test_what_can_be_serialised_holds_no_secret_and_the_rest_refuses(openai: FakeOpenAI, watch: Watch) -> None:
    """As task queues, caches and process pools do it."""
    workflow = a_workflow()
    issued = sessions.create_session(workflow, user_identifier="x")
    prepared = sessions.prepare_session(workflow, user_identifier="x")
    client = client_for(conf.credentials())
    for thing in (issued, issued.client_secret, prepared, client, conf.credentials(), conf.API_KEY):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="cannot be pickled"):
                pickle.dumps({"args": [thing]}, protocol)
        with pytest.raises(TypeError, match="cannot be pickled"):
            cache.set("canary", thing)
        watch.see(repr(copy.copy(thing)), repr(copy.deepcopy(thing)), shown({"thing": [thing]}))
    for thing in (issued, prepared, client, conf.credentials()):
        with pytest.raises(TypeError):
            json.dumps(thing, cls=DjangoJSONEncoder)
    watch.see(pickle.dumps(issued.session), pickle.dumps(workflow), json.dumps(prepared.request))
    cache.set("record", issued.session)


@pytest.mark.parametrize(
    "fault", [error(401), answer(429, ECHO, HEADERS), silent, hang_up], ids=["401", "429", "silence", "hung up"]
)
def test_an_error_and_all_it_came_from_can_be_sent_home(
    openai: FakeOpenAI, watch: Watch, settings: Any, fault: Behaviour
) -> None:
    chatkit(settings, DEADLINE=0.4, MAX_RETRIES=0)
    openai.script(fault)
    with pytest.raises(LookupError) as caught:
        try:
            sessions.create_session(a_workflow(), user_identifier="x")
        except ChatKitError as err:
            raise LookupError from err
    cause = caught.value.__cause__
    assert isinstance(cause, ChatKitError)
    again = pickle.loads(pickle.dumps(cause))
    assert (type(again), again.args, vars(again)) == (type(cause), cause.args, vars(cause))
    assert cause.__cause__ is cause.__context__ is None
    watch.see(in_frames(caught.value), pickle.dumps(caught.value), repr(copy.deepcopy(cause)))


def test_a_request_on_its_way_shows_no_key(openai: FakeOpenAI, watch: Watch) -> None:
    import requests

    client = ChatKitClient(KEY)
    prepared = requests.Request("POST", "http://a/", client.headers("POST"), auth=client._authorize).prepare()
    assert prepared.headers["Authorization"] == f"Bearer {KEY}"
    watch.see(shown(vars(prepared)), repr(prepared), repr(prepared.copy().headers), repr(client.headers("POST")))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(prepared)


# What a process says of itself


def test_a_thread_that_dies_with_a_session_in_its_hands(openai: FakeOpenAI, watch: Watch, monkeypatch: Any) -> None:
    issued = sessions.create_session(a_workflow(), user_identifier="x")
    died: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", died.append)

    def work(issued: sessions.IssuedSession) -> None:
        held = {"issued": issued, "secret": [issued.client_secret]}
        raise RuntimeError(f"{issued} {held}")

    thread = threading.Thread(target=work, args=[issued])
    thread.start()
    thread.join()
    watch.see(str(died[0].exc_value), shown({**died[0].exc_traceback.tb_next.tb_frame.f_locals}))
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", said)
        threading.__excepthook__(died[0])
    assert "RuntimeError" in said.getvalue()
    watch.see(said.getvalue())


def test_django_sessions_hold_no_secret(openai: FakeOpenAI, watch: Watch) -> None:
    a_workflow(allow_anonymous=True)
    for browser in (Browser(), Browser(a_user())):
        browser.issue()
    held = [session.get_decoded() for session in Session.objects.all()]
    assert len(held) == 2
    watch.see(*held)


@pytest.mark.usefixtures("a_long_day")
def test_redis_holds_no_secret(openai: FakeOpenAI, watch: Watch, settings: Any) -> None:
    prefix, url = secrets.token_hex(), os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "KEY_PREFIX": prefix}
    }
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    chatkit(settings, THROTTLE_RATE="2/day")
    a_workflow(allow_anonymous=True)
    try:
        for browser in (Browser(), Browser(a_user())):
            for _ in range(3):
                response = browser.issue(refresh=True)
            assert response.status_code == 429
        text = cached()
        assert f"{prefix}:1:django_chatkit_throttle" in text
        assert f"{prefix}:1:django.contrib.sessions.cache" in text
        assert places(text, watch.canaries) == []
    finally:
        from django.core.cache import caches

        redis = caches["default"]._cache.get_client()
        for key in redis.scan_iter(f"{prefix}:*"):
            redis.delete(key)
