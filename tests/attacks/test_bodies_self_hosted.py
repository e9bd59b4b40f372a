# ruff: noqa: F401, F811 (fixtures)
"""The same bodies for a self-hosted chat."""

from __future__ import annotations

import json

import pytest

from django_chatkit.models import ChatItem, ChatThread

from ..server import chat
from ..server.chat import Caller
from ..server.conftest import agents, inline, issued, uncounted, workflow
from .test_bodies import BAD

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("inline")]

MESSAGE = json.loads(chat.body(chat.create("Hello")))


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_what_is_no_request_does_nothing(issued, body, encoding):
    headers = {"Content-Encoding": encoding} if encoding else {}
    status, code = Caller(issued, **headers).refused(body)
    assert (status, code) in {(400, "parse_error"), (400, "invalid")}
    assert not ChatThread.objects.exists()


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_has_not(issued, number):
    body = chat.body(chat.threads(limit=5)).replace(b"5", number)
    assert number in body
    assert Caller(issued).refused(body) == (400, "parse_error")


@pytest.mark.parametrize("limit", [-1, 0, 10**9, 2**63, 10**30])
def test_huge_numbers(issued, limit):
    body = chat.body(chat.threads(limit=5)).replace(b"5", str(limit).encode())
    answer = Caller(issued).answer(body)
    assert answer.status_code in (200, 400)


def test_a_repeated_name_counts_once(issued):
    """The last one: for our own checks and for OpenAI's SDK alike."""
    body = b'{"type": "threads.delete", ' + json.dumps(MESSAGE)[1:].encode()
    events = Caller(issued).ask(body)
    assert events.text == "Hello "
    assert ChatThread.objects.count() == 1
    assert ChatItem.objects.exists()
