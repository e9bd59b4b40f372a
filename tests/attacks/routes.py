"""Every route of the app, as the URL conf has it: what is not listed beside it makes a test fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLResolver, get_resolver

from django_chatkit import urls

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X")


def api() -> set[str]:
    """The names of the app's own routes."""
    return {route.name for route in urls.urlpatterns}


def admin() -> list[tuple[str, str | None]]:
    """The admin's routes of this app: their patterns, and their names."""
    return [(pattern, name) for pattern, name in _walked(get_resolver()) if pattern.startswith("admin/django_chatkit/")]


def _walked(resolver: Any, before: str = "") -> Iterator[tuple[str, str | None]]:
    for route in resolver.url_patterns:
        pattern = before + str(route.pattern)
        if isinstance(route, URLResolver):
            yield from _walked(route, pattern)
        else:
            yield pattern, route.name
