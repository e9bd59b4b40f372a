"""What visitors are told of the time that OpenAI asks to wait."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.behaviours import error
from tests.callers import Browser, chatkit
from tests.fake_openai import FakeOpenAI

from .conftest import says_so, told
from .upstream import BUSY

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("headers", "passed_on"),
    [
        ({"Retry-After": "7"}, "7"),
        ({"Retry-After": "0"}, None),  # there is nothing to wait for
        ({"Retry-After": "0.2"}, "1"),
        ({"Retry-After": "6.1"}, "7"),
        ({"Retry-After": "999999999"}, "999999999"),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, "2"),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, "9"),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, None),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Sun, 06 Nov 99999 08:49:37 GMT"}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_in_whole_seconds_if_it_is_a_time(
    headers: dict[str, str], passed_on: str | None, ada: Browser, openai: FakeOpenAI, settings: Any
) -> None:
    chatkit(settings, MAX_RETRIES=0)
    openai.script(error(429, "rate_limit_exceeded", headers))
    response = ada.issue()
    assert told(response) == says_so(BUSY)
    assert response.headers.get("Retry-After") == passed_on


def test_a_date_as_seconds(ada: Browser, openai: FakeOpenAI) -> None:
    openai.script(error(429, None, {"Retry-After": formatdate(time.time() + 3600, usegmt=True)}))
    assert 3500 <= int(ada.issue().headers["Retry-After"]) <= 3601
    assert len(openai.requests) == 1


@pytest.mark.parametrize("status", [401, 429, 503])
def test_nobody_is_told_to_wait_for_an_operator_or_a_failure(status: int, ada: Browser, openai: FakeOpenAI) -> None:
    openai.script(error(status, "insufficient_quota", {"Retry-After": "7"}))
    assert "Retry-After" not in ada.issue().headers
