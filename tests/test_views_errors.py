"""Every row of the error table, over HTTP."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate

import pytest

from django_chatkit.models import ChatSession

from .behaviours import after, answer, cut, drip, endless, error, hang_up, head, raw, reset, silent
from .callers import Browser, a_user, a_workflow, chatkit

pytestmark = pytest.mark.django_db

UPSTREAM_TEXT = "Incorrect API key provided: sk-tests-***-key"
REQUEST_ID = "req_from_the_server"

MISCONFIGURED = (503, "misconfigured", "The chat is not set up correctly.")
BUSY = (503, "upstream_rate_limited", "The chat is busy. Try again later.")
UPSTREAM = (502, "upstream_error", "The chat service cannot be reached. Try again later.")
TIMEOUT = (504, "upstream_timeout", "The chat service did not answer in time. Try again.")
NOT_SAVED = (503, "not_saved", "The chat session could not be saved. Try again.")


def says(status, code=None, **headers):
    """OpenAI's answer with a status, and with text that must not get further than the server."""
    content = {"error": {"message": UPSTREAM_TEXT, "type": "invalid_request_error", "code": code}}
    return answer(status, content, {"x-request-id": REQUEST_ID, **headers})


def late():
    return int(time.time()) + 600


STATUS_ROWS = [
    *[(f"{status}", says(status), MISCONFIGURED) for status in (301, 302, 307, 308, 400, 401, 403, 404, 409, 422)],
    ("302 with Location", says(302, Location="http://127.0.0.1:1/"), MISCONFIGURED),
    ("429 insufficient_quota", says(429, "insufficient_quota"), MISCONFIGURED),
    ("429", says(429, "rate_limit_exceeded"), BUSY),
    *[(f"{status}", says(status), UPSTREAM) for status in (500, 502, 503, 529)],
    ("not JSON", answer(200, b"<html>" + UPSTREAM_TEXT.encode(), {"x-request-id": REQUEST_ID}), UPSTREAM),
    ("a list", answer(200, [UPSTREAM_TEXT], {"x-request-id": REQUEST_ID}), UPSTREAM),
    ("no secret", answer(200, {"expires_at": late(), "id": "cksess_1"}, {"x-request-id": REQUEST_ID}), UPSTREAM),
    ("no expires_at", answer(200, {"client_secret": "ek_leak"}, {"x-request-id": REQUEST_ID}), UPSTREAM),
]
LINE_ROWS = [
    ("too much", endless(head(200, {"Content-Type": "application/json"}), b" " * 2**20), UPSTREAM),
    ("cut", cut, UPSTREAM),
    ("reset", reset, UPSTREAM),
    ("hung up", hang_up, UPSTREAM),
    ("not HTTP", raw(b"SMTP 220 welcome\r\n\r\n"), UPSTREAM),
]
SLOW_ROWS = [
    ("silence", silent),
    ("too late", after(0.4)),
    ("a byte now and then", drip(head(200, {"Content-Length": "99"}), b" " * 98, 0.05)),
]
IMPATIENT = {"TIMEOUT": 0.2, "DEADLINE": 0.3}


@pytest.fixture
def ada(openai, settings):
    a_workflow()
    chatkit(settings, MAX_RETRIES=0)
    return Browser(a_user())


@pytest.fixture
def records(caplog):
    """The log records of ``django_chatkit``, whatever their level."""
    caplog.set_level(0, "django_chatkit")
    return lambda: [record for record in caplog.records if record.name == "django_chatkit"]


def failed_as(answer, row):
    status, code, detail = row
    return (answer.status_code, answer.json()) == (status, {"detail": detail, "code": code})


def leaks(text):
    return [word for word in ("sk-tests", "ek_", UPSTREAM_TEXT, "Incorrect") if word in text]


@pytest.mark.parametrize(("behaviour", "row"), [row[1:] for row in STATUS_ROWS], ids=[row[0] for row in STATUS_ROWS])
def test_what_openai_answers_instead_of_a_session(ada, openai, records, behaviour, row):
    openai.script(behaviour)
    response = ada.issue()
    assert failed_as(response, row)
    assert not leaks(response.content.decode() + str(response.headers))
    assert response.headers["Cache-Control"] == "no-store"
    assert not ChatSession.objects.exists()
    (record,) = records()
    assert (record.status, record.code, record.request_id) == (*row[:2], REQUEST_ID)
    assert REQUEST_ID in record.getMessage()
    assert not leaks(str(vars(record)) + record.getMessage())


@pytest.mark.parametrize(("behaviour", "row"), [row[1:] for row in LINE_ROWS], ids=[row[0] for row in LINE_ROWS])
def test_what_may_happen_on_the_line(ada, openai, records, behaviour, row):
    openai.script(behaviour)
    response = ada.issue()
    assert failed_as(response, row)
    assert not ChatSession.objects.exists()
    (record,) = records()
    assert (record.status, record.code, record.request_id) == (*row[:2], None)
    assert not leaks(str(vars(record)) + record.getMessage())


