"""One uvicorn worker for all who attack with the limits as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .attacked import AttackedServer


@pytest.fixture(scope="package")
def server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[AttackedServer]:
    from .attacked import attacked

    with attacked(tmp_path_factory.mktemp("attacked"), django_db_blocker) as server:
        yield server
