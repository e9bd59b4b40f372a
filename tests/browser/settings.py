"""The example project's settings, without the throttle, with pages for tests, and as ``CHATKIT_TEST_SETTINGS`` says."""

from __future__ import annotations

import json
import os

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DJANGO_CHATKIT = {**DJANGO_CHATKIT, "THROTTLE_RATE": None}  # noqa: F405
DJANGO_CHATKIT["AGENTS"] |= {"echo": "tests.server.echo.respond"}

_overrides = json.loads(os.environ.get("CHATKIT_TEST_SETTINGS", "{}"))
DJANGO_CHATKIT |= _overrides.pop("DJANGO_CHATKIT", {})
globals().update(_overrides)
