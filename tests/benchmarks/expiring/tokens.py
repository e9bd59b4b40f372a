"""Expired tokens of django-oauth-toolkit and simplejwt, one table each, nobody's: the best case of their commands."""

from __future__ import annotations

import time

from django.core.management import call_command
from django.db import connection

from ..rows import DAY, DIALECTS, settings_for_bulk

SETTINGS = "tests.benchmarks.expiring.token_settings"
TABLES = {"cleartokens": "oauth2_provider_accesstoken", "flushexpiredtokens": "token_blacklist_outstandingtoken"}


def make(count: int) -> None:
    """So many of each kind. Runs in a process with ``SETTINGS``."""
    call_command("migrate", verbosity=0)
    with settings_for_bulk(), connection.cursor() as cursor:
        for command in TABLES:
            cursor.execute(_insert(command, count))


def _insert(command: str, count: int) -> str:
    say = DIALECTS[connection.vendor]
    moment = say.moment.format(f"{round((time.time() - 30 * DAY) * 1e6)} + n * 1000000")
    jwt = "'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.' || " + " || ".join(f"MD5('{part}' || n)" for part in "abcdefgh")
    columns = {
        "cleartokens": {
            "token": "MD5('t' || n)",
            "token_checksum": say.sha256.format("MD5('t' || n)"),
            "expires": moment,
            "scope": "'read write'",
            "resource": say.json.format("'[]'"),
            "created": moment,
            "updated": moment,
        },
        "flushexpiredtokens": {"jti": "MD5('j' || n)", "token": jwt, "created_at": moment, "expires_at": moment},
    }[command]
    numbers = say.numbers.format(first=1, last=count)
    return f"INSERT INTO {TABLES[command]} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {numbers}"
