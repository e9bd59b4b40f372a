"""Neither key nor secret shows in an error, its traceback, a ``repr``, a pickle or a log."""

from __future__ import annotations

import copy
import http.client
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient
from django_chatkit.exceptions import ChatKitError
from tests.behaviours import Behaviour, Unread, answer, drip, endless, error, hang_up, head, raw, reset, silent
from tests.fake_openai import FakeOpenAI

from .conftest import KEY, Connect

SECRET = "ek_canary-secret"
#: Parts of the key and the secret are secret too.
CANARIES = ("canary-key", "canary-secret")
TESTS = str(Path(__file__).parents[1])

#: An answer that repeats both wherever it can.
ECHO = {"client_secret": SECRET, "user": KEY, "message": f"{KEY} {SECRET}", "type": KEY, "param": SECRET, "code": KEY}
HEADERS = {
    "x-request-id": KEY,
    "Retry-After": KEY,
    "X-Echo": SECRET,
    "Set-Cookie": f"a={SECRET}",
    "Location": f"/{KEY}",
}
CONTENT = json.dumps({**ECHO, "error": ECHO}).encode()

FAILURES: dict[str, Behaviour] = {
    **{str(status): answer(status, CONTENT, HEADERS) for status in (302, 400, 401, 404, 408, 429, 500, 503)},
    "quota": error(429, "insufficient_quota", HEADERS),
    "no time": answer(200, CONTENT, HEADERS),
    "half": answer(200, CONTENT[:-9], HEADERS),
    "too large": endless(head(200, HEADERS), CONTENT),
    "broken gzip": answer(200, CONTENT, {**HEADERS, "Content-Encoding": "gzip"}),
    "cut": raw(head(200, {**HEADERS, "Content-Length": "9999"}) + CONTENT),
    "chunks": raw(head(200, {**HEADERS, "Transfer-Encoding": "chunked"}) + CONTENT),
    "status": raw(CONTENT + b"\r\n\r\n"),
    "broken headers": raw(f"HTTP/1.1 500 Oops\r\nX: y\r\n{KEY} {SECRET}\r\n\r\n".encode() + CONTENT),
    "broken first header": raw(f"HTTP/1.1 500 Oops\r\n {KEY} {SECRET}\r\n\r\n".encode() + CONTENT),
    "slow body": drip(head(200, HEADERS) + CONTENT, b" " * 99, 0.1),
    "reset": reset,
    "unread": Unread(reset),
    "hang up": hang_up,
    "silent": silent,
}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that any logger says, at level DEBUG."""
    caplog.set_level(logging.DEBUG)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, "propagate", True)
            monkeypatch.setattr(logger, "disabled", False)
            caplog.set_level(logging.DEBUG, logger.name)
    yield caplog
    for record in caplog.get_records("call"):
        assert_hidden(logging.Formatter().format(record), *inside(vars(record)))


def assert_hidden(*texts: str) -> None:
    for text in texts:
        assert not [canary for canary in CANARIES if canary in text]


def chain(err: BaseException | None) -> Iterator[BaseException]:
    if err is not None:
        yield err
        yield from chain(err.__cause__)
        yield from chain(err.__context__)


def frames(tb: TracebackType | None) -> Iterator[Mapping[str, Any]]:
    """The local variables of every frame that is not a test's."""
    while tb:
        if not tb.tb_frame.f_code.co_filename.startswith(TESTS):
            yield tb.tb_frame.f_locals
        tb = tb.tb_next


def inside(value: Any, depth: int = 6) -> Iterator[str]:
    """What an error tracker shows of ``value`` and of all that it holds."""
    yield repr(value)
    if depth == 0 or isinstance(value, str | bytes | int | float | type | None):
        return
    parts = [*value.keys(), *value.values()] if isinstance(value, Mapping) else []
    parts += list(value) if isinstance(value, list | tuple | set | frozenset) else []
    parts += list(getattr(value, "__dict__", {}).values()) if not callable(value) else []
    parts += [getattr(value, name) for name in getattr(type(value), "__slots__", ()) if hasattr(value, name)]
    for part in parts:
        yield from inside(part, depth - 1)


