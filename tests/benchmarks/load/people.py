"""Who visits the site, and which workflows it has: one for each upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from django_chatkit.models import Workflow

#: Seconds that the upstreams take.
DELAYS = (0.0, 0.05, 0.5)


def slug_of(delay: float) -> str:
    return f"after-{delay * 1000:.0f}-ms"


def move_in(number: int) -> list[str]:
    """The workflows, and users: the keys of their logins."""
    for delay in DELAYS:
        slug = slug_of(delay)
        Workflow.objects.create(slug=slug, name=slug, workflow_id=f"wf_{slug}", api_key=slug)
    users = User.objects.bulk_create(User(username=f"visitor-{one}") for one in range(number))
    return [_login(user) for user in users]


def settings_of(upstreams: Mapping[float, str]) -> dict[str, Any]:
    """Those of the site, where each workflow has an upstream of its own."""
    keys = {slug_of(delay): {"api_key": "sk-tests-load", "base_url": url} for delay, url in upstreams.items()}
    chatkit = {**settings.DJANGO_CHATKIT, "API_KEYS": keys}
    default = settings.DATABASES["default"]
    return {
        "DJANGO_CHATKIT": chatkit,
        "ROOT_URLCONF": "tests.benchmarks.load.site",
        "LOGIN_URL": "/login/",
        "DATABASES": {
            "default": {
                name: default[name] for name in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "CONN_MAX_AGE")
            }
        },
    }


def _login(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
