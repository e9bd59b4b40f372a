"""The endpoint of self-hosted workflows: every request of the component, answered or streamed."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from .. import sessions
from ..models import ChatSession
from ..redaction import Secret
from ..sessions.backends import require_server
from ..transactions import outside_transactions
from .context import ChatKitContext
from .database import in_database
from .refusals import Refusal, failure


@outside_transactions
@csrf_exempt
@login_not_required
async def chat(request: HttpRequest, slug: str) -> HttpResponseBase:
    """``POST chat/{slug}/``: a request of the component, with a session's secret as ``Authorization: Bearer``.

    Nothing else tells who calls: no cookie, no Django session, so CSRF and the login are no matter here.
    """
    try:
        response = await _answered(request, slug)
    except Refusal as refusal:
        response = refusal.response()
    except Exception as error:
        response = failure(error)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def _answered(request: HttpRequest, slug: str) -> HttpResponseBase:
    if request.method != "POST":
        raise Refusal(405, "method_not_allowed", _("The chat takes POST only."), Allow="POST")
    session, processing = await in_database(_session_of, bearer(request), slug)
    if session is None:
        raise Refusal(401, "authentication_failed", _("This chat session has ended."), WWW_Authenticate="Bearer")
    response: HttpResponseBase = await processing.process(ChatKitContext.of(request, session), _body(request))
    return response


def bearer(request: HttpRequest) -> Secret:
    """The token of the ``Authorization`` header, or nothing."""
    found = re.fullmatch(r"bearer +([!-~]+) *", request.headers.get("Authorization", ""), re.IGNORECASE)
    return Secret(found[1] if found else "")


def _session_of(client_secret: Secret, slug: str) -> tuple[ChatSession | None, Any]:
    """The session, and what answers its requests: that imports OpenAI's SDK, which takes a second at the first one."""
    session = sessions.session_of(client_secret, slug) if client_secret else None
    if session is None:
        return None, None
    require_server()
    return session, import_module("django_chatkit.server.processing")


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise Refusal(413, "too_large", _("The request is too large.")) from None
    except UnreadablePostError:
        raise Refusal(400, "parse_error", _("The request broke off.")) from None
