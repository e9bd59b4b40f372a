"""What is wrong with TLS is as wrong for visitors as no answer at all; nothing is sent then."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.behaviours import normal
from tests.fake_openai import FakeOpenAI

from .upstream import UPSTREAM, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def secured(certificate: Path, openai: FakeOpenAI) -> Iterator[FakeOpenAI]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FakeOpenAI(context) as server:
        yield server


def test_a_certificate_that_nobody_signed(secured: FakeOpenAI, endure: Callable[..., None]) -> None:
    endure(Fault("", normal, UPSTREAM, attempts=0), secured)


def test_a_certificate_of_another_host(
    secured: FakeOpenAI, endure: Callable[..., None], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_name("certificate.pem")))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    elsewhere = f"https://localhost:{secured.port}/v1"
    endure(Fault("", normal, UPSTREAM, attempts=0, base_url=lambda _: elsewhere), secured)


def test_tls_where_plain_http_is_expected(secured: FakeOpenAI, endure: Callable[..., None]) -> None:
    plain = f"http://127.0.0.1:{secured.port}/v1"
    endure(Fault("", normal, UPSTREAM, attempts=0, base_url=lambda _: plain), secured)
