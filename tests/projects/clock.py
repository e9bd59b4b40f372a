"""This machine's wall clock, as a test sets it."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone

from django_chatkit.throttling import SessionThrottle

HOUR = 3600
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


class Clock:
    """Stands still until it is moved. ``time.monotonic()`` goes on, as it does when a real wall clock is set.

    A process can set no real clock but the machine's: so this replaces the functions that this app, Django's
    caches, cookies and signatures read it through.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seconds = float(int(time.time()))
        patch.setattr(time, "time", lambda: self.seconds)
        patch.setattr(SessionThrottle, "timer", staticmethod(lambda: self.seconds))  # DRF has bound it already
        patch.setattr(timezone, "now", lambda: self.now)

    @property
    def now(self) -> datetime:
        """What ``timezone.now()`` says."""
        if settings.USE_TZ:
            return datetime.fromtimestamp(self.seconds, tz=timezone.get_fixed_timezone(0))
        return datetime.fromtimestamp(self.seconds)  # noqa: DTZ006 - such a project has no other

    def jump(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Forwards, or backwards by less than nothing."""
        self.seconds += hours * HOUR + minutes * 60 + seconds

    def set(self, moment: datetime) -> None:
        """To a moment with a time zone."""
        self.seconds = moment.timestamp()
