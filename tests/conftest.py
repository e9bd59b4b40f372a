from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .fake_openai import FakeOpenAI


@pytest.fixture
def openai(settings: Any) -> Iterator[FakeOpenAI]:
    """OpenAI's API on a local port, which ``DJANGO_CHATKIT["BASE_URL"]`` names."""
    with FakeOpenAI() as server:
        settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "BASE_URL": server.url}
        yield server
