"""Requests to the chat that are hardly any: too many values, ids of others everywhere, what no database takes."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from django_chatkit.models import ChatThread, Workflow
from django_chatkit.server import parsing
from django_chatkit.server.refusals import Refusal

from .. import chat
from ..chat import Caller
from ..issued import Issued, issue

MESSAGE = '{"type":"threads.create","params":{"input":{"content":%s,"attachments":%s,"inference_options":{}}}}'
FEEDBACK = '{"type":"items.feedback","params":{"thread_id":"a","kind":"positive","item_ids":%s}}'
ANSWERS = '{"type":"threads.add_structured_input","params":{"input":{"answers":{%s}}}}'
MANY = 1_000_000


def of(value: str, number: int = MANY) -> str:
    return f"[{','.join([value] * number)}]"


BOMBS = {
    "parts that are numbers": MESSAGE % (of("0"), "[]"),
    "parts without a type": MESSAGE % (of("{}", 800_000), "[]"),
    "attachments that are numbers": MESSAGE % ("[]", of("0")),
    "attachments": MESSAGE % ("[]", of('""', 800_000)),
    "items": FEEDBACK % of('"a"', 600_000),
    "answers": ANSWERS % ",".join(f'"{number}":0' for number in range(200_000)),
    "a list": of("0"),
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_million_mistakes_are_not_counted(body: str) -> None:
    """Pydantic would keep each of them: 27 seconds and 1.2 GB for 2 MB of zeros, and nobody else was answered."""
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refused:
            parsing.parsed(body.encode())
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (refused.value.status, refused.value.code) == (413, "too_large")
    assert most < 250_000_000


@pytest.mark.parametrize("number", [parsing.MAX_ERRORS + 1, parsing.MAX_VALUES - 200])
def test_many_mistakes_are_not_told(number: int) -> None:
    with pytest.raises(Refusal) as refused:
        parsing.parsed((MESSAGE % (of("0", number), "[]")).encode())
    assert (refused.value.status, str(refused.value)) == (400, "request: more than 100 problems.")


def test_what_a_tool_answers_may_be_long() -> None:
    result = list(range(40_000))
    assert parsing.parsed(chat.body(chat.tool_output("a", result))).params.result == result  # type: ignore[union-attr]


IDS = [
    "thr_1",
    "../thr_1",
    "THR_1",
    "thr_1 ",
    "%",
    "' OR 1=1 --",
    "a\0b",
    "\ufffd",
    "x" * 255,
    "x" * 256,
    "x" * 100_000,
    "",
    "\u202e",
]


#: Not there, no id, and: this chat takes no files.
REFUSED = ((404, "not_found"), (400, "invalid"), (403, "permission_denied"))


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("known", IDS, ids=range(len(IDS)))
def test_ids_of_nothing_lead_nowhere(issued: Issued, known: str) -> None:
    """In every place of every request that takes one, and nothing is written."""
    me = Caller(issued)
    requests = [
        chat.get(known), chat.add(known), chat.rename(known, "a"), chat.delete(known), chat.items(known),
        chat.retry(known, known), chat.feedback(known, known), chat.act(known, known), chat.act_in_sync(known, known),
        chat.tool_output(known, {}), chat.answers(known, known), chat.discard(known), chat.threads(after=known),
        chat.create("a", (known,)),
    ]  # fmt: skip
    for wanted in requests:
        answer = me.answer(wanted)
        if answer.status_code == 200:  # an empty page of items, as the SDK's own stores have it, and no ``after``
            assert json.loads(answer.content)["data"] == [], wanted.type
        else:
            assert (answer.status_code, answer.json()["code"]) in REFUSED, wanted.type
    assert not ChatThread.objects.exists()


@pytest.mark.usefixtures("inline")
def test_a_message_as_long_as_a_request_may_be(issued: Issued, settings: Any) -> None:
    """It is kept and read again as it was."""
    me, text = Caller(issued), "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE - 400)
    begun = me.ask(chat.create(text))
    assert begun.text == text + " "
    assert me.ask(chat.items(begun.thread_id, order="asc"))["data"][0]["content"][0]["text"] == text
    assert me.refused(chat.create(text + "x" * 400)) == (413, "too_large")


@pytest.mark.usefixtures("inline")
def test_streams_of_one_user_are_bounded_by_the_minute(workflow: Workflow) -> None:
    """So many answers begin in a minute, whatever sessions they are asked with, and however they are asked for."""
    workflow.max_requests_per_1_minute = 3
    workflow.save()
    answers = [Caller(issue(workflow, "user-1")).answer(chat.create("Hi")).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
