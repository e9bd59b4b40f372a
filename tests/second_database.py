"""A second database for tests that need one: an SQLite file under the alias ``second``, with this app's tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connections

from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow

ALIAS = "second"


@contextmanager
def second_database(folder: Path) -> Iterator[str]:
    settings = {**connections.settings["default"], "ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}
    connections.settings[ALIAS] = {**settings, "NAME": folder / "second.sqlite3"}
    try:
        connections[ALIAS].connect()  # at once: Django's test cases forbid others than those they know
        with connections[ALIAS].schema_editor() as editor:
            for model in (User, ChatKitConfiguration, Workflow, ChatSession):
                editor.create_model(model)
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]
