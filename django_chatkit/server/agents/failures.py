"""What is logged when the site's own code fails: enough to find the place, nothing that was said."""

from __future__ import annotations

import logging
import traceback

from django.conf import settings

logger = logging.getLogger("django_chatkit")


def log_failure(agent: str, error: Exception) -> None:
    """Class and place, no more: the message may quote the visitor, or a key. While developing, all of it."""
    places = traceback.extract_tb(error.__traceback__)
    place = f"{places[-1].filename}:{places[-1].lineno}" if places else "?"
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    logger.error(
        "The agent %r failed: %s at %s",
        agent,
        kind,
        place,
        exc_info=error if settings.DEBUG else None,
        extra={"code": "error"},
    )
