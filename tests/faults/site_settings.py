"""Settings of a small site in a process of its own: ``SITE_DATABASE`` is a file, ``SITE_CHATKIT`` settings as JSON."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import DJANGO_CHATKIT

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SITE_DATABASE"]}}
ROOT_URLCONF = "tests.faults.site"
DJANGO_CHATKIT |= json.loads(os.environ["SITE_CHATKIT"])
