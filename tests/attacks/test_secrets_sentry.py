"""What Sentry gets of a site that fails in every way: all of it, and no key and no secret in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.services


def test_nothing_that_is_reported_holds_a_key_or_a_secret() -> None:
    """Locals, personal data, bodies, breadcrumbs, spans and logs are all on. See ``sentry_site``."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.sentry_site"],
        env={**os.environ, "DB_BACKEND": "sqlite", "no_proxy": "127.0.0.1", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["seen"].pop("a message that holds a secret"), "the search finds one where it is"
    assert told["seen"] == {}
    assert told["events"] > 50
    assert told["secrets"] > 20
