"""Properties that must hold for whatever anybody sends. They need hypothesis, so all carry the marker ``services``.

Every run tries the same examples, and keeps none: the profile ``ci``. The profile ``thorough`` tries many new ones:
``HYPOTHESIS_PROFILE=thorough python -m pytest -m "" tests/properties``.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NEEDED = ("hypothesis", "schemathesis", "html5lib")


def pytest_configure(config: pytest.Config) -> None:
    if find_spec("hypothesis") is None:
        return
    from hypothesis import HealthCheck, settings
    from hypothesis.configuration import set_hypothesis_home_dir

    set_hypothesis_home_dir(config.rootpath / ".pytest_cache" / "hypothesis")
    common = {
        "database": None,
        "deadline": None,
        "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    }
    settings.register_profile("ci", derandomize=True, max_examples=100, **common)
    settings.register_profile("thorough", max_examples=3000, **common)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without all that they need these modules cannot be imported; a run that asks for them fails all the same."""
    unwanted = "not services" in str(config.option.markexpr)
    missing = any(find_spec(name) is None for name in NEEDED)
    return True if unwanted and missing and collection_path.name.startswith("test_") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.services)
