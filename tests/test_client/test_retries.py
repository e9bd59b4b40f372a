"""A call is repeated only where that cannot create twice: counted by what the server did."""

from __future__ import annotations

import random
import socket
import time
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient
from django_chatkit.exceptions import ChatKitConnectionError, ChatKitError, ChatKitRateLimited, ChatKitTimeout
from tests.behaviours import Behaviour, Unread, acting, answer, cut, drip, error, hang_up, reset, silent
from tests.fake_openai import FakeOpenAI

from .conftest import Connect
from .test_errors import CALLS, STATUSES, failing
from .test_gate import soon

#: Milliseconds, so that the tests are quick.
SOON = {"retry-after-ms": "1"}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have waited between attempts."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("failures", [1, 2])
def test_create_is_repeated_after_a_429(failures: int, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(*[error(429, headers=SOON)] * failures)
    created = client.create_session(user="u", workflow={"id": "wf_1"})
    assert list(openai.sessions) == [created.id]
    assert len(openai.requests) == failures + 1
    assert len({request.body for request in openai.requests}) == 1


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {429}))
def test_create_is_not_repeated_after_any_other_error(status: int, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(acting(error(status, headers={**SOON, "Location": openai.url})))
    failing(client)
    assert (len(openai.requests), len(openai.sessions)) == (1, 1)


LOST: dict[str, Behaviour] = {
    "no answer": hang_up,
    "reset": reset,
    "cut": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"{", 0),
    "not JSON": answer(200, b"<html>"),
    "no secret": answer(200, {"id": "cksess_1"}),
    "exhausted": error(429, "insufficient_quota", SOON),
}


@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
def test_create_is_not_repeated_when_its_answer_is_lost(
    behaviour: Behaviour, client: ChatKitClient, openai: FakeOpenAI
) -> None:
    openai.script(acting(behaviour))
    failing(client)
    assert (len(openai.requests), len(openai.sessions)) == (1, 1)


