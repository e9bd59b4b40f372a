"""Give a file back to its owner, in a way that no browser takes it for a page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.db import router
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _

from ..models import ChatAttachment, ChatSession
from ..sessions import session_of, session_of_address
from .addresses import preview_allowed
from .database import in_database
from .files import HEAD, SAFE_IMAGES, image_type, in_storage, opened, read
from .refusals import Refusal
from .views import bearer

CHUNK = 64 * 1024


def presented_session(request: HttpRequest, slug: str) -> ChatSession | None:
    """The session whose client secret came as ``Authorization: Bearer …``."""
    client_secret = bearer(request)
    return session_of(client_secret, slug) if client_secret else None


def record_of(session: ChatSession, attachment_id: str) -> ChatAttachment | None:
    """The attachment of this session's owner and workflow."""
    if "\0" in attachment_id:  # PostgreSQL takes none
        return None
    known = ChatAttachment.objects.using(router.db_for_write(ChatAttachment))
    known = known.filter(user_key=session.user_key, workflow=session.workflow, attachment_id=attachment_id)
    row = known.first()
    return row if row and row.attachment_id == attachment_id else None  # MariaDB finds "ATC_1" for "atc_1"


async def deliver(request: HttpRequest, slug: str, attachment_id: str) -> HttpResponseBase:
    """The file, for a signed address or its owner's bearer. Raises ``Refusal``: 404 for whatever else is asked for."""
    row = await in_database(_shown_to, request, slug, attachment_id)
    try:
        stored, start = await in_storage(_begun, row.file)
    except FileNotFoundError:
        raise not_found() from None
    response = _answer(request, stored, start)
    for name, value in _headers(row, start).items():
        response[name] = value
    return response


def _shown_to(request: HttpRequest, slug: str, attachment_id: str) -> ChatAttachment:
    session_id = preview_allowed(request.GET.get("token", ""), slug, attachment_id)
    session = session_of_address(session_id, slug) if session_id else presented_session(request, slug)
    row = record_of(session, attachment_id) if session else None
    if row is None or not row.file:
        raise not_found()
    return row


def not_found() -> Refusal:
    """The same for what does not exist, what is somebody else's, and an address that is old or forged."""
    return Refusal(404, "not_found", _("There is no such file."))


def _begun(name: str) -> tuple[Any, bytes]:
    """The file and its first bytes, with which its headers are decided."""
    stored = opened(name)
    try:
        return stored, read(stored, CHUNK)
    except BaseException:
        stored.close()
        raise


def _headers(row: ChatAttachment, start: bytes) -> dict[str, str]:
    payload = json.loads(row.payload)
    mime_type = payload["mime_type"]
    is_image = mime_type in SAFE_IMAGES and image_type(start[:HEAD]) == mime_type
    return {
        "Content-Type": mime_type,
        "Content-Length": str(row.size),
        "Content-Disposition": str(content_disposition_header(not is_image, payload["name"])),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private",
        "Referrer-Policy": "no-referrer",  # the address itself lets whoever has it in
        "Cross-Origin-Resource-Policy": "cross-origin",  # the component shows previews in a frame of another origin
    }


def _answer(request: HttpRequest, stored: Any, start: bytes) -> HttpResponseBase:
    if request.method == "HEAD":
        stored.close()
        return HttpResponse()
    return StreamingHttpResponse((_AsyncChunks if isinstance(request, ASGIRequest) else _Chunks)(stored, start))


class _Stored:
    """A stored file of which the first bytes have been read. The response closes it."""

    def __init__(self, stored: Any, start: bytes) -> None:
        self.stored = stored
        self.start = start

    def close(self) -> None:
        self.stored.close()


class _Chunks(_Stored):
    """For WSGI."""

    def __iter__(self) -> Iterator[bytes]:
        chunk = self.start
        while chunk:
            yield chunk
            chunk = read(self.stored, CHUNK)


class _AsyncChunks(_Stored):
    """For ASGI, where Django would collect the whole of a synchronous iterator in memory."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk = self.start
        while chunk:
            yield chunk
            chunk = await in_storage(read, self.stored, CHUNK)
