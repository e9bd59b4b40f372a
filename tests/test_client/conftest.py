from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient
from tests.fake_openai import FakeOpenAI

KEY = "sk-tests-canary-key"

Connect = Callable[..., ChatKitClient]


@pytest.fixture
def connect(openai: FakeOpenAI) -> Connect:
    """A client of the fake OpenAI; keyword arguments are those of ``ChatKitClient``."""

    def make(api_key: str = KEY, **options: Any) -> ChatKitClient:
        return ChatKitClient(api_key, **{"base_url": openai.url, "timeout": (15, 15), "deadline": 30, **options})

    return make


@pytest.fixture
def client(connect: Connect) -> ChatKitClient:
    return connect()
