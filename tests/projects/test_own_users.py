"""Sites whose users have a UUID for a key, or a text of odd characters, and an address for a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

pytestmark = pytest.mark.services  # processes of its own, or time

ROOT = Path(__file__).resolve().parents[2]


def travel(users: str, *arguments: str) -> None:
    """The journey of a site with these users: migrated from nothing into a database of its own."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.projects.own_users",
        "PROJECT_USERS": users,
        **({} if connection.vendor == "sqlite" else {"PROJECT_DATABASE": f"test_{users}_{os.getpid()}"}),
    }
    warnings = ["-W", "error", "-W", "ignore:Direct usage of named widget classes:DeprecationWarning"]  # the SDK's own
    command = [sys.executable, *warnings, "-m", "django", "test", "tests.projects", "--noinput"]
    ended = subprocess.run(
        [*command, "--pattern", "journey.py", "--verbosity", "1", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "\nOK" in ended.stderr
    assert "Ran 0" not in ended.stderr


@pytest.mark.parametrize("users", ["uuid_users", "text_users"])
def test_a_site_with_users_of_its_own(users: str) -> None:
    travel(users, "--exclude-tag", "server")


@pytest.mark.services
def test_one_that_runs_its_workflows_itself() -> None:
    travel("uuid_users", "--tag", "server")
