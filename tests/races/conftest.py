from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

WAL = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}


@pytest.fixture
def sqlite_options() -> dict[str, Any]:
    """As the example project has them. With more patience: machines that run tests are slow."""
    return {**WAL, "timeout": 60}


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, sqlite_options: dict[str, Any]) -> Iterator[None]:
    """The database of the test, where other processes can reach it: of SQLite, a copy in a file."""
    memory = connections["default"]
    if memory.vendor != "sqlite":
        yield
        return
    settings = connections.settings["default"]
    connections.settings["default"] = {**settings, "NAME": tmp_path / "site.sqlite3", "OPTIONS": sqlite_options}
    connections["default"] = connections.create_connection("default")
    try:
        with closing(connections["default"]) as file:
            file.ensure_connection()
            memory.ensure_connection()
            memory.connection.backup(file.connection)
            yield
    finally:
        connections.settings["default"] = settings
        connections["default"] = memory
