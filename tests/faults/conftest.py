from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.models import ChatSession
from tests.behaviours import normal
from tests.callers import Browser, a_user, a_workflow, chatkit
from tests.fake_openai import FakeOpenAI

from .upstream import Fault, Told, leaks

#: Seconds that a call may take, and those that a busy machine may take besides.
IMPATIENT = {"TIMEOUT": 0.5, "DEADLINE": 0.8}
PATIENT = {"TIMEOUT": 15, "DEADLINE": 15}
GRACE = 10

Records = Callable[[], list[logging.LogRecord]]


@pytest.fixture
def ada(openai: FakeOpenAI, settings: Any) -> Browser:
    """Somebody who is logged in. There is a workflow for her."""
    a_workflow()
    chatkit(settings, **PATIENT)
    return Browser(a_user())


def told(response: Any) -> tuple[int, Any]:
    return response.status_code, response.json()


def says_so(row: Told) -> tuple[int, Any]:
    return row.status, {"detail": row.detail, "code": row.code}


def until(look: Callable[[], Any], expected: Any) -> Any:
    """What is there once it is as expected; or, in the end, what is there."""
    end = time.monotonic() + 30
    while (seen := look()) != expected and time.monotonic() < end:
        time.sleep(0.005)
    return seen


@pytest.fixture
def endure(ada: Browser, openai: FakeOpenAI, settings: Any, records: Records) -> Callable[..., None]:
    """See what comes of a fault: what is told, kept, logged and created, and that the next visitor gets a session."""

    def check(fault: Fault, upstream: FakeOpenAI = openai) -> None:
        chatkit(settings, BASE_URL=fault.base_url(upstream), **(IMPATIENT if fault.slow else {}))
        upstream.otherwise = fault.behaviour
        started = time.monotonic()
        response = ada.issue()
        assert time.monotonic() - started < settings.DJANGO_CHATKIT["DEADLINE"] + GRACE
        assert told(response) == says_so(fault.told)
        assert not leaks(f"{response.content!r} {response.headers} {response.cookies}")
        assert response.headers["Cache-Control"] == "no-store"
        assert not ChatSession.objects.exists()
        seen = until(lambda: (len(upstream.requests), len(upstream.sessions)), (fault.attempts, fault.created))
        assert seen == (fault.attempts, fault.created)
        (record,) = records()
        said = vars(record)
        assert (said["status"], said["code"], said["request_id"]) == (*fault.told[:2], fault.request_id)
        assert str(fault.request_id) in record.getMessage()
        assert not leaks(f"{said} {record.getMessage()}")

        chatkit(settings, BASE_URL=openai.url, **PATIENT)
        openai.otherwise = normal
        assert ada.issue().status_code == 201
        assert ChatSession.objects.count() == 1
        assert len(records()) == 1

    return check
