"""Session records, requests and listeners for the tests of the sessions service."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.dispatch import Signal
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from django_chatkit.models import ChatSession, Workflow

_numbers = itertools.count(1)

ACTIVE, EXPIRED, CANCELLED = ChatSession.Status.ACTIVE, ChatSession.Status.EXPIRED, ChatSession.Status.CANCELLED


def a_record(workflow: Workflow, *, lives: float = 600, **fields: Any) -> ChatSession:
    """An unsaved record of an active session that ends ``lives`` seconds from now, or ended that long ago."""
    given = {
        "session_id": f"cksess_{next(_numbers)}",
        "user_identifier": "1",
        "user_key": "k",
        "workflow_id": "wf_1",
        "expires_at": timezone.now() + timedelta(seconds=lives),
    }
    return ChatSession(workflow=workflow, **{**given, **fields})


def records(workflow: Workflow, count: int, **fields: Any) -> list[ChatSession]:
    """Saved records, all alike."""
    return ChatSession.objects.bulk_create((a_record(workflow, **fields) for _ in range(count)), batch_size=1000)


def statuses() -> list[str]:
    """The statuses of all records, oldest first."""
    return list(ChatSession.objects.order_by("id").values_list("status", flat=True))


def a_request(user: User | None = None) -> HttpRequest:
    """A request with a Django session of its own, of somebody who is logged in or of a visitor."""
    request = RequestFactory().post("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    if user is not None:
        login(request, user)
    return request


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """What arrives with ``signal`` inside the block, in order."""
    arrived: list[dict[str, Any]] = []

    def listen(**arguments: Any) -> None:
        arguments.pop("signal")
        arrived.append(arguments)

    signal.connect(listen, weak=False)
    try:
        yield arrived
    finally:
        signal.disconnect(listen)
