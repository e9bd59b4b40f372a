"""Settings of a real server that tests start: ``LIVE_DATABASE`` is its database, ``LIVE_SETTINGS`` more of them."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, DJANGO_CHATKIT

ROOT_URLCONF = "tests.server.live_urls"
DATABASES["default"]["NAME"] = os.environ["LIVE_DATABASE"]
if "sqlite3" in str(DATABASES["default"]["ENGINE"]):
    DATABASES["default"]["OPTIONS"] = {  # type: ignore[assignment]
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        "timeout": 20,
    }
DJANGO_CHATKIT = {
    **DJANGO_CHATKIT,
    "AGENTS": {
        "full": "tests.server.full.FullServer",
        "echo": "tests.server.echo.respond",
        "endless": "tests.server.full.endless",
        "flood": "tests.server.full.flood",
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_chatkit": {"handlers": ["console"], "level": "INFO"}},
}
globals().update(json.loads(os.environ.get("LIVE_SETTINGS", "{}")))
