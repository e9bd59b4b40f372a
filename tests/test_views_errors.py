"""What is answered when the settings are wrong, a record cannot be saved or a session not cancelled.

What OpenAI may do while a session is issued is in ``faults``.
"""

from __future__ import annotations

import time

import pytest

from .behaviours import answer, reset, silent
from .callers import Browser, a_user, a_workflow, chatkit
from .faults.upstream import BUSY, MISCONFIGURED, NOT_SAVED, TIMEOUT, UPSTREAM, leaks, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(openai, settings):
    a_workflow()
    chatkit(settings, MAX_RETRIES=0)
    return Browser(a_user())


def failed_as(answer, row):
    status, code, detail = row
    return (answer.status_code, answer.json()) == (status, {"detail": detail, "code": code})


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
    openai.script(answer(200, {"id": taken, "client_secret": "ek_2", "expires_at": int(time.time()) + 600}))
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
    chatkit(settings, TIMEOUT=0.2, DEADLINE=0.3)
    openai.script(silent)
    assert failed_as(ada.cancel(session_id), TIMEOUT)
    assert ada.show(session_id).json()["status"] == "active"


def test_what_the_caller_did_wrong_is_not_logged(ada, openai, records):
    for answered in (ada.issue([]), ada.issue(workflow="nope"), ada.show("nope"), Browser(token=None).issue()):
        assert 400 <= answered.status_code < 500
    assert not records()
