"""``BodyLimit``: stops requests that are too large while they come in.

Under ASGI Django writes the whole body of a request to disk before any view is asked. Put this around it, in asgi.py::

    application = BodyLimit(get_asgi_application())
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.core.handlers.asgi import get_script_prefix
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from .addresses import upload_allowed
from .receiving import FORM_OVERHEAD

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: The API's own maximum for a file, in bytes: which preset counts, only a query would tell.
MAX_DIRECT_UPLOAD = 512 * 1024 * 1024

_TOO_LARGE = json.dumps({"detail": "The request is larger than allowed.", "code": "too_large"}).encode()


class BodyLimit:
    """An ASGI application around Django's: answers 413 as soon as more has come than this app's addresses take.

    A chat request may have ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes, an announced file what was announced (its signed
    address says how much), a direct upload 512 MB. Other addresses are the project's own and are left alone. Addresses
    are looked up in ``ROOT_URLCONF``. daphne writes a whole body to disk before it asks any application: behind it this
    keeps Django from doing so once more, and only a proxy in front can do better.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        limit = _limit(scope) if scope["type"] == "http" and _may_have_body(scope) else None
        if limit is None:
            await self.application(scope, receive, send)
            return
        guard = _Guard(limit, scope, receive, send)
        if _announced(scope) > limit:
            await guard.refuse()
        else:
            await self.application(scope, guard.receive, guard.send)


class _Guard:
    """Counts what is received. After a refusal the application is told that the browser went away."""

    def __init__(self, limit: int, scope: Message, receive: Receive, send: Send) -> None:
        self._left = limit
        self._scope = scope
        self._receive = receive
        self._send = send
        self._has_refused = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body") or b"")
        if self._left >= 0:
            return message
        await self.refuse()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if not self._has_refused:
            await self._send(message)

    async def refuse(self) -> None:
        if self._has_refused:
            return
        self._has_refused = True
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_TOO_LARGE)).encode()),
            (b"cache-control", b"no-store"),
            (b"access-control-allow-origin", b"*"),
        ]
        if str(self._scope.get("http_version", "1.1")).startswith("1"):
            headers.append((b"connection", b"close"))  # the rest of the body is never read
        await self._send({"type": "http.response.start", "status": 413, "headers": headers})
        await self._send({"type": "http.response.body", "body": _TOO_LARGE})


def _may_have_body(scope: Message) -> bool:
    """Whether it is worth looking at the address."""
    is_reading = scope["method"] in ("GET", "HEAD", "OPTIONS")
    return not is_reading or bool({b"content-length", b"transfer-encoding"} & {name for name, _ in scope["headers"]})


def _limit(scope: Message) -> int | None:
    """Bytes that the body of this request may have; ``None`` for addresses that are not this app's."""
    match = _resolved(scope["path"].removeprefix(get_script_prefix(scope)))
    if match is None or "django_chatkit" not in match.app_names:
        return None
    if match.url_name == "chat":
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if match.url_name == "attachment-list":
        return MAX_DIRECT_UPLOAD + FORM_OVERHEAD
    if match.url_name == "attachment-detail":
        return _announced_size(scope, **match.kwargs) + FORM_OVERHEAD
    return None


def _resolved(path: str) -> ResolverMatch | None:
    with translation.override(translation.get_language_from_path(path)):  # or ``i18n_patterns`` would not match
        try:
            return resolve(path)
        except Resolver404:
            return None


def _announced_size(scope: Message, slug: str, attachment_id: str) -> int:
    """Nothing, where the token is no good: the view then says so."""
    query = parse_qs(scope.get("query_string", b"").decode("latin1"))
    allowed = upload_allowed(query.get("token", [""])[-1], slug, attachment_id)
    return allowed.size if allowed else 0


def _announced(scope: Message) -> int:
    """What ``Content-Length`` says. Servers refuse one that is no number."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0
