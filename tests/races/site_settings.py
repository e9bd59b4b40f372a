"""Settings of the processes that these tests start: ``RACES_SITE`` says what the test's own settings are."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403

_site = json.loads(os.environ["RACES_SITE"])

ROOT_URLCONF = "tests.races.site_urls"
DATABASES = {"default": _site["database"]}
DJANGO_CHATKIT = _site["chatkit"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"named": {"format": "%(name)s %(levelname)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "named"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
globals().update(_site["settings"])
