"""Requests with files, through WSGI and through ASGI: views must not care."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.test import AsyncClient, Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart


def form(content: bytes, name: str = "order.txt", mime_type: str = "text/plain", field: str = "file") -> dict[str, Any]:
    """What a browser makes of a ``FormData`` with one file."""
    file = ContentFile(content, name=name)
    file.content_type = mime_type  # type: ignore[attr-defined]
    return {"data": encode_multipart(BOUNDARY, {field: file}), "content_type": MULTIPART_CONTENT}


def raw(content: bytes) -> dict[str, Any]:
    return {"data": content, "content_type": "text/plain"}


class Sender:
    """A browser without cookies."""

    def __init__(self, kind: str) -> None:
        checks = {"enforce_csrf_checks": True}
        self.client: Any = AsyncClient(**checks) if kind == "asgi" else Client(**checks)  # type: ignore[arg-type]
        self.is_async = kind == "asgi"

    def __call__(self, method: str, url: Any, **how: Any) -> Any:
        """The answer, with all of its ``body``."""
        return async_to_sync(self.ask)(method, url, **how) if self.is_async else self.ask_now(method, url, **how)

    async def ask(self, method: str, url: Any, **how: Any) -> Any:
        response = await self.client.generic(method, _path(url), **how)
        response.body = b"".join([part async for part in response]) if response.streaming else response.content
        return response

    def ask_now(self, method: str, url: Any, **how: Any) -> Any:
        response = self.client.generic(method, _path(url), **how)
        response.body = b"".join(response) if response.streaming else response.content
        return response


def _path(url: Any) -> str:
    parts = urlsplit(str(url))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
