"""Settings of a small site with users of its own: ``PROJECT_USERS`` is their app, ``PROJECT_DATABASE`` its database."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS

_APP = os.environ["PROJECT_USERS"]

INSTALLED_APPS = [*INSTALLED_APPS, f"tests.projects.{_APP}"]
AUTH_USER_MODEL = f"{_APP}.User"
if "PROJECT_DATABASE" in os.environ:
    DATABASES["default"]["TEST"] = {"NAME": os.environ["PROJECT_DATABASE"]}  # type: ignore[assignment]
