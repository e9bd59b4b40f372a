"""``BodyLimit``: stops requests that are too large, or too slow, while they come in.

Under ASGI Django writes the whole body of a request to disk before any view is asked. Put this around it, in asgi.py::

    application = BodyLimit(get_asgi_application())
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.core.handlers.asgi import get_script_prefix
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from .addresses import UPLOAD_SECONDS, upload_allowed
from .receiving import FORM_OVERHEAD

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: The API's own maximum for a file, in bytes: which preset counts, only a query would tell.
MAX_DIRECT_UPLOAD = 512 * 1024 * 1024
#: Seconds in which the body of a request must have come; a file may take as long as an address for it is valid.
SECONDS = 60

_TOO_LARGE = 413, "The request is larger than allowed.", "too_large"
_TOO_SLOW = 408, "The request did not arrive in time.", "too_slow"
_NO_ROOM = 503, "The file cannot be stored or read at the moment. Try again later.", "storage_failed"

logger = logging.getLogger("django_chatkit")


class BodyLimit:
    """An ASGI application around Django's: answers 413 as soon as more has come than this app's addresses take, and
    408 to who takes longer over it than ``SECONDS``, or ``UPLOAD_SECONDS`` for a file, and 503 if the disk is full.

    A request may have ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes, an announced file what was announced (its signed address
    says how much), a direct upload 512 MB. Other addresses are the project's own and are left alone. Addresses are
    looked up in ``ROOT_URLCONF``. daphne writes a whole body to disk before it asks any application: behind it this
    keeps Django from doing so once more, and only a proxy in front can do better.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        allowance = _allowance(scope) if scope["type"] == "http" and _may_have_body(scope) else None
        if allowance is None:
            await self.application(scope, receive, send)
            return
        limit, seconds, is_open = allowance
        guard = _Guard(limit, seconds, scope, receive, send, is_open=is_open)
        if _announced(scope) > limit:
            await guard.refuse(*_TOO_LARGE)
        else:
            await guard.serve(self.application)


class _Guard:
    """Counts what is received, and times it. After a refusal the application is told that the browser went away.

    ``is_open`` tells whether scripts of other sites may read the answer.
    """

    def __init__(
        self, limit: float, seconds: float, scope: Message, receive: Receive, send: Send, *, is_open: bool
    ) -> None:
        self._left = limit
        self._until: float | None = asyncio.get_running_loop().time() + seconds
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_open = is_open
        self._has_answered = False
        self._has_refused = False

    async def serve(self, application: Application) -> None:
        """Have the request answered, also where the disk has no room for its body: Django does not catch that."""
        try:
            await application(self._scope, self.receive, self.send)
        except OSError as error:
            if self._has_answered or self._has_refused:
                raise
            fields = {"status": 503, "code": "storage_failed"}
            text = "A request could not be written to disk: %s. Answered 503 storage_failed."
            logger.error(text, error.strerror or type(error).__name__, extra=fields)
            await self.refuse(*_NO_ROOM)

    async def receive(self) -> Message:
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            return await self._broken_off(*_TOO_SLOW)
        self._left -= len(message.get("body") or b"")
        if self._left < 0:
            return await self._broken_off(*_TOO_LARGE)
        if not message.get("more_body"):
            self._until = None  # what comes next says that the browser has gone, whenever that is
        return message

    async def _broken_off(self, status: int, detail: str, code: str) -> Message:
        await self.refuse(status, detail, code)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self._has_answered = True
        if not self._has_refused:
            await self._send(message)

    async def refuse(self, status: int, detail: str, code: str) -> None:
        if self._has_refused:
            return
        self._has_refused = True
        body = json.dumps({"detail": detail, "code": code}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if self._is_open:
            headers.append((b"access-control-allow-origin", b"*"))
        if str(self._scope.get("http_version", "1.1")).startswith("1"):
            headers.append((b"connection", b"close"))  # the rest of the body is never read
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _may_have_body(scope: Message) -> bool:
    """Whether it is worth looking at the address."""
    is_reading = scope["method"] in ("GET", "HEAD", "OPTIONS")
    return not is_reading or bool({b"content-length", b"transfer-encoding"} & {name for name, _ in scope["headers"]})


def _allowance(scope: Message) -> tuple[float, float, bool] | None:
    """Bytes and seconds that the body of this request may have, and whether other sites' scripts may read the answer,
    as OpenAI's component does with files; ``None`` for addresses that are not this app's.
    """
    match = _resolved(scope["path"].removeprefix(get_script_prefix(scope)))
    if match is None or "django_chatkit" not in match.app_names:
        return None
    if match.url_name == "attachment-list":
        return MAX_DIRECT_UPLOAD + FORM_OVERHEAD, UPLOAD_SECONDS, True
    if match.url_name == "attachment-detail":
        size = _announced_size(scope, **match.kwargs)
        return size + FORM_OVERHEAD, UPLOAD_SECONDS if size else SECONDS, True
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return math.inf if most is None else most, SECONDS, False


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
