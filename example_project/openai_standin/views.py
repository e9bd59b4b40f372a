"""The routes. Plain Django views, as OpenAI knows neither our cookies nor our database."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .accounts import Account, authenticate
from .errors import ApiError
from .rules import SESSION
from .sessions import SessionStore, new_session

BETA = "chatkit_beta=v1"
MAX_BODY_BYTES = 16 * 2**20

store = SessionStore()

View = Callable[..., dict[str, Any]]


def route(view: View) -> Callable[..., HttpResponse]:
    """Answer with the dictionary that ``view`` returns, or with the ``ApiError`` it raises."""

    @csrf_exempt
    @login_not_required
    @transaction.non_atomic_requests
    @wraps(view)
    def answer(request: HttpRequest, **kwargs: str) -> HttpResponse:
        try:
            status, body = 200, view(request, **kwargs)
        except ApiError as refusal:
            status, body = refusal.status, refusal.body
        return JsonResponse(body, status=status, headers={"x-request-id": f"req_{uuid.uuid4().hex}"})

    return answer


@route
def create(request: HttpRequest) -> dict[str, Any]:
    """``POST chatkit/sessions``"""
    account = require_caller(request)
    body = read_json(request)
    SESSION(body, "")
    account.require_workflow(body["workflow"]["id"], body["workflow"].get("version"))
    session = new_session(body)
    store.add(account.key, session)
    return session


@route
def cancel(request: HttpRequest, session_id: str) -> dict[str, Any]:
    """``POST chatkit/sessions/{session_id}/cancel``"""
    account = require_caller(request)
    session = store.cancel(account.key, session_id)
    if session is None:
        raise ApiError(404, f"Chatkit Session with id '{session_id}' not found.")
    return session


@route
def unknown(request: HttpRequest, **_kwargs: str) -> dict[str, Any]:
    """Every other URL."""
    raise ApiError(404, f"Invalid URL ({request.method} {request.path})")


def require_caller(request: HttpRequest) -> Account:
    """The rules that both routes share: the method, the key and the beta header."""
    if request.method != "POST":
        message = f"Not allowed to {request.method} on {request.path}. (HINT: Perhaps you meant to use a POST request?)"
        raise ApiError(405, message, code="method_not_allowed")
    account = authenticate(request)
    sent = request.headers.get("OpenAI-Beta", "").split(",")
    if BETA not in (value.strip() for value in sent):
        raise ApiError(400, f"This API needs the header 'OpenAI-Beta: {BETA}'.", code="invalid_beta")
    return account


def read_json(request: HttpRequest) -> Any:
    """The body, decoded. Read as a stream: ``request.body`` would stop at Django's limit for forms, not at ours."""
    if request.content_type != "application/json":
        message = f"Unsupported content type: '{request.content_type}'. This API takes 'application/json'."
        raise ApiError(400, message, code="unsupported_content_type")
    raw = request.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise ApiError(413, f"The request is larger than {MAX_BODY_BYTES} bytes.", code="request_too_large")
    try:
        return json.loads(raw.decode(), parse_float=finite, parse_constant=finite)
    except (ValueError, RecursionError) as err:
        raise ApiError(400, "We could not parse the JSON body of your request.") from err


def finite(number: str) -> float:
    """``number`` as a float; ``ValueError`` for ``NaN``, ``Infinity`` and ``1e999``, which JSON cannot express."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value
