"""What the workflow is told about a visitor: ``DJANGO_CHATKIT["STATE_VARIABLES"]`` names the function below."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request

CLUB = "Tea club"
#: What sending an order costs, in euros; nothing in the club.
DELIVERY_COST = Decimal("3.90")


def state_variables(workflow: Any, user: Any = None, request: HttpRequest | None = None) -> dict[str, str]:
    """The visitor's plan and language. It comes from the server, so that nobody can claim a plan they do not have."""
    in_club = user is not None and user.groups.filter(name=CLUB).exists()
    return {
        "plan": "club" if in_club else "free",
        "language": get_language_from_request(request) if request else settings.LANGUAGE_CODE,
    }
