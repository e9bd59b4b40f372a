from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from .clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The wall clock. What is in the cache was put there by this test: its time would be another one afterwards."""
    cache.clear()
    yield Clock(monkeypatch)
    cache.clear()
