from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_chatkit.client import transport

from .fake_openai import FakeOpenAI


@pytest.fixture
def openai(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """OpenAI's API on a local port, which ``DJANGO_CHATKIT["BASE_URL"]`` names."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FakeOpenAI() as server:
        settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "BASE_URL": server.url}
        yield server
        while transport._pools:
            transport._pools.popitem()[1].close()
