"""A new database for a benchmark, of the kind that ``DB_BACKEND`` says."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django


@contextmanager
def new_database() -> Iterator[None]:
    """Set Django up with a new, migrated database. Processes that are started within find the same one."""
    name = f"chatkit_benchmark_{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        is_file = os.environ["DB_BACKEND"] == "sqlite"
        os.environ["BENCHMARK_DATABASE"] = str(Path(folder) / "benchmark.sqlite3") if is_file else name
        django.setup()
        from django.core.management import call_command
        from django.db import connections

        if not is_file:
            _execute(f"CREATE DATABASE {name}")
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections.close_all()
            if not is_file:
                _drop(name)


def _drop(name: str) -> None:
    from django.db import connection

    _execute(f"DROP DATABASE {name}{' WITH (FORCE)' if connection.vendor == 'postgresql' else ''}")


def _execute(statement: str) -> None:
    """On the server, outside the new database."""
    from django.db import connection

    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
