"""For pytest: ``pytest_plugins = ["django_chatkit.testing.fixtures"]`` in a project's top ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import FakeChatKit, fake_chatkit


@pytest.fixture
def chatkit() -> Iterator[FakeChatKit]:
    """OpenAI inside of this process: nothing of this app reaches the network, and ``chatkit.fail`` provokes errors."""
    with fake_chatkit() as chatkit:
        yield chatkit
