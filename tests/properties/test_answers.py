"""OpenAI's answers: whatever comes, it becomes what was asked for or a ``ChatKitError``, and can be recorded."""

from __future__ import annotations

import io
import json
import math
from functools import partial
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from django_chatkit import sessions
from django_chatkit.client import ChatKitSession, EndedSession, ThreadPage
from django_chatkit.client.answers import Parser, ended, issued, outcome
from django_chatkit.client.threads import ChatKitThread, DeletedThread, deleted, page_of_threads, thread
from django_chatkit.exceptions import ChatKitError, ChatKitResponseError, ChatKitStatusError
from django_chatkit.models import ChatSession
from django_chatkit.redaction import Secret
from tests.behaviours import answer as answering
from tests.callers import Browser, a_user, a_workflow, chatkit
from tests.fake_openai import FakeOpenAI

from .anything import json_values, numbers, primitives, texts, undone

KEY = Secret("sk-tests-default-key")

PARSERS: dict[str, tuple[Parser[Any], type]] = {
    "issued": (issued, ChatKitSession),
    "ended": (ended, EndedSession),
    "thread": (partial(thread, "cthr_1"), ChatKitThread),
    "page": (page_of_threads, ThreadPage),
    "deleted": (partial(deleted, "cthr_1"), DeletedThread),
}

flags, anything = st.booleans() | primitives, json_values
counts = st.integers(-1, 2**33) | numbers
sections = st.fixed_dictionaries(
    {}, optional={"enabled": flags, "max_file_size": counts, "max_files": counts, "recent_threads": counts}
)
threads = st.fixed_dictionaries({}, optional={"id": st.just("cthr_1") | texts, "user": texts, "title": primitives})
#: Answers of the right shape in which any field may be wrong or missing.
answers = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["cksess_1", "cthr_1", "x" * 256, "a/b", "ä"]) | primitives,
        "client_secret": st.just("ek_1") | primitives,
        "expires_at": st.integers(0, 2**38) | st.floats() | primitives,
        "status": st.sampled_from(["active", "expired", "cancelled"]) | primitives,
        "user": texts | anything,
        "workflow": st.fixed_dictionaries(
            {},
            optional={
                "id": texts, "version": primitives, "tracing": sections | anything,
                "state_variables": st.dictionaries(texts, primitives, max_size=3) | anything,
            },
        )
        | anything,
        "chatkit_configuration": st.dictionaries(
            st.sampled_from(["automatic_thread_titling", "file_upload", "history", "x"]), sections | anything
        )
        | anything,
        "rate_limits": st.fixed_dictionaries({"max_requests_per_1_minute": counts}) | anything,
        "max_requests_per_1_minute": counts | anything,
        "data": st.lists(threads, max_size=3) | anything,
        "has_more": flags,
        "deleted": flags,
        "error": st.fixed_dictionaries({}, optional={"code": primitives, "type": texts, "message": texts}) | anything,
    },
)  # fmt: skip
#: Those that can be used as they are.
usable = st.builds(
    lambda answer, more: {**answer, **more},
    answers,
    st.fixed_dictionaries({"client_secret": st.just("ek_1"), "expires_at": st.integers(1, 253_402_300_799)}),
)


def response(status: int, body: bytes, headers: dict[str, str]) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.headers.update(headers)
    made.raw = HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
    return made


statuses = st.sampled_from([200, 201, 302, 400, 401, 404, 408, 429, 500, 503]) | st.integers(205, 999).filter(
    (304).__ne__
)
header_values = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=20)
moments = ("Wed, 21 Oct 2099 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359")
retry_after = st.sampled_from(["1", "1.5", "-1", "9" * 400, "nan", "inf", "1e5", *moments]) | header_values
header_sets = st.fixed_dictionaries(
    {},
    optional={
        "x-request-id": header_values, "retry-after": retry_after, "retry-after-ms": retry_after,
        "content-encoding": st.sampled_from(["gzip", "deflate", "identity", "x"]),
    },
)  # fmt: skip
bodies = (answers | json_values).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)


@pytest.mark.parametrize(("parse", "kind"), PARSERS.values(), ids=PARSERS)
@given(status=statuses, body=bodies, headers=header_sets)
def test_any_answer_is_what_was_asked_for_or_an_error(
    parse: Parser[Any], kind: type, status: int, body: bytes, headers: dict[str, str]
) -> None:
    found = outcome(response(status, body, headers), parse, KEY)
    assert isinstance(found, kind | ChatKitResponseError | ChatKitStatusError)
    assert isinstance(found, ChatKitStatusError) == (not 200 <= status < 300)
    if isinstance(found, ChatKitStatusError):
        assert found.code is None or (found.code.isascii() and len(found.code) <= 64)
        assert found.retry_after is None or 0 <= found.retry_after < math.inf
    assert found.request_id is None or found.request_id.isascii() if hasattr(found, "request_id") else True


@given(usable)
def test_a_usable_answer_is_used_and_what_is_odd_in_it_is_left_out(answer: dict[str, Any]) -> None:
    found = issued(answer, "req_1")
    assert isinstance(found, ChatKitSession)
    assert (found.client_secret, found.expires_at) == ("ek_1", answer["expires_at"])
    for text in (found.id, found.status, found.user, found.workflow_id, found.workflow_version):
        assert text is None or (text.isprintable() and text.encode() and len(text) <= 512)


@pytest.mark.django_db
@given(st.lists(usable | answers | json_values, min_size=1, max_size=3))
@settings(max_examples=settings.default.max_examples // 3)
def test_any_json_over_the_wire_is_a_recorded_session_or_a_chatkit_error(openai: FakeOpenAI, values: list[Any]) -> None:
    with undone():
        workflow = a_workflow()
        for value in values:
            openai.script(answering(200, value))
            before = ChatSession.objects.count()
            try:
                with undone():
                    session = sessions.create_session(workflow, user_identifier="x").session
                    session.refresh_from_db()
                    session.full_clean(exclude=["chatkit_configuration", "state_variables"])
            except ChatKitError:
                assert ChatSession.objects.count() == before
            openai._script.clear()


@pytest.mark.django_db
@given(usable | answers | json_values, statuses)
@settings(max_examples=settings.default.max_examples // 3)
def test_any_answer_is_an_answer_of_ours_to_the_browser(
    openai: FakeOpenAI, settings: Any, value: Any, status: int
) -> None:
    chatkit(settings, MAX_RETRIES=0)
    with undone():
        a_workflow()
        openai.script(answering(status, value))
        answered = Browser(a_user()).issue()
        assert answered.status_code in (201, 502, 503)
        assert set(answered.json()) >= ({"client_secret"} if answered.status_code == 201 else {"detail", "code"})
        openai._script.clear()