def test_create_is_not_repeated_when_half_of_its_answer_is_lost(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(cut)
    failing(client)
    assert (len(openai.requests), len(openai.sessions)) == (1, 1)


def test_create_is_not_repeated_after_a_read_timeout(connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(acting(silent))
    assert type(failing(connect(timeout=(15, 0.1)))) is ChatKitTimeout
    soon(lambda: openai.sessions)  # the server may be later than the client's patience
    openai.wait_until_closed()
    assert (len(openai.requests), len(openai.sessions)) == (1, 1)


def test_create_is_not_repeated_when_it_may_have_been_read(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(Unread(reset))
    assert type(failing(client)) is ChatKitConnectionError
    assert openai.requests == []


REPEATED: dict[str, Behaviour] = {
    **{str(status): error(status, headers=SOON) for status in (408, 429, 500, 502, 503, 504, 529)},
    "no answer": hang_up,
    "reset": reset,
    "cut": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"{", 0),
    "unread": Unread(reset),
}


@pytest.mark.parametrize("behaviour", REPEATED.values(), ids=REPEATED)
def test_cancel_is_repeated(
    behaviour: Behaviour, client: ChatKitClient, openai: FakeOpenAI, waits: list[float]
) -> None:
    created = client.create_session(user="u", workflow={"id": "wf_1"})
    openai.script(behaviour, behaviour)
    assert client.cancel_session(str(created.id)).status == "cancelled"
    assert openai.cancelled == [created.id]
    assert len(waits) == 2


def test_cancel_is_repeated_after_a_read_timeout(
    client: ChatKitClient, connect: Connect, openai: FakeOpenAI, waits: list[float]
) -> None:
    created = client.create_session(user="u", workflow={"id": "wf_1"})
    openai.script(silent)
    hasty = connect(timeout=(15, 2))  # time enough for the second attempt, which is answered
    assert hasty.cancel_session(str(created.id)).status == "cancelled"
    assert len(waits) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        error(400),
        error(401),
        error(404),
        error(409),
        error(302),
        error(429, "insufficient_quota", SOON),
        answer(200, []),
    ],
)
def test_cancel_is_not_repeated_in_vain(behaviour: Behaviour, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(behaviour)
    failing(client, "cancel")
    assert len(openai.requests) == 1


@pytest.mark.parametrize("call", CALLS)
def test_any_call_is_repeated_while_nobody_listens(call: str, connect: Connect, waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    raised = failing(connect(base_url=f"http://127.0.0.1:{port}/v1"), call)
    assert isinstance(raised, ChatKitConnectionError)
    assert not raised.sent
    assert len(waits) == 2


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_any_call_is_repeated_while_its_proxy_does_not_listen(
    scheme: str, call: str, connect: Connect, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{listener.getsockname()[1]}")
    raised = failing(connect(base_url=f"{scheme}://openai.invalid/v1"), call)
    assert type(raised) is ChatKitConnectionError
    assert not raised.sent
    assert len(waits) == 2


def test_a_call_succeeds_once_its_name_is_known(
    client: ChatKitClient, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    failures: list[Exception] = [socket.gaierror("Try again.")]
    asked = socket.getaddrinfo

    def flaky(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return asked(*args)

    monkeypatch.setattr(socket, "getaddrinfo", flaky)
    client.create_session(user="u", workflow={"id": "wf_1"})
    assert (len(openai.sessions), len(waits)) == (1, 1)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_max_retries(retries: int, connect: Connect, openai: FakeOpenAI, waits: list[float]) -> None:
    openai.script(*[error(429)] * 9)
    assert type(failing(connect(max_retries=retries, deadline=60))) is ChatKitRateLimited
    assert (len(openai.requests), len(waits)) == (retries + 1, retries)


def test_the_last_failure_is_the_one_that_is_raised(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(error(500, "first", SOON), error(429, "second", SOON), error(503, "third", SOON))
    with pytest.raises(ChatKitError, match="third") as caught:
        client.cancel_session("cksess_1")
    assert caught.value.__context__ is None


def test_waiting_grows_and_varies(connect: Connect, openai: FakeOpenAI, waits: list[float]) -> None:
    random.seed(1)
    for _ in range(5):
        openai.script(*[error(429)] * 3)
        connect(max_retries=3, deadline=60).create_session(user="u", workflow={"id": "wf_1"})
    for attempt, base in enumerate((0.25, 0.5, 1.0)):
        waited = waits[attempt::3]
        assert all(0.75 * base <= seconds <= 1.25 * base for seconds in waited)
        assert len(set(waited)) == 5


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"Retry-After": "2"}, 2.0), ({"Retry-After": "0"}, 0.0), ({"retry-after-ms": "40"}, 0.04)]
)
def test_a_short_retry_after_is_kept(
    headers: dict[str, str], seconds: float, client: ChatKitClient, openai: FakeOpenAI, waits: list[float]
) -> None:
    openai.script(error(429, headers=headers))
    client.create_session(user="u", workflow={"id": "wf_1"})
    assert waits == [seconds]


def test_a_retry_after_is_really_waited_for(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(error(429, headers={"Retry-After": "0.2"}))
    started = time.monotonic()
    client.create_session(user="u", workflow={"id": "wf_1"})
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("seconds", ["2.1", "30", "999999999", "Sun, 06 Nov 2094 08:49:37 GMT"])
@pytest.mark.parametrize("call", CALLS)
def test_a_long_retry_after_is_for_the_caller(
    call: str, seconds: str, connect: Connect, openai: FakeOpenAI, waits: list[float]
) -> None:
    openai.script(error(429, headers={"Retry-After": seconds}))
    raised = failing(connect(deadline=10**9), call)
    assert isinstance(raised, ChatKitRateLimited)
    assert raised.retry_after is not None
    assert raised.retry_after > 2
    assert (len(openai.requests), waits) == (1, [])
