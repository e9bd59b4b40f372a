"""However slow the other side is, a call is over when its deadline is."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from django_chatkit.exceptions import ChatKitConnectionError, ChatKitRateLimited, ChatKitServerError, ChatKitTimeout
from tests.behaviours import Behaviour, Unread, after, drip, endless, error, head, raw, silent
from tests.fake_openai import FakeOpenAI

from .conftest import Connect
from .test_answers import FULL
from .test_errors import failing

DEADLINE = 0.1
#: Seconds that a busy machine may take on top of it; without a deadline, everything here takes far longer.
GRACE = 10.0
BODY = json.dumps(FULL).encode()
#: Byte by byte, that takes twenty seconds.
LONG = 400

SLOW: dict[str, Behaviour] = {
    "never answers": silent,
    "the status": drip(b"", b"HTTP/1.1 200 " + b"O" * LONG, 0.05),
    "the headers": drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"a" * LONG, 0.05),
    "the body": drip(head(200, {"Content-Length": str(LONG)}), b" " * LONG, 0.05),
    "a body without length": drip(head(200, {}), b" " * LONG, 0.05),
    "the chunks": drip(head(200, {"Transfer-Encoding": "chunked"}), b"1\r\n \r\n" * (LONG // 6), 0.05),
    "a redirect": drip(head(302, {"Location": "http://127.0.0.1:1/"}), b" " * LONG, 0.05),
    "an error": drip(head(500, {}), b" " * LONG, 0.05),
    "continue, continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "an answer that is late": after(30),
}


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds + GRACE


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port of 127.0.0.1 that takes no connection and refuses none: its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("call", "behaviour"), [("create", slow) for slow in SLOW.values()] + [("cancel", silent)])
def test_a_slow_answer(call: str, behaviour: Behaviour, connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(*[behaviour] * 3)
    with within(DEADLINE):
        raised = failing(connect(deadline=DEADLINE, timeout=(60, 60)), call)
    assert type(raised) is ChatKitTimeout


def test_a_slow_answer_in_time_is_an_answer(connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(drip(head(200, {"Content-Length": str(len(BODY))}) + BODY[:-3], BODY[-3:], 0.05))
    created = connect().create_session(user="u", workflow={"id": "wf_1"})
    assert created.id == "cksess_1"


def test_a_connection_that_does_not_come_about(connect: Connect) -> None:
    with black_hole() as port, within(DEADLINE):
        raised = failing(connect(base_url=f"http://127.0.0.1:{port}/v1", deadline=DEADLINE, timeout=(60, 60)))
    assert type(raised) is ChatKitTimeout
    assert raised.sent is False


def test_a_connect_timeout(connect: Connect) -> None:
    with black_hole() as port, within(0.1):
        client = connect(base_url=f"http://127.0.0.1:{port}/v1", deadline=60, timeout=(0.1, 60), max_retries=0)
        raised = failing(client)
    assert type(raised) is ChatKitTimeout
    assert raised.sent is False


def resolve(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> list[str]:
    """Have ``openai.invalid`` resolve to ``addresses``. The returned list gets every name that is looked up."""
    asked = socket.getaddrinfo
    names: list[str] = []

    def answer(host: str, port: int, *args: Any) -> Any:
        names.append(host)
        if host != "openai.invalid":
            return asked(host, port, *args)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return names


def test_many_addresses_share_one_deadline(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = (("127", "0x7f"), *[("0", "0x0", "00")] * 2, ("1", "0x1", "01"))
    ways_to_write_it = [".".join(parts) for parts in itertools.product(*numbers)]
    resolve(monkeypatch, ways_to_write_it)
    with black_hole() as port, within(0.5):
        raised = failing(connect(base_url=f"http://openai.invalid:{port}/v1", deadline=0.5, timeout=(0.3, 60)))
    assert type(raised) is ChatKitTimeout
    assert raised.sent is False


def test_a_later_address_is_tried(connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, ["::1", "127.0.0.1"])  # nobody listens at the first
    connect(base_url=f"http://openai.invalid:{openai.port}/v1").create_session(user="u", workflow={"id": "wf_1"})
    assert openai.requests[0].headers["Host"] == f"openai.invalid:{openai.port}"


def test_a_new_connection_looks_the_name_up_again(
    connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = resolve(monkeypatch, ["127.0.0.1"])
    openai.script(raw(head(200, {"Content-Length": str(len(BODY))}) + BODY))  # and the connection is closed
    client = connect(base_url=f"http://openai.invalid:{openai.port}/v1")
    for _ in range(3):
        client.create_session(user="u", workflow={"id": "wf_1"})
        time.sleep(0.02)
    assert (openai.connections, names.count("openai.invalid")) == (2, 2)


def test_a_slow_name_resolution(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(*_: Any) -> Any:
        over.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with within(DEADLINE):
            raised = failing(connect(base_url="http://openai.invalid/v1", deadline=DEADLINE))
    finally:
        over.set()
    assert type(raised) is ChatKitTimeout
    assert raised.sent is False


@pytest.mark.parametrize("hello", [silent, drip(b"\x16\x03\x03\x10\x00", b"\x02" * LONG, 0.05)], ids=["never", "slow"])
def test_a_slow_tls_handshake(hello: Behaviour, connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(Unread(hello))
    with within(DEADLINE):
        raised = failing(
            connect(base_url=f"https://127.0.0.1:{openai.port}/v1", deadline=DEADLINE, timeout=(60, 60), max_retries=0)
        )
    assert isinstance(raised, ChatKitConnectionError)


def test_a_request_that_nobody_reads(connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(Unread(after(30)))
    variables = {"text": "x" * 10_000_000}
    with within(DEADLINE), pytest.raises(ChatKitTimeout):
        connect(deadline=DEADLINE, timeout=(60, 60)).create_session(
            user="u", workflow={"id": "wf_1", "state_variables": variables}
        )


def test_nothing_is_sent_after_the_deadline(connect: Connect, openai: FakeOpenAI) -> None:
    connect().create_session(user="u", workflow={"id": "wf_1"})  # there is a connection now
    raised = failing(connect(deadline=0))
    assert type(raised) is ChatKitTimeout
    assert len(openai.requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_slow_proxy(scheme: str, connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{openai.port}")
    openai.script(drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"a" * LONG, 0.05))
    with within(DEADLINE):
        raised = failing(
            connect(base_url=f"{scheme}://openai.invalid/v1", deadline=DEADLINE, timeout=(60, 60), max_retries=0)
        )
    assert type(raised) is ChatKitTimeout


def test_retries_are_within_the_deadline(connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(*[error(429, headers={"Retry-After": "0.1"})] * 200)
    with within(0.5):
        raised = failing(connect(deadline=0.5, max_retries=200))
    assert isinstance(raised, ChatKitRateLimited | ChatKitTimeout)
    assert len(openai.requests) <= 6


def test_the_last_retry_gets_only_the_time_that_is_left(connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(after(0.1, error(503, headers={"retry-after-ms": "50"})), silent)
    with within(2):
        raised = failing(connect(deadline=2, timeout=(60, 60)), "cancel")
    assert type(raised) is ChatKitTimeout
    assert len(openai.requests) == 2


def test_no_waiting_for_what_would_come_too_late(
    connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_chatkit.client.MAX_WAIT", 60)  # so that it is the deadline that decides
    openai.script(error(503, headers={"Retry-After": "30"}))
    with within(0):
        assert type(failing(connect(deadline=25), "cancel")) is ChatKitServerError
    assert len(openai.requests) == 1
