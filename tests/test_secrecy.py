"""The canary test: a known key and known secrets go through everything, and are seen nowhere but where they belong."""

from __future__ import annotations

import io
import json
import logging
import pickle
import re
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.template import engines
from django.views.debug import ExceptionReporter

from django_chatkit import reuse, sessions
from django_chatkit.client import answers
from django_chatkit.conf import conf
from django_chatkit.exceptions import ChatKitError
from django_chatkit.models import ChatSession
from django_chatkit.sessions import ending
from django_chatkit.sessions.backends import client_for
from django_chatkit.signals import session_cancelled, session_created, session_failed

from .behaviours import answer, cut, drip, error, hang_up, normal, raw, silent
from .callers import SESSIONS, Browser, a_user, a_workflow, chatkit
from .canaries import answered, forms, in_frames, places, watching
from .records import a_request, heard

KEY = "sk-tests-canary-key-6fa2c1e9d04b7358Zq9X"
SECOND_KEY = "sk-tests-second-canary-key-90ab12cd34ef56Wv7K"
SECRET = "ek_canary_of_a_broken_answer_71c0ffee71c0ffee"
COOKIE = reuse.COOKIE_PREFIX

pytestmark = pytest.mark.django_db


@pytest.fixture
def watch(openai, settings):
    """Listens to every logger, SQL included, and looks everywhere when the test is over."""
    chatkit(settings, API_KEY=KEY, API_KEYS={"second": SECOND_KEY}, MAX_RETRIES=0)
    with watching(openai, KEY, SECOND_KEY, SECRET) as watch:
        yield watch


# The canaries are seen where they are


@pytest.mark.parametrize("before", ["", "a", "ab", '["'])
def test_the_search_finds_what_is_hidden_in_a_cookie(before):
    from django.core import signing

    cookie = signing.dumps([before + SECRET, 1])
    assert places(f"value = {cookie!r}", [SECRET])
    assert not places("value = Secret('********')", [SECRET])


def test_the_search_finds_every_form():
    assert len(forms(SECRET)) == 5
    assert all(places(f"x{form}y", [SECRET]) for form in forms(SECRET))


def test_the_search_finds_what_is_said_and_what_is_in_frames(watch):
    def leak(secret):
        raise RuntimeError

    logging.getLogger("django_chatkit").debug("%s", SECRET)
    logging.getLogger("anything.else").debug("", extra={"field": {"deep": [SECRET]}})
    assert len(places(watch._diary.text, [SECRET])) == 1
    assert watch._diary.text.count(SECRET) >= 3
    watch._diary.entries.clear()
    namespace = {}
    exec(compile("def leak(secret):\n    1 / 0", "project.py", "exec"), namespace)
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["leak"]([{"key": SECRET}])
    assert places(in_frames(caught.value), [SECRET])


# The life of a session


def issued(browser, openai, **fields):
    """The secret of an answer, which is in its body and, inside of a signed cookie, nowhere else."""
    response = browser.issue(**fields)
    assert response.status_code in (200, 201)
    (secret,) = set(re.findall("ek_[0-9a-f]{64}", response.text))
    assert secret in openai.secrets
    assert response.text.count(secret) == 1
    headers = [f"{name}: {value}" for name, value in response.items()]
    headers += [str(morsel) for name, morsel in response.cookies.items() if not name.startswith(COOKIE)]
    assert places("\n".join(headers), [KEY, *openai.secrets]) == []
    return secret, response


@pytest.mark.django_db(transaction=True)
def test_the_life_of_a_session(openai, watch):
    a_workflow()
    browser = Browser(a_user(is_staff=True, is_superuser=True))
    first, response = issued(browser, openai)
    assert COOKIE + "support" in response.cookies
    again, _ = issued(browser, openai)
    second, response = issued(browser, openai, refresh=True)
    assert first == again != second
    session_id = response.json()["id"]
    watch.see(answered(browser.list()), answered(browser.show(session_id)), answered(browser.cancel(session_id)))
    third, _ = issued(browser, openai)
    assert third not in (first, second)
    response = browser.post("/admin/logout/")
    assert openai.cancelled == [session_id, *reversed([key for key in openai.sessions if key != session_id])]
    watch.see(answered(response))


