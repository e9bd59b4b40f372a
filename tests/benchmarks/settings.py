"""The settings of a site in production, on ``BENCHMARK_DATABASE``. ``BENCHMARK_SETTINGS`` are more of them, as JSON."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["BENCHMARK_DATABASE"]
DATABASES["default"]["CONN_MAX_AGE"] = 600
if "sqlite3" in str(DATABASES["default"]["ENGINE"]):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        "timeout": 20,
    }
ROOT_URLCONF = "tests.benchmarks.urls"
DEBUG = False
DJANGO_CHATKIT = {"API_KEY": "sk-tests-benchmarks", "THROTTLE_RATE": "1000000/min"}
globals().update(json.loads(os.environ.get("BENCHMARK_SETTINGS", "{}")))
