"""CSRF for an API that serves browsers and token clients alike."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from rest_framework import exceptions
from rest_framework.authentication import CSRFCheck, SessionAuthentication
from rest_framework.request import Request

#: Where a refused page finds the token it should have sent. Other origins cannot read it.
TOKEN_HEADER = "X-CSRFToken"  # noqa: S105


class CSRFFailed(exceptions.PermissionDenied):
    """The page's token is missing or from before a login in another tab."""

    default_code = "csrf_failed"


def failure(request: HttpRequest) -> str | None:
    """Why the request would be refused, or ``None``. The body is left unread: it is JSON, and holds no token."""
    request.POST = QueryDict()
    check = CSRFCheck(HttpResponse)  # middleware wants to be put around something
    check.process_request(request)
    reason: Any = check.process_view(request, HttpResponse, (), {})
    return None if reason is None else str(reason)


def header_authenticates(request: Request) -> bool:
    """Whether a header shows who calls: the caller is known without any cookie, but not without any header.

    A header being there is not enough: what authenticates may be a cookie, a client certificate or the address.
    """
    authenticator = request.successful_authenticator
    if authenticator is None or isinstance(authenticator, SessionAuthentication):
        return False
    if _known_without("HTTP_", request, authenticator):
        return False
    # Without cookies, asking again would only cost time: another password hash, another query.
    return not request.META.get("HTTP_COOKIE") or _known_without("HTTP_COOKIE", request, authenticator)


def fresh_token(request: Request) -> str:
    """The token that the page should send next."""
    return get_token(request._request)


def _known_without(prefix: str, request: Request, authenticator: Any) -> bool:
    """Whether the caller is known without cookies and without the headers that start with ``prefix``."""
    bare = copy.copy(request._request)
    bare.COOKIES, bare.user = {}, AnonymousUser()
    bare.META = {name: value for name, value in bare.META.items() if not name.startswith(prefix)}
    for cached in ("headers", "session", "_cached_user"):
        vars(bare).pop(cached, None)
    try:
        found = authenticator.authenticate(Request(bare))
    except Exception:  # whatever it needs, it does not find
        return False
    return found is not None and bool(getattr(found[0], "is_authenticated", False))
