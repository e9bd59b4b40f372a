"""Databases that keep another time than the site: their server's, their role's, their session's, and Django's own
setting for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.admin.statistics.counting import count
from django_chatkit.admin.statistics.periods import Period
from django_chatkit.models import ChatSession, Workflow

from ..callers import Browser, a_user, a_workflow
from ..fake_openai import FakeOpenAI
from ..records import ACTIVE, EXPIRED, records, statuses

ZONES = ["Asia/Kolkata", "America/New_York", "Pacific/Apia"]
pytestmark = pytest.mark.parametrize("zone", ZONES)


def live(openai: FakeOpenAI) -> None:
    """A session from its beginning to its end, and everything that asks a database for a time."""
    workflow, now = a_workflow(), timezone.now()
    ada = Browser(a_user())
    issued = ada.issue().json()
    assert issued["expires_at"] == openai.sessions[issued["id"]]["expires_at"]
    assert ada.issue().json() == issued
    assert ada.show(issued["id"]).json()["expires_at"] == issued["expires_at"]
    assert ada.show(issued["id"]).json()["status"] == ACTIVE
    record = ChatSession.objects.get()
    assert abs((record.created_at - now).total_seconds()) < 30
    assert sessions.expire_sessions() == 0
    records(workflow, 2, lives=-1)
    records(workflow, 2, lives=30)
    assert ChatSession.objects.active().count() == 3
    assert sessions.expire_sessions() == 2
    assert statuses() == [ACTIVE, EXPIRED, EXPIRED, ACTIVE, ACTIVE]
    counts = count(Period.of_hours(timezone.now(), 24), timezone.now(), {})
    assert (counts.total.total, sum(tally.total for tally in counts.by_time[-2:])) == (5, 5)
    assert sessions.delete_sessions(older_than=timedelta(minutes=1)) == 0
    assert sessions.delete_sessions(older_than=timedelta(0)) == 2
    assert Workflow.objects.count() == 1


@pytest.mark.django_db
def test_the_time_zone_of_djangos_setting_for_a_database(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """MariaDB and SQLite then keep the local time of that zone, PostgreSQL's sessions have it."""
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", zone)
    forget_time_zone()
    try:
        live(openai)
    finally:
        monkeypatch.undo()
        forget_time_zone()


def forget_time_zone() -> None:
    """As Django does when the setting ``TIME_ZONE`` is another one."""
    for name in ("timezone", "timezone_name"):
        connection.__dict__.pop(name, None)
    connection.ensure_timezone()


@pytest.fixture
def elsewhere(transactional_db: None, zone: str) -> Iterator[None]:
    """Every new connection begins in this zone: the database's on PostgreSQL, the session's on MariaDB."""
    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "postgresql":
            alter_database(f"SET timezone TO '{zone}'")
        elif connection.vendor == "mysql":
            offset = timezone.now().astimezone(ZoneInfo(zone)).strftime("%z")
            command = f"SET time_zone = '{offset[:3]}:{offset[3:]}'"
            options = {**connection.settings_dict["OPTIONS"], "init_command": command}
            patch.setitem(connection.settings_dict, "OPTIONS", options)
            connection.close()
        yield
    if connection.vendor == "postgresql":
        alter_database("RESET timezone")
    elif connection.vendor == "mysql":
        connection.close()


def alter_database(change: str) -> None:
    """For the connections that are opened from now on, this one too."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {connection.ops.quote_name(connection.settings_dict['NAME'])} {change}")
    connection.close()


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_server_or_session_in_another_time_zone(
    elsewhere: None, openai: FakeOpenAI, settings: Any, zone: str, use_tz: Any
) -> None:
    settings.USE_TZ = use_tz
    live(openai)
    assert connections["default"].is_usable()