def assert_error_hides(err: BaseException) -> None:
    for one in chain(err):
        assert_hidden(*inside(vars(one)), *inside(one.args), str(one), repr(one))
        for variables in frames(one.__traceback__):
            assert_hidden(*inside(variables))
    assert_hidden("".join(traceback.format_exception(err)), pickle.dumps(err).decode("latin-1"))


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.usefixtures("logged")
def test_a_failure_shows_nothing(failure: Behaviour, connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(failure)
    with pytest.raises(ChatKitError) as caught:
        connect(deadline=0.3, max_retries=0).create_session(user="u", workflow={"id": "wf_1"})
    assert_error_hides(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:1/v1", "https://127.0.0.1:{port}/v1", "ftp://openai.invalid", "http://[::1", "http://a..b"],
)
@pytest.mark.usefixtures("logged")
def test_no_connection_shows_nothing(base_url: str, connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(Unread(raw(CONTENT)))
    client = connect(base_url=base_url.format(port=openai.port), deadline=0.3, max_retries=0)
    with pytest.raises(ChatKitError) as caught:
        client.cancel_session("cksess_1")
    assert_error_hides(caught.value)


class TimeLimit(BaseException):
    """As task queues and servers raise it, from a signal handler, wherever the program happens to be."""


@pytest.mark.parametrize("kind", [TimeLimit, KeyboardInterrupt, ZeroDivisionError, MemoryError])
@pytest.mark.parametrize("place", ["send", "getresponse"])
def test_an_interruption_passes_on_and_shows_nothing(
    place: str, kind: type[BaseException], client: ChatKitClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: http.client.HTTPConnection, *_: Any, **__: Any) -> Any:
        try:
            raise ValueError(KEY)
        except ValueError:
            raise kind("enough")  # noqa: B904  (with the other one as its context)

    monkeypatch.setattr(http.client.HTTPConnection, place, interrupt)
    with pytest.raises(kind, match="enough") as caught:
        client.create_session(user="u", workflow={"id": "wf_1"})
    for one in chain(caught.value):
        for variables in frames(one.__traceback__):
            assert_hidden(*inside(variables))
    assert caught.value.__context__ is caught.value.__cause__ is None


@pytest.mark.parametrize("end", ["\n", " ", "\x00", "ä"])
def test_a_key_that_is_refused_is_not_shown(end: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        ChatKitClient(KEY + end)
    assert_error_hides(caught.value)


@pytest.mark.parametrize("timeout", [(1, 2, 3), ()])
def test_arguments_that_are_refused_do_not_show_the_key(timeout: Any) -> None:
    with pytest.raises(ValueError, match="unpack") as caught:
        ChatKitClient(KEY, timeout=timeout)
    assert_error_hides(caught.value)


def test_what_json_cannot_hold_does_not_show_the_key(client: ChatKitClient) -> None:
    with pytest.raises(TypeError) as caught:
        client.create_session(user="u", workflow={"id": object()})
    assert_error_hides(caught.value)


def test_success_logs_nothing(client: ChatKitClient, openai: FakeOpenAI, logged: pytest.LogCaptureFixture) -> None:
    created = client.create_session(user="u", workflow={"id": "wf_1"})
    client.cancel_session(str(created.id))
    assert "POST /v1/chatkit/sessions" in logged.text  # urllib3 does log
    assert str(created.client_secret) not in logged.text


def test_a_client_does_not_show_its_key(client: ChatKitClient) -> None:
    again = [client, copy.copy(client), copy.deepcopy(client)]
    for one in again:
        assert_hidden(*inside(one), str(one), f"{one}", f"{vars(one)}", repr([one]))
    assert repr(client) == f"<ChatKitClient {client.base_url}>"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_client_works(copied: Callable[[Any], Any], client: ChatKitClient, openai: FakeOpenAI) -> None:
    copied(client).create_session(user="u", workflow={"id": "wf_1"})
    assert openai.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_client_cannot_be_pickled(client: ChatKitClient) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(client)
    assert_error_hides(caught.value)


class Holder:
    def __init__(self) -> None:
        self.held = [KEY]


@pytest.mark.parametrize("held", [KEY, KEY.encode(), [KEY], {"a": ({KEY},)}, {KEY: 1}, Holder(), ChatKitError(KEY)])
def test_the_walk_finds_what_is_shown(held: Any) -> None:
    """The tests above can fail."""
    with pytest.raises(AssertionError):
        assert_hidden(*inside(held))


def test_the_walk_goes_through_every_frame() -> None:
    def raised() -> Exception:
        try:
            json.loads(KEY)
        except ValueError as err:
            return err
        raise AssertionError

    with pytest.raises(AssertionError):
        assert_error_hides(raised())
