"""Signed addresses of attachments: for a few minutes to send a file to, for an hour to show it.

The component runs in a frame of another origin, and nothing says whether its requests carry cookies or a header of
ours. So the address itself shows who may do what: it is bound to the session that it was made in, the workflow and the
attachment. It may be used when that session has expired, but not when it was cancelled. Signatures are Django's own, so
``SECRET_KEY_FALLBACKS`` works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

#: Seconds in which a file must be sent, once it is announced; and in which an image can be shown.
UPLOAD_SECONDS = 600
PREVIEW_SECONDS = 3600

_UPLOAD = "django_chatkit.server.upload"
_PREVIEW = "django_chatkit.server.preview"


@dataclass(frozen=True)
class Upload:
    """What an upload address allows, and in which session it was made. ``size`` is the announced size in bytes."""

    session_id: str
    size: int


def upload_address(request: HttpRequest, slug: str, attachment_id: str, upload: Upload) -> str:
    """Where to send the file of an attachment: absolute, as the request was."""
    return _address(request, slug, attachment_id, _UPLOAD, [upload.session_id, upload.size])


def preview_address(request: HttpRequest, slug: str, attachment_id: str, session_id: str) -> str:
    """Where its owner can see an attachment: absolute, as the request was."""
    return _address(request, slug, attachment_id, _PREVIEW, [session_id])


def upload_allowed(token: str, slug: str, attachment_id: str) -> Upload | None:
    """What this token allows for this attachment; ``None`` if it is not ours, or too old. Asks no database."""
    values = _values(token, _UPLOAD, UPLOAD_SECONDS, slug, attachment_id)
    return None if values is None else Upload(*values)


def preview_allowed(token: str, slug: str, attachment_id: str) -> str | None:
    """The id of the session whose owner may see this attachment."""
    values = _values(token, _PREVIEW, PREVIEW_SECONDS, slug, attachment_id)
    return None if values is None else str(values[0])


def is_preview_address(url: str, attachment_id: str) -> bool:
    """Whether ``preview_address`` made it, however long ago and for whatever host, slug or prefix."""
    for token in parse_qs(urlsplit(url).query).get("token", []):
        try:
            return bool(signing.loads(token, salt=_PREVIEW)[1] == attachment_id)
        except signing.BadSignature:
            continue
    return False


def _address(request: HttpRequest, slug: str, attachment_id: str, purpose: str, values: list[Any]) -> str:
    path = reverse("django_chatkit:attachment-detail", args=[slug, attachment_id])
    token = signing.dumps([slug, attachment_id, *values], salt=purpose)
    return request.build_absolute_uri(f"{path}?{urlencode({'token': token})}")


def _values(token: str, purpose: str, seconds: int, slug: str, attachment_id: str) -> list[Any] | None:
    try:
        signed_slug, signed_id, *values = signing.loads(token, salt=purpose, max_age=seconds)
    except signing.BadSignature:
        return None
    return values if (signed_slug, signed_id) == (slug, attachment_id) else None
