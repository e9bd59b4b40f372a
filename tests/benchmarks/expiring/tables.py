"""Tables of session records that are alike for each contender, and databases that have no work left over."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from .. import databases
from ..rows import TABLE, fill


def prepare(stale: int) -> None:
    """So many stale records in this process's database, and a few fresh ones."""
    fresh = stale // 100
    fill(stale + fresh, stale=stale, fresh=fresh)


@contextmanager
def another(stale: int) -> Iterator[str]:
    """The name of a database with the table that ``prepare`` has made, for one contender."""
    name = os.environ["BENCHMARK_DATABASE"]
    if connection.vendor == "mysql":
        empty()
        prepare(stale)
        yield name
        return
    copy = f"{name}_copy"
    settle()
    strategy = " STRATEGY FILE_COPY" if getattr(connection, "pg_version", 0) >= 150000 else ""
    connection.close()
    if connection.vendor == "sqlite":
        shutil.copyfile(name, copy)
        try:
            yield copy
        finally:
            for file in Path(copy).parent.glob(f"{Path(copy).name}*"):
                file.unlink()
    else:
        databases._execute(f"CREATE DATABASE {copy} TEMPLATE {name}{strategy}")
        try:
            yield copy
        finally:
            databases._execute(f"DROP DATABASE {copy} WITH (FORCE)")


def empty(table: str = TABLE) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE TABLE {table}")


def settle() -> None:
    """Do what the database would do some time later, so that it does not do it while somebody is measured."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif connection.vendor == "postgresql":
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
        else:
            _wait_for_purge(cursor)
            cursor.execute(f"FLUSH TABLES {TABLE} FOR EXPORT")
            cursor.execute("UNLOCK TABLES")


def _wait_for_purge(cursor: Any, patience: float = 60) -> None:
    """InnoDB removes in the background what nobody sees any more."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'")
        if int(cursor.fetchone()[1]) < 100:
            return
        time.sleep(0.1)
