"""The routes. Plain Django views, as OpenAI knows neither our cookies nor our database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from django_chatkit.testing import protocol
from django_chatkit.testing.answers import new_session
from django_chatkit.testing.errors import ApiError
from django_chatkit.testing.rules import SESSION

from .accounts import Account, authenticate
from .sessions import SessionStore, new_secret

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
    session = new_session(body, new_secret(body["user"]))
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
    protocol.require_beta(request.headers.get("OpenAI-Beta", ""))
    return account


def read_json(request: HttpRequest) -> Any:
    """The body, decoded. Read as a stream: ``request.body`` would stop at Django's limit for forms, not at OpenAI's."""
    return protocol.decoded(request.content_type or "", request.read(protocol.MAX_BODY_BYTES + 1))
