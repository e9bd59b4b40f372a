from __future__ import annotations

import datetime
import json

import pytest
from django.utils import timezone

from django_chatkit import exceptions
from django_chatkit.diagnosis import explain, explain_unprepared, failure
from django_chatkit.exceptions import (
    ChatKitConfigurationRejected,
    ChatKitError,
    ChatKitNotConfigured,
    ChatKitRateLimited,
    ChatKitResponseError,
    ChatKitServerError,
    ChatKitTimeout,
    SessionNotSaved,
)

KINDS = [
    (ChatKitNotConfigured("Set the key."), True, "Set the key."),
    (SessionNotSaved("It is full."), True, "the database did not take its record. It is full."),
    (ChatKitConfigurationRejected("OpenAI answered 418.", status_code=418), True, "OpenAI refuses the request. "),
    (ChatKitConfigurationRejected("OpenAI answered 404.", status_code=404), True, "another organization or project"),
    (ChatKitRateLimited("OpenAI answered 429.", status_code=429), False, "slow down"),
    (ChatKitServerError("OpenAI answered 503.", status_code=503), False, "OpenAI answered 503. This is OpenAI's fault"),
    (ChatKitTimeout("Late."), False, "did not answer in time"),
    (exceptions.ChatKitConnectionError("Cut."), False, "Cut. Check the network"),
    (ChatKitResponseError("Not JSON."), False, "Not JSON. Something between"),
    (ChatKitError("New."), False, "New."),
]


@pytest.mark.parametrize(("error", "ours", "words"), KINDS)
def test_explain(monkeypatch, error, ours, words):
    monkeypatch.setattr(timezone, "now", lambda: datetime.datetime(2026, 11, 30, 23, 59, tzinfo=datetime.UTC))
    diagnosis = explain(error)
    assert diagnosis.ours is ours
    assert words in diagnosis.text
    assert "Request id" not in diagnosis.text


def test_every_error_is_explained():
    every = {kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    ours = {kind for kind in every if kind.__module__ == exceptions.__name__}
    assert {type(error) for error, _ours, _words in KINDS} == ours - {exceptions.ChatKitStatusError}


def test_the_request_id_is_passed_on():
    error = ChatKitServerError("OpenAI answered 500.", status_code=500, request_id="req_1")
    assert explain(error).text.endswith(" Request id: req_1.")


def test_braces_in_a_message_mean_nothing():
    assert explain(ChatKitError("{error} {0} {}")).text == "{error} {0} {}"


def test_after_the_end_of_hosted_workflows(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC))
    closed = explain(ChatKitConfigurationRejected("OpenAI answered 404.", status_code=404, request_id="req_1"))
    assert closed.ours
    assert closed.text.startswith("OpenAI closed the workflows that it ran on 30 November 2026")
    assert closed.text.endswith(" Request id: req_1.")
    assert "refuses a value" in explain(ChatKitConfigurationRejected("OpenAI answered 400.", status_code=400)).text


# What the project's own code raises


def raised(function, *args):
    with pytest.raises(Exception) as caught:
        function(*args)
    return caught.value


def test_a_failure_has_a_name_words_and_a_place():
    error = raised(lambda: {}["plan"])
    assert failure(error).startswith("KeyError: 'plan' (tests.test_diagnosis, line ")
    assert failure(error, words=False).startswith("KeyError (tests.test_diagnosis, line ")


def test_the_place_is_the_projects_own():
    """Neither the caller's nor, unless nothing else is known, that of Django's code which it calls."""
    assert "(json.decoder, line " in failure(raised(json.loads, "{"))
    assert failure(ValueError("Never raised.")) == "ValueError: Never raised."


def test_what_is_behind_a_setting_that_cannot_be_used():
    error = ChatKitNotConfigured("It cannot be imported.")
    error.__cause__ = ImportError("No module named 'shop.agents'")
    assert failure(error) == "ImportError: No module named 'shop.agents'"
    assert failure(ChatKitNotConfigured("It has no agent.")) == "ChatKitNotConfigured: It has no agent."


def test_long_words_are_cut_and_lines_joined():
    assert failure(ValueError("a\n  b")) == "ValueError: a b"
    assert len(failure(ValueError("x" * 9999))) < 600
    assert failure(ValueError()) == "ValueError"


def test_no_key_is_in_the_words(settings, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-default", "API_KEYS": {"a": "sk-a", "b": {"api_key": "sk-b"}, "c": None}}
    said = failure(ValueError("sk-environment, sk-default, sk-a and sk-b"))
    assert said == "ValueError: ********, ********, ******** and ********"


@pytest.mark.parametrize(
    ("user", "request_", "words"),
    [
        (True, True, "A function that this site's settings name failed"),
        (True, False, "without a request. Does the function"),
        (False, False, "without a user and a request. Does the function"),
    ],
)
def test_a_session_that_cannot_be_prepared(user, request_, words):
    diagnosis = explain_unprepared(KeyError("plan"), user=user, request=request_)
    assert diagnosis.ours
    assert words in diagnosis.text
    assert diagnosis.text.endswith(" KeyError: 'plan'")
    assert "plan" not in explain_unprepared(KeyError("plan"), user=user, request=request_, words=False).text


def test_a_session_that_cannot_be_prepared_for_a_known_reason():
    assert explain_unprepared(ChatKitNotConfigured("Set the key."), user=True, request=True).text == "Set the key."