@pytest.mark.parametrize("behaviour", [row[1] for row in SLOW_ROWS], ids=[row[0] for row in SLOW_ROWS])
def test_what_takes_too_long(ada, openai, settings, records, behaviour):
    chatkit(settings, **IMPATIENT)
    openai.script(behaviour)
    assert failed_as(ada.issue(), TIMEOUT)
    assert not ChatSession.objects.exists()
    (record,) = records()
    assert (record.status, record.code, record.request_id) == (*TIMEOUT[:2], None)


def test_a_refused_connection(ada, settings, records):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    chatkit(settings, BASE_URL=f"http://127.0.0.1:{port}/v1")
    assert failed_as(ada.issue(), UPSTREAM)
    assert len(records()) == 1


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [("7", "7"), ("0.2", "1"), ("6.1", "7"), (None, None), ("soon", None), ("999999999", "999999999")],
)
def test_how_long_openai_asks_to_wait_is_passed_on_in_whole_seconds(ada, openai, given, passed_on):
    openai.script(error(429, "rate_limit_exceeded", {"Retry-After": given} if given else None))
    response = ada.issue()
    assert failed_as(response, BUSY)
    assert response.headers.get("Retry-After") == passed_on


def test_a_date_to_wait_for_is_passed_on_as_seconds(ada, openai):
    openai.script(error(429, None, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}))
    assert 55 <= int(ada.issue().headers["Retry-After"]) <= 61


@pytest.mark.parametrize("status", [401, 429, 503])
def test_nobody_is_told_to_wait_for_an_operator_or_a_failure(ada, openai, status):
    openai.script(error(status, "insufficient_quota", {"Retry-After": "7"}))
    assert "Retry-After" not in ada.issue().headers


def test_a_missing_key(ada, openai, settings, monkeypatch, records):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    chatkit(settings, API_KEY=None)
    assert failed_as(ada.issue(), MISCONFIGURED)
    (record,) = records()
    assert (record.status, record.code, record.request_id) == (503, "misconfigured", None)
    assert "API_KEY" in record.getMessage()
    assert not openai.requests


@pytest.mark.parametrize(
    "mistake",
    [
        {"API_KEY": "sk-tests-with a space"},
        {"STATE_VARIABLES": "nowhere.to.be.found"},
        {"STATE_VARIABLES": lambda *_, **__: {"plan": None}},
        {"USER_IDENTIFIER": lambda *_, **__: ""},
        {"USER_IDENTIFIER": lambda *_, **__: 7},
        {"PERMISSION_CLASSES": ["nowhere.IsOpen"]},
    ],
    ids=lambda mistake: str(mistake).partition(" at 0x")[0],
)
def test_a_mistake_in_the_settings_is_the_operators(ada, openai, settings, records, mistake):
    chatkit(settings, **mistake)
    assert failed_as(ada.issue(), MISCONFIGURED)
    (record,) = records()
    assert record.code == "misconfigured"
    assert not leaks(record.getMessage())
    assert not openai.requests


def test_a_key_that_the_settings_do_not_know(ada, settings):
    a_workflow("sales", api_key="second")
    assert failed_as(ada.issue(workflow="sales"), MISCONFIGURED)


@pytest.mark.django_db(transaction=True)
def test_a_record_that_cannot_be_saved_is_cancelled_upstream(ada, openai, records):
    taken = ada.issue().json()["id"]
    openai.script(answer(200, {"id": taken, "client_secret": "ek_2", "expires_at": late()}))
    response = ada.issue(refresh=True)
    assert failed_as(response, NOT_SAVED)
    assert not leaks(response.content.decode())
    assert openai.cancelled == [taken]
    (record,) = records()
    assert (record.status, record.code) == (503, "not_saved")
    assert record.request_id.startswith("req_")
    assert not leaks(str(vars(record)) + record.getMessage())


@pytest.mark.parametrize(
    ("behaviour", "row"),
    [
        (says(401), MISCONFIGURED),
        (says(404), MISCONFIGURED),
        (says(429, **{"Retry-After": "7"}), BUSY),
        (says(500), UPSTREAM),
        (answer(200, b"OK"), UPSTREAM),
        (reset, UPSTREAM),
    ],
    ids=["401", "404", "429", "500", "not JSON", "reset"],
)
def test_cancelling_fails_as_issuing_does_and_the_session_stays_active(ada, openai, records, behaviour, row):
    session_id = ada.issue().json()["id"]
    openai.script(behaviour)
    response = ada.cancel(session_id)
    assert failed_as(response, row)
    assert response.headers.get("Retry-After") == ("7" if row is BUSY else None)
    assert len(records()) == 1
    assert ada.show(session_id).json()["status"] == "active"
    assert ada.cancel(session_id).json()["status"] == "cancelled"


def test_cancelling_times_out_as_issuing_does(ada, openai, settings):
    session_id = ada.issue().json()["id"]
    chatkit(settings, **IMPATIENT)
    openai.script(silent)
    assert failed_as(ada.cancel(session_id), TIMEOUT)
    assert ada.show(session_id).json()["status"] == "active"


def test_what_the_caller_did_wrong_is_not_logged(ada, openai, records):
    for answered in (ada.issue([]), ada.issue(workflow="nope"), ada.show("nope"), Browser(token=None).issue()):
        assert 400 <= answered.status_code < 500
    assert not records()
