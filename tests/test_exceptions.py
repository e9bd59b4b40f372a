from __future__ import annotations

import copy
import inspect
import pickle

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_chatkit import exceptions
from django_chatkit.exceptions import (
    ChatKitConfigurationRejected,
    ChatKitConnectionError,
    ChatKitError,
    ChatKitNotConfigured,
    ChatKitRateLimited,
    ChatKitResponseError,
    ChatKitServerError,
    ChatKitStatusError,
    ChatKitTimeout,
    SessionNotSaved,
)

TREE = {
    ChatKitError: Exception,
    ChatKitConnectionError: ChatKitError,
    ChatKitTimeout: ChatKitConnectionError,
    ChatKitResponseError: ChatKitError,
    ChatKitStatusError: ChatKitError,
    ChatKitConfigurationRejected: ChatKitStatusError,
    ChatKitRateLimited: ChatKitStatusError,
    ChatKitServerError: ChatKitStatusError,
    SessionNotSaved: ChatKitError,
    ChatKitNotConfigured: ImproperlyConfigured,
}
WITH_STATUS = [error for error in TREE if issubclass(error, ChatKitStatusError)]
WITHOUT_STATUS = [error for error in TREE if issubclass(error, ChatKitError) and error not in WITH_STATUS]


def defined_here() -> set[type]:
    return {
        item for item in vars(exceptions).values() if inspect.isclass(item) and item.__module__ == exceptions.__name__
    }


def test_the_tree_is_the_documented_one() -> None:
    assert {error: error.__base__ for error in defined_here()} == TREE
    assert all(error.__name__ in str(exceptions.__doc__) for error in TREE)


def test_a_mistake_in_the_settings_is_outside_the_tree() -> None:
    assert not issubclass(ChatKitNotConfigured, ChatKitError)


@pytest.mark.parametrize("kind", WITHOUT_STATUS)
def test_every_error_carries_the_request_id(kind: type[ChatKitError]) -> None:
    error = kind("It failed.", request_id="req_1")
    assert (str(error), error.request_id) == ("It failed.", "req_1")
    assert kind().request_id is None


@pytest.mark.parametrize("kind", [ChatKitConnectionError, ChatKitTimeout])
def test_a_lost_connection_says_whether_openai_may_have_acted(kind: type[ChatKitConnectionError]) -> None:
    assert kind("Lost.").sent is True
    error = kind("Refused.", sent=False, request_id="req_1")
    assert (error.sent, error.request_id) == (False, "req_1")
    assert copy.copy(error).sent is False


@pytest.mark.parametrize("kind", WITH_STATUS)
def test_a_status_error_carries_what_openai_answered(kind: type[ChatKitStatusError]) -> None:
    error = kind("No.", status_code=429, code="insufficient_quota", request_id="req_1", retry_after=2.5)
    assert vars(error) == {
        "status_code": 429,
        "code": "insufficient_quota",
        "request_id": "req_1",
        "retry_after": 2.5,
    }


@pytest.mark.parametrize("kind", WITH_STATUS)
def test_only_the_status_is_required(kind: type[ChatKitStatusError]) -> None:
    error = kind(status_code=500)
    assert (error.code, error.request_id, error.retry_after) == (None, None, None)
    with pytest.raises(TypeError, match="status_code"):
        kind("No status.")  # type: ignore[call-arg]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", TREE)
def test_errors_survive_a_pickle(kind: type[Exception], protocol: int) -> None:
    error = made(kind)
    error.add_note("seen by a worker")
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is kind
    assert (again.args, vars(again)) == (error.args, vars(error))


@pytest.mark.parametrize("kind", TREE)
def test_errors_can_be_copied(kind: type[Exception]) -> None:
    error = made(kind)
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert again is not error
        assert (type(again), again.args, vars(again)) == (kind, error.args, vars(error))


def made(kind: type[Exception]) -> Exception:
    if kind in WITH_STATUS:
        return kind("No.", status_code=429, code="slow_down", request_id="req_1", retry_after=2.0)
    if kind in WITHOUT_STATUS:
        return kind("No.", request_id="req_1")
    return kind("No.")
