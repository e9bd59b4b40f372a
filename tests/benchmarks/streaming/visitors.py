"""Those who talk to the app: a workflow, and sessions of different users with it."""

from __future__ import annotations

from typing import Any

from django_chatkit.models import Workflow
from tests.server.issued import issue

SLUG = "answers"
SETTINGS: dict[str, Any] = {
    "DJANGO_CHATKIT": {"AGENTS": {"answers": "tests.benchmarks.streaming.answering.respond"}},
    "ALLOWED_HOSTS": ["localhost"],
}


def secrets_of(number: int) -> list[str]:
    """The secrets of sessions that may ask as often as they like, with whatever else a new workflow has."""
    from django.test import override_settings

    workflow = Workflow(slug=SLUG, name="Answers", backend=Workflow.Backend.SELF_HOSTED, agent="answers")
    workflow.max_requests_per_1_minute = 1_000_000
    workflow.save()
    with override_settings(**SETTINGS):
        return [issue(workflow, f"visitor {each}").client_secret for each in range(number)]
