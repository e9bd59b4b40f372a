"""Whether the active workflows have what runs them, and a future."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError, router, transaction
from django.utils import timezone

from ..diagnosis import SHUTDOWN
from ..models import Workflow
from .messages import INSTALL, agents, error, key, listed, values, warning


@register(Tags.database)
def check_workflows(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Whether the active workflows have what runs them, and a future. Silent before the first migration."""
    for alias in databases or ():
        workflows = _active_workflows(alias)
        yield from _hosted_messages([workflow for workflow in workflows if not workflow.is_self_hosted])
        yield from _self_hosted_warnings([workflow for workflow in workflows if workflow.is_self_hosted])


@register(Tags.database, deploy=True)
def check_domain_key(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Whether pages with self-hosted workflows can show them: OpenAI's component asks for the key of the domain."""
    for alias in databases or () if not settings.DEBUG and not values().get("DOMAIN_KEY") else ():
        if slugs := [workflow.slug for workflow in _active_workflows(alias) if workflow.is_self_hosted]:
            yield error(
                9,
                f"Without DOMAIN_KEY the chat stays blank; active workflows that this site runs: {listed(slugs)}.",
                "Register the site's domain on OpenAI's domain allowlist, and set DJANGO_CHATKIT['DOMAIN_KEY'] to the "
                "key that you are given.",
            )


def _active_workflows(alias: str) -> list[Workflow]:
    """The savepoint keeps an open transaction usable when there is no table yet."""
    if not router.allow_migrate_model(alias, Workflow):
        return []
    workflows = Workflow.objects.using(alias).filter(is_active=True).order_by("slug")
    try:
        with transaction.atomic(using=alias):
            return list(workflows.only("slug", "backend", "agent", "api_key"))
    except DatabaseError:
        return []


def _hosted_messages(workflows: list[Workflow]) -> Iterator[CheckMessage]:
    if workflows:
        happens = "was shut down" if timezone.now().date() > SHUTDOWN else "shuts down"
        slugs = listed([workflow.slug for workflow in workflows])
        yield warning(
            5,
            f"OpenAI's Agent Builder {happens} on 30 November 2026; active workflows that run in it: {slugs}.",
            "Run them on this site: pip install 'django-openai-chatkit[server]', and see docs/self-hosting.md.",
        )
    if keyless := [workflow.slug for workflow in workflows if not key(workflow.api_key)]:
        yield warning(
            6,
            f"Active workflows whose API key is not in the settings: {listed(keyless)}.",
            "Set DJANGO_CHATKIT['API_KEY'], or give DJANGO_CHATKIT['API_KEYS'] the entry that the workflow names.",
        )


def _self_hosted_warnings(workflows: list[Workflow]) -> Iterator[CheckMessage]:
    if workflows and find_spec("chatkit") is None:
        slugs = listed([workflow.slug for workflow in workflows])
        yield warning(8, f"OpenAI's server SDK is not installed; active workflows that need it: {slugs}.", INSTALL)
    if lost := [workflow.slug for workflow in workflows if workflow.agent not in agents()]:
        yield warning(
            9,
            f"Active workflows whose agent is not in the settings: {listed(lost)}.",
            "Give DJANGO_CHATKIT['AGENTS'] the entry that the workflow names, or choose another agent for it.",
        )