@pytest.mark.django_db(transaction=True)
def test_a_visitors_session(openai, watch):
    a_workflow(allow_anonymous=True, api_key="second")
    browser = Browser()
    _, response = issued(browser, openai)
    session_id = response.json()["id"]
    watch.see(answered(browser.show(session_id)), answered(browser.cancel(session_id)))
    watch.see(answered(Browser().show(session_id)))


@pytest.mark.django_db(transaction=True)
def test_signals(openai, watch):
    with heard(session_created) as created, heard(session_cancelled) as cancelled, heard(session_failed) as failed:
        result = sessions.create_session(a_workflow(), user_identifier="x")
        sessions.cancel_session(result.session)
        openai.script(error(401))
        with pytest.raises(ChatKitError):
            sessions.create_session(result.session.workflow, user_identifier="x")
    for arguments in (*created, *cancelled, *failed):
        watch.see(arguments, *(vars(value) for value in arguments.values() if hasattr(value, "__dict__")))


def test_what_objects_say_of_themselves(openai, watch, settings):
    workflow, request = a_workflow(), a_request(a_user())
    prepared = sessions.prepare_session(workflow, request=request)
    client = client_for(prepared.backend.credentials)
    result = sessions.issue_session(prepared)
    response = HttpResponse()
    sessions.remember_session(request, response, prepared, result)
    request.COOKIES = {name: morsel.value for name, morsel in response.cookies.items()}
    again = sessions.reuse_session(prepared, request)
    assert again.client_secret == result.client_secret == openai.secrets[0]
    remembered = reuse.recall(request, "support", prepared.fingerprint)
    answer_ = client.create_session(user="x", workflow={"id": "wf_1"})
    for thing in (prepared, client, result, again, remembered, answer_, conf.credentials(), conf.credentials("second")):
        watch.see(repr(thing), f"{thing}", repr([thing]), repr({"thing": thing}))
    for thing in (conf.API_KEY, result.client_secret, prepared.backend.credentials, result, answer_, remembered):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(thing)
    watch.see(repr(openai.secrets and vars(result.session)), pickle.dumps(result.session))


# Failures

LEAKY = {"error": {"message": f"Incorrect API key provided: {KEY}", "type": KEY, "param": SECRET, "code": KEY}}
HEADERS = {"x-request-id": KEY, "x-key": KEY, "Location": f"http://127.0.0.1:1/{KEY}", "Set-Cookie": f"k={SECRET}"}

