"""Settings of a process that works on the database of a running test: ``TEST_DATABASE`` is its name."""

from __future__ import annotations

import os

from .settings import *  # noqa: F403
from .settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
