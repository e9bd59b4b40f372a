"""The modules about self-hosted chats need the extra ``server``: without it they cannot be imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run that asks for them fails all the same."""
    unwanted = "not services" in str(config.option.markexpr) and find_spec("chatkit") is None
    return True if unwanted and collection_path.name.endswith("_self_hosted.py") else None
