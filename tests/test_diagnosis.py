from __future__ import annotations

import pytest

from django_chatkit import exceptions
from django_chatkit.diagnosis import explain
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
def test_explain(error, ours, words):
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
