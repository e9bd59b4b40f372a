"""Answers of the self-hosted chat that say no: JSON with ``detail`` and ``code``, as the other views give it."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse


class Refusal(Exception):  # noqa: N818
    """Why a request is not carried out. ``status`` is HTTP's, ``code`` a word for programs, ``detail`` one for people.

    ``headers`` go with the answer. Nothing in it may come from OpenAI or tell of what belongs to others.
    """

    def __init__(self, status: int, code: str, detail: Any, **headers: str) -> None:
        super().__init__(str(detail))
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> JsonResponse:
        """The answer."""
        return JsonResponse({"detail": self.detail, "code": self.code}, status=self.status, headers=self.headers)
