"""The client over TLS. The certificate is made by the ``openssl`` program."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_chatkit.client import ChatKitClient
from django_chatkit.exceptions import ChatKitConnectionError, ChatKitTimeout
from tests.behaviours import Behaviour, Exchange, after, drip, head, silent
from tests.fake_openai import FakeOpenAI

from .conftest import KEY, Connect
from .test_deadline import DEADLINE, resolve, within
from .test_errors import failing

pytestmark = pytest.mark.services


@pytest.fixture
def secured(certificate: Path, openai: FakeOpenAI) -> Iterator[FakeOpenAI]:
    """A second fake OpenAI, which speaks TLS. The first is a proxy, if a test makes it one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FakeOpenAI(context) as server:
        yield server


@pytest.fixture
def trusting(
    connect: Connect, secured: FakeOpenAI, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> ChatKitClient:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_name("certificate.pem")))
    return connect(base_url=secured.url, max_retries=0)


def test_create_and_cancel(trusting: ChatKitClient, secured: FakeOpenAI) -> None:
    created = trusting.create_session(user="u", workflow={"id": "wf_1"})
    assert trusting.cancel_session(str(created.id)).status == "cancelled"
    assert secured.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert secured.connections == 1


def test_the_certificate_is_that_of_the_name(
    trusting: ChatKitClient, secured: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, ["127.0.0.1"])
    trusting.base_url = f"https://openai.invalid:{secured.port}/v1"
    trusting.create_session(user="u", workflow={"id": "wf_1"})
    assert secured.requests[0].headers["Host"] == f"openai.invalid:{secured.port}"


def test_an_unknown_certificate(connect: Connect, secured: FakeOpenAI) -> None:
    raised = failing(connect(base_url=secured.url))
    assert type(raised) is ChatKitConnectionError
    assert "SSLError" in str(raised)
    assert secured.requests == []


def test_a_certificate_of_another_host(trusting: ChatKitClient, connect: Connect, secured: FakeOpenAI) -> None:
    raised = failing(connect(base_url=f"https://localhost:{secured.port}/v1"))
    assert type(raised) is ChatKitConnectionError
    assert secured.requests == []


SLOW: dict[str, Behaviour] = {
    "never": silent,
    "headers": drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"a" * 100, 0.05),
    "body": drip(head(200, {}), b" " * 100, 0.05),
}


@pytest.mark.parametrize("behaviour", SLOW.values(), ids=SLOW)
def test_a_slow_answer(behaviour: Behaviour, trusting: ChatKitClient, secured: FakeOpenAI) -> None:
    trusting.deadline = DEADLINE
    secured.script(behaviour)
    with within(DEADLINE):
        assert type(failing(trusting)) is ChatKitTimeout


def test_a_request_that_nobody_reads(trusting: ChatKitClient, connect: Connect, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    over = threading.Event()

    def shake_hands(listener: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True):
            over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=shake_hands, args=[listener])
        thread.start()
        client = connect(base_url=f"https://127.0.0.1:{listener.getsockname()[1]}/v1", deadline=0.5, timeout=(60, 60))
        variables = {"text": "x" * 10_000_000}
        with within(0.5), pytest.raises(ChatKitTimeout):
            client.create_session(user="u", workflow={"id": "wf_1", "state_variables": variables})
        over.set()
        thread.join()


def tunnel(exchange: Exchange) -> None:
    """Be a proxy: connect to where the request wants to go, and hand over all bytes."""
    port = int(exchange.request.path.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as target:
        exchange.socket.sendall(head(200, {}))
        back = threading.Thread(target=hand_over, args=[target, exchange.socket])
        back.start()
        hand_over(exchange.socket, target)
        back.join()


def hand_over(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(2**16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def test_through_a_proxy(
    trusting: ChatKitClient, secured: FakeOpenAI, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{openai.port}")
    openai.script(tunnel)
    for _ in range(2):
        trusting.create_session(user="u", workflow={"id": "wf_1"})
    assert (len(secured.sessions), openai.connections) == (2, 1)
    assert KEY not in str(openai.requests[0].headers)


def test_slowly_through_a_proxy(
    trusting: ChatKitClient, secured: FakeOpenAI, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{openai.port}")
    openai.script(tunnel)
    secured.script(after(0.05, drip(head(200, {}), b" " * 100, 0.05)))
    trusting.deadline = 0.5
    with within(0.5):
        assert type(failing(trusting)) is ChatKitTimeout
