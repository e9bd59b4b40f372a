"""Answers of the self-hosted chat that say no: JSON with ``detail`` and ``code``, as the other views give it."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import JsonResponse
from django.utils.translation import gettext_lazy as _

from ..exceptions import ChatKitNotConfigured

logger = logging.getLogger("django_chatkit")


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


def failure(error: Exception) -> JsonResponse:
    """The answer to what no view foresaw, and one record of it.

    What goes wrong unforeseen needs its traceback to be found; the browser never sees it.
    """
    if isinstance(error, DisallowedHost):  # where Django's CommonMiddleware has not said so before
        logging.getLogger("django.security.DisallowedHost").error("%s", error)
        return Refusal(400, "invalid", _("This address is not valid, or not any more.")).response()
    if isinstance(error, ChatKitNotConfigured):
        refusal = Refusal(503, "misconfigured", _("The chat is not set up correctly."))
        text, exc_info = str(error), None
    else:
        refusal = Refusal(500, "error", _("Something went wrong. Try again later."))
        text, exc_info = f"{type(error).__name__} in the chat.", error
    fields = {"status": refusal.status, "code": refusal.code}
    logger.error("%s Answered %d %s.", text, refusal.status, refusal.code, exc_info=exc_info, extra=fields)
    return refusal.response()