FAILURES = {
    **{str(status): answer(status, LEAKY, HEADERS) for status in (302, 400, 401, 403, 404, 409, 422, 429, 500, 503)},
    "quota": answer(429, {"error": {"message": KEY, "code": "insufficient_quota", "type": SECRET}}, HEADERS),
    "retry later": answer(429, LEAKY, {"retry-after": KEY}),
    "no JSON": answer(200, f"<html>{KEY} {SECRET}".encode(), HEADERS),
    "no object": answer(200, [KEY, SECRET], HEADERS),
    "no end": answer(200, {"client_secret": SECRET, "id": "cksess_1"}, HEADERS),
    "no secret": answer(200, {"expires_at": 4_000_000_000, "user": KEY}, HEADERS),
    "an odd secret": answer(200, {"client_secret": SECRET + "\n", "expires_at": 4_000_000_000}, HEADERS),
    "no HTTP": raw(f"{KEY} {SECRET}\r\n\r\n".encode()),
    "an odd header": raw(f"HTTP/1.1 200 OK\r\n{KEY}\r\n{SECRET}\r\n\r\n".encode()),
    "half a head": raw(f"HTTP/1.1 {KEY} {SECRET}\r\n".encode()),
    "an odd length": raw(f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}\r\n\r\n{SECRET}".encode()),
    "odd chunks": raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n{SECRET}".encode()),
    "cut": cut,
    "hung up": hang_up,
    "silence": silent,
    "slow": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", SECRET.encode() + b" " * 55, 0.05),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failing_to_issue(openai, watch, settings, failure):
    chatkit(settings, DEADLINE=0.4)
    workflow, browser = a_workflow(), Browser(a_user())
    openai.script(FAILURES[failure])
    response = browser.issue()
    assert response.status_code >= 500
    watch.see(answered(response))
    openai.script(FAILURES[failure])
    with heard(session_failed) as failed, pytest.raises(ChatKitError) as caught:
        sessions.create_session(workflow, user_identifier="x")
    watch.see(in_frames(caught.value), in_frames(failed[0]["error"]), pickle.dumps(caught.value))


@pytest.mark.parametrize("failure", ["401", "500", "hung up", "silence", "no JSON"])
def test_failing_to_cancel(openai, watch, settings, monkeypatch, failure):
    chatkit(settings, DEADLINE=0.4)
    monkeypatch.setattr(ending, "BRIEF_DEADLINE", 0.4)
    a_workflow()
    browser = Browser(a_user())
    session_id = issued(browser, openai)[1].json()["id"]
    openai.script(FAILURES[failure])
    response = browser.cancel(session_id)
    assert response.status_code >= 500
    watch.see(answered(response))
    openai.script(FAILURES[failure])
    with pytest.raises(ChatKitError) as caught:
        sessions.cancel_session(ChatSession.objects.get())
    watch.see(in_frames(caught.value), pickle.dumps(caught.value))
    openai.script(FAILURES[failure])
    browser.logout()


@contextmanager
def failing_save():
    def fail(**_kwargs):
        raise RuntimeError("The disk is full.")

    post_save.connect(fail, sender=ChatSession, weak=False)
    try:
        yield
    finally:
        post_save.disconnect(fail, sender=ChatSession)


@pytest.mark.parametrize("undone", [normal, answer(401, LEAKY, HEADERS), hang_up])
def test_failing_to_save(openai, watch, undone):
    workflow, browser = a_workflow(), Browser(a_user())
    with failing_save():
        openai.script(normal, undone)
        response = browser.issue()
        assert response.json()["code"] == "not_saved"
        openai.script(normal, undone)
        with pytest.raises(ChatKitError) as caught:
            sessions.create_session(workflow, user_identifier="x")
    watch.see(answered(response), in_frames(caught.value), pickle.dumps(caught.value.with_traceback(None)))


@pytest.mark.parametrize("wrong", [{"API_KEY": KEY + "\n"}, {"API_KEY": KEY + " ä"}])
def test_a_key_that_cannot_be_sent(openai, watch, settings, wrong):
    chatkit(settings, **wrong)
    workflow, browser = a_workflow(), Browser(a_user())
    response = browser.issue()
    assert response.json()["code"] == "misconfigured"
    watch.see(answered(response))
    with pytest.raises(Exception, match="no HTTP header may hold") as caught:
        sessions.create_session(workflow, user_identifier="x")
    watch.see(in_frames(caught.value))


def test_a_key_instead_of_its_name(openai, watch):
    """Somebody writes the key itself where its name belongs; the database has it then, but nothing says it."""
    workflow = a_workflow()
    workflow.api_key = KEY
    with pytest.raises(Exception, match="API_KEYS") as caught:
        sessions.create_session(workflow, user_identifier="x")
    watch.see(str(caught.value))


# Pages


def test_admin_pages(openai, watch):
    workflow = a_workflow()
    browser = Browser(a_user(is_staff=True, is_superuser=True))
    issued(browser, openai)
    record = ChatSession.objects.get()
    for path in (
        "",
        "django_chatkit/",
        "django_chatkit/chatsession/",
        f"django_chatkit/chatsession/{record.pk}/change/",
        f"django_chatkit/chatsession/{record.pk}/history/",
        f"django_chatkit/chatsession/?q={record.session_id}",
        "django_chatkit/workflow/",
        "django_chatkit/workflow/add/",
        f"django_chatkit/workflow/{workflow.pk}/change/",
        f"django_chatkit/workflow/{workflow.pk}/delete/",
        "django_chatkit/chatkitconfiguration/",
    ):
        response = browser.get(f"/admin/{path}")
        assert response.status_code == 200, path
        watch.see(answered(response))


def test_pages_with_the_tag(openai, watch):
    a_workflow()
    browser = Browser(a_user())
    issued(browser, openai)
    request = a_request(browser.session and ChatSession.objects.get().user)
    request.COOKIES = {name: morsel.value for name, morsel in browser.cookies.items()}
    page = engines["django"].from_string('{% load django_chatkit %}{% chatkit "support" %}').render({}, request)
    assert "<django-chatkit" in page
    watch.see(page)


@pytest.mark.parametrize("failure", [None, "401", "hung up", "no end"])
def test_commands(openai, watch, failure):
    workflow = a_workflow()
    for name, arguments in (
        ("check_chatkit", []),
        ("cancel_chatkit_sessions", ["--all"]),
        ("expire_chatkit_sessions", ["--delete-older-than=30"]),
        ("check", ["--deploy", "--database=default"]),
    ):
        sessions.create_session(workflow, user_identifier="x")
        if failure and name != "check":
            openai.script(FAILURES[failure])
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(name, *arguments, stdout=out, stderr=err)
        except CommandError as caught:
            watch.see(in_frames(caught))
        watch.see(out.getvalue(), err.getvalue())
        openai._script.clear()


# Django's error pages, and error trackers


class UnexpectedError(Exception):
    pass


def crash(*_args, **_kwargs):
    raise UnexpectedError("Something nobody expected.")


def crash_when_answering(monkeypatch):
    """As a middleware does that fails after the view."""
    monkeypatch.setattr("django.middleware.common.CommonMiddleware.process_response", crash)


def crash_in(path):
    return lambda monkeypatch: monkeypatch.setattr(path, crash)


PROJECT = """
def send(self, request, **kwargs):
    sent = [str(value) for value in request.headers.values()]
    try:
        sent["Authorization"]
    except TypeError:
        raise UnexpectedError("Something nobody expected.")
"""


def crash_while_handling_another(monkeypatch):
    """In the code of a project, say, that patches requests. Its variables hold the key in the clear."""
    namespace = {"UnexpectedError": UnexpectedError}
    exec(compile(PROJECT, "project.py", "exec"), namespace)
    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", namespace["send"])


CRASHES = {
    "another crash": crash_while_handling_another,
    "a middleware": crash_when_answering,
    "the serializer": crash_in("django_chatkit.serializers.IssuedSessionSerializer.get_expires_at"),
    "the cookie": crash_in("django.http.HttpResponse.set_cookie"),
    "the JSON": crash_in("rest_framework.renderers.JSONRenderer.render"),
    "the record": crash_in("django_chatkit.sessions.issuing._record"),
    "the announcement": crash_in("django_chatkit.sessions.issuing.announce"),
    "the transport": crash_in("requests.adapters.HTTPAdapter.send"),
    "the socket": crash_in("django_chatkit.client.transport._HTTPConnection.send"),
    "the connection pool": crash_in("urllib3.connectionpool.HTTPConnectionPool._make_request"),
    "reading the answer": crash_in("django_chatkit.client.answers._content"),
    "parsing the answer": crash_in("django_chatkit.client.issued"),
    "the memory": lambda monkeypatch: monkeypatch.setattr(answers, "_timestamp", out_of_memory),
}


def out_of_memory(*_args):
    raise MemoryError


class Reports(logging.Handler):
    """What Django mails to administrators."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.texts = []

    def emit(self, record):
        exc_info = record.exc_info or (None, record.getMessage(), None)
        reporter = ExceptionReporter(record.request, *exc_info, is_email=True)
        self.texts += [reporter.get_traceback_html(), reporter.get_traceback_text()]


@pytest.fixture
def reports():
    handler = Reports()
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield handler.texts
    logger.removeHandler(handler)


def crashed(browser):
    """The answer to a request that makes the site crash, and what an error tracker gets of it."""
    browser.raise_request_exception = False
    response = browser.issue()
    assert response.status_code >= 500
    tracked = response.exc_info[1] if getattr(response, "exc_info", None) else None
    return response, tracked


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("place", CRASHES)
def test_error_pages(openai, watch, settings, monkeypatch, reports, place, debug):
    a_workflow()
    settings.DEBUG = debug
    browser = Browser(a_user())
    with monkeypatch.context() as patched:
        CRASHES[place](patched)
        response, tracked = crashed(browser)
    watch.see(answered(response))
    watch.see(*reports)
    if tracked is not None:
        watch.see(in_frames(tracked))
    assert tracked is not None or place == "the record"
    assert "UnexpectedError" in reports[1] or place in ("the record", "the memory")


@pytest.mark.parametrize("debug", [True, False])
def test_error_pages_of_a_browser_that_has_a_cookie(openai, watch, settings, monkeypatch, reports, debug):
    a_workflow()
    settings.DEBUG = debug
    browser = Browser(a_user())
    issued(browser, openai)
    with monkeypatch.context() as patched:
        patched.setattr("django.db.models.query.QuerySet.first", crash)
        response, tracked = crashed(browser)
    watch.see(answered(response), in_frames(tracked))
    watch.see(*reports)


@pytest.mark.parametrize("setting", ["STATE_VARIABLES", "USER_IDENTIFIER"])
@pytest.mark.parametrize("debug", [True, False])
def test_error_pages_when_a_hook_crashes(openai, watch, settings, reports, setting, debug):
    chatkit(settings, **{setting: crash})
    settings.DEBUG = debug
    a_workflow()
    response, tracked = crashed(Browser(a_user()))
    watch.see(answered(response), in_frames(tracked))
    watch.see(*reports)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signal", [session_created, session_failed, session_cancelled])
def test_a_receiver_that_crashes(openai, watch, signal):
    """Django logs it with its traceback."""
    a_workflow()
    signal.connect(crash)
    try:
        browser = Browser(a_user())
        session_id = issued(browser, openai)[1].json()["id"]
        watch.see(answered(browser.cancel(session_id)))
        openai.script(FAILURES["401"])
        watch.see(answered(browser.issue(refresh=True)))
    finally:
        signal.disconnect(crash)
    assert "Something nobody expected" in watch._diary.text


class TimeIsUp(BaseException):
    """How task queues and servers end what takes too long."""


@pytest.mark.parametrize("place", ["the transport", "the socket", "reading the answer"])
def test_somebody_ends_the_call(openai, watch, monkeypatch, place):
    def end(*_args, **_kwargs):
        raise TimeIsUp

    workflow = a_workflow()
    monkeypatch.setattr(f"{__name__}.crash", end)
    CRASHES[place](monkeypatch)
    with pytest.raises(TimeIsUp) as caught:
        sessions.create_session(workflow, user_identifier="x")
    watch.see(in_frames(caught.value))


def test_the_browser_gets_what_it_came_for(openai, watch):
    """The test of the test: the same search finds the secret where it must be."""
    a_workflow()
    response = Browser(a_user()).issue()
    (secret,) = openai.secrets
    assert json.loads(response.text)["client_secret"] == secret
    assert places(answered(response), [secret])
    assert places(str(response.cookies), [secret])
    assert response.wsgi_request.path == SESSIONS
