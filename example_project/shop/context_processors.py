"""What every page of the demo says about itself."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from .demo_data import LOGINS


def demo(request: HttpRequest) -> dict[str, object]:
    """Whether OpenAI or the stand-in answers, and who can log in."""
    return {"demo_is_live": settings.CHATKIT_DEMO_LIVE, "demo_logins": LOGINS}
