"""Whether the project around the app has what it needs: other apps, middleware, caches, a database that can wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, register
from django.db import connections, router
from rest_framework.authentication import SessionAuthentication
from rest_framework.settings import api_settings

from ..models import ChatThread
from .messages import TAG, agents, error, imported, is_throttled, warning


@register(TAG)
def check_project(**kwargs: Any) -> Iterator[CheckMessage]:
    """Whether the project has the apps, the middleware and the cache that the views need."""
    if not apps.is_installed("rest_framework"):
        yield error(6, "Django REST framework is not installed as an app.", "Add 'rest_framework' to INSTALLED_APPS.")
    if any(_is_subclass(item, SessionAuthentication) for item in api_settings.DEFAULT_AUTHENTICATION_CLASSES):
        yield from _middleware_errors()
    backend = imported(settings.CACHES.get("default", {}).get("BACKEND"))
    if not settings.DEBUG and _is_subclass(backend, (LocMemCache, DummyCache)):
        yield from _per_process_warnings()
    if agents() and _gives_up(connections[router.db_for_write(ChatThread)]):
        yield warning(
            7,
            "SQLite refuses to write ('database is locked') as soon as several visitors chat at the same time.",
            "Set DATABASES[…]['OPTIONS']['transaction_mode'] to 'IMMEDIATE', and in its 'init_command' "
            "'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL'.",
        )


@register(TAG, deploy=True)
def check_deployment(**kwargs: Any) -> Iterator[CheckMessage]:
    """Whether visitors behind a proxy can be told apart."""
    if is_throttled() and api_settings.NUM_PROXIES is None:
        yield warning(
            4,
            "Anonymous visitors are throttled by REMOTE_ADDR: behind a proxy they would all share one budget.",
            "Set REST_FRAMEWORK['NUM_PROXIES'] to the number of proxies in front of Django, 0 for none.",
        )


def _middleware_errors() -> Iterator[CheckMessage]:
    found = [imported(path) for path in settings.MIDDLEWARE]
    for number, middleware in ((7, SessionMiddleware), (8, AuthenticationMiddleware)):
        if not any(_is_subclass(item, middleware) for item in found):
            path = f"{middleware.__module__}.{middleware.__qualname__}"
            yield error(number, f"Without {path!r} nobody is logged in.", "Add it to MIDDLEWARE.")


def _is_subclass(found: object, bases: type | tuple[type, ...]) -> bool:
    return isinstance(found, type) and issubclass(found, bases)


def _per_process_warnings() -> Iterator[CheckMessage]:
    counted = ["THROTTLE_RATE"] if is_throttled() else []
    counted += ["the requests per minute of self-hosted workflows"] if agents() else []
    if counted:
        verb = "is" if counted == ["THROTTLE_RATE"] else "are"
        hint = "Use a cache that all processes share, such as Redis or Memcached"
        yield warning(
            3,
            f"{' and '.join(counted)} {verb} counted in the default cache, which no other process can see.",
            hint + ("." if agents() else ", or set THROTTLE_RATE to None."),
        )


def _gives_up(connection: Any) -> bool:
    """Whether a transaction that has read and then writes finds the database locked by another that writes."""
    mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode") or ""
    return connection.vendor == "sqlite" and mode.upper() not in ("IMMEDIATE", "EXCLUSIVE")
