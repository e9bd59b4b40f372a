"""Errors as the API answers them: ``ChatKitError`` becomes an ``APIException`` here and nowhere else."""

from __future__ import annotations

import logging
import math
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ..exceptions import (
    ChatKitConfigurationRejected,
    ChatKitError,
    ChatKitNotConfigured,
    ChatKitRateLimited,
    ChatKitTimeout,
    SessionNotSaved,
)

logger = logging.getLogger("django_chatkit")

_TROUBLES: tuple[tuple[type[Exception], int, str, Any], ...] = (
    (ChatKitNotConfigured, 503, "misconfigured", _("The chat is not set up correctly.")),
    (ChatKitConfigurationRejected, 503, "misconfigured", _("The chat is not set up correctly.")),
    (ChatKitRateLimited, 503, "upstream_rate_limited", _("The chat is busy. Try again later.")),
    (SessionNotSaved, 503, "not_saved", _("The chat session could not be saved. Try again.")),
    (ChatKitTimeout, 504, "upstream_timeout", _("The chat service did not answer in time. Try again.")),
    (ChatKitError, 502, "upstream_error", _("The chat service cannot be reached. Try again later.")),
)


class Trouble(exceptions.APIException):
    """A failure that is not the caller's; ``wait`` becomes ``Retry-After``."""

    def __init__(self, error: Exception) -> None:
        self.status_code, code, detail = next(row[1:] for row in _TROUBLES if isinstance(error, row[0]))
        super().__init__(detail, code)
        retry_after = getattr(error, "retry_after", None)
        if isinstance(error, ChatKitRateLimited) and retry_after is not None:
            self.wait = math.ceil(retry_after)


class WorkflowNotFound(exceptions.NotFound):
    """No such workflow, or it is not active."""

    default_detail = _("There is no such chat.")
    default_code = "workflow_not_found"


class SessionNotFound(exceptions.NotFound):
    """No such session, or it is somebody else's."""

    default_detail = _("There is no such session.")


def answer_with_code(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own answer, with the error's code beside ``detail``. Errors by field stay as they are."""
    response = exception_handler(exc, context)
    if response is not None and isinstance(getattr(exc, "detail", ""), str):
        response.data["code"] = getattr(response.data["detail"], "code", "error")
    return response


def log(error: Exception, trouble: Trouble) -> None:
    """One record per failure, of words that hold no key, no secret and no text of OpenAI's."""
    fields = {
        "status": trouble.status_code,
        "code": trouble.get_codes(),
        "request_id": getattr(error, "request_id", None),
        "upstream_status": getattr(error, "status_code", None),
        "upstream_code": getattr(error, "code", None),
    }
    logger.error(
        "%s Answered %d %s, request id %s.", error, fields["status"], fields["code"], fields["request_id"], extra=fields
    )
