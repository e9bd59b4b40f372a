from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from django_chatkit.client import transport

from .fake_openai import FakeOpenAI


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """Throttles have counted nothing yet."""
    cache.clear()


@pytest.fixture
def openai(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """OpenAI's API on a local port, which ``DJANGO_CHATKIT["BASE_URL"]`` names."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FakeOpenAI() as server:
        settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "BASE_URL": server.url}
        yield server
        while transport._pools:
            transport._pools.popitem()[1].close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file; ``certificate.pem`` beside it is without."""
    program = shutil.which("openssl")
    assert program
    folder = tmp_path_factory.mktemp("tls")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"]
    subject = ["-subj", "/CN=fake OpenAI", "-addext", "subjectAltName=IP:127.0.0.1,DNS:openai.invalid"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([program, "req", "-x509", *kind, *files, *subject], check=True, capture_output=True)
    together = folder / "both.pem"
    together.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return together


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
    """The log records of ``django_chatkit``, whatever their level."""
    caplog.set_level(0, "django_chatkit")
    return lambda: [record for record in caplog.records if record.name == "django_chatkit"]
