"""Handing out an unexpired session again on reload, while keeping no secret on the server.

The secret travels in a signed cookie of the browser it was issued to, together with the record's id and an HMAC of
the exact request that OpenAI would get now: whoever logs in, logs out or edits the workflow changes that request.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import escape_uri_path

from .redaction import Secret

#: Django's error reports hide cookies whose name holds "secret".
COOKIE_PREFIX = "chatkit_secret_"
MAX_COOKIES = 3
MAX_COOKIE_BYTES = 3800
#: Seconds before its end from which a session is not handed out again.
MARGIN = 30

_SALT = "django_chatkit.reuse"


class Remembered(NamedTuple):
    """What a valid cookie holds."""

    client_secret: Secret
    record: int


def fingerprint(request: dict[str, Any], *circumstances: str) -> str:
    """HMAC of the request to OpenAI and of what else must not have changed since."""
    text = json.dumps([request, circumstances], sort_keys=True)
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()


def cookies_of(request: HttpRequest) -> dict[str, Secret]:
    """This app's cookies. They are taken off the request: error trackers report those that they find on it."""
    taken: dict[str, Secret] = vars(request).setdefault("_django_chatkit_cookies", {})
    for name in [name for name in request.COOKIES if name.startswith(COOKIE_PREFIX)]:
        taken[name] = Secret(request.COOKIES.pop(name))
    return taken


def recall(request: HttpRequest, slug: str, expected: str) -> Remembered | None:
    """What the browser's cookie holds, if it is ours and was made for the same request."""
    try:
        secret, record, made_for = signing.loads(cookies_of(request)[COOKIE_PREFIX + slug], salt=_SALT)
    except (KeyError, ValueError, signing.BadSignature):
        return None
    return Remembered(Secret(secret), record) if constant_time_compare(made_for, expected) else None


def remember(
    request: HttpRequest, response: HttpResponseBase, slug: str, remembered: Remembered, made_for: str, seconds: float
) -> None:
    """Set the cookie for ``seconds``; or remove an older one, where a cookie would be too late or too large."""
    name = COOKIE_PREFIX + slug
    # Signed is not encrypted: whoever sees the cookie sees the secret.
    value = Secret(signing.dumps([remembered.client_secret, remembered.record, made_for], salt=_SALT))
    response.set_cookie(
        name,
        value,
        max_age=int(seconds),
        path=_path(request),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    if seconds < 1 or len(response.cookies[name].OutputString()) > MAX_COOKIE_BYTES:
        forget(request, response, slug)
    # A neighbouring subdomain can set cookies of names that cannot be named in an answer.
    others = [
        other
        for other in cookies_of(request)
        if re.fullmatch(COOKIE_PREFIX + "[-\\w]+", other, re.ASCII) and other != name
    ]
    for other in others[: -(MAX_COOKIES - 1)]:
        response.delete_cookie(other, path=_path(request), samesite="Lax")


def forget(request: HttpRequest, response: HttpResponseBase, slug: str) -> None:
    """Remove the cookie, or leave none behind."""
    name = COOKIE_PREFIX + slug
    response.cookies.pop(name, None)
    if name in cookies_of(request):
        response.delete_cookie(name, path=_path(request), samesite="Lax")


def _path(request: HttpRequest) -> str:
    """Of the sessions route, as browsers write it."""
    return escape_uri_path(request.path)
