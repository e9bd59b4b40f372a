"""Threads at OpenAI: read and deleted, and nothing believed that the answer does not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient, ChatKitThread, DeletedThread, ThreadPage
from django_chatkit.exceptions import (
    ChatKitConfigurationRejected,
    ChatKitConnectionError,
    ChatKitRateLimited,
    ChatKitResponseError,
    ChatKitServerError,
)
from tests.behaviours import acting, answer, error, hang_up
from tests.fake_openai import FakeOpenAI

SOON = {"retry-after-ms": "1"}
A_THREAD = {"id": "cthr_1", "object": "chatkit.thread", "user": "user-1", "title": None}

CALLS: dict[str, Callable[[ChatKitClient], Any]] = {
    "list": lambda client: client.list_threads("user-1"),
    "get": lambda client: client.get_thread("cthr_1"),
    "delete": lambda client: client.delete_thread("cthr_1"),
}


def test_the_threads_of_one_user_page_by_page(client: ChatKitClient, openai: FakeOpenAI) -> None:
    ids = [openai.add_thread("user-1", f"Title {number}") for number in range(5)]
    openai.add_thread("user-11")
    first = client.list_threads("user-1", limit=3)
    second = client.list_threads("user-1", limit=3, after=first.after)
    assert [thread.id for thread in first.threads] == ids[:3]
    assert first.after == ids[2]
    assert [thread.id for thread in second.threads] == ids[3:]
    assert second.after is None
    assert {thread.user for page in (first, second) for thread in page.threads} == {"user-1"}
    assert first.threads[0].title == "Title 0"


def test_somebody_without_threads(client: ChatKitClient) -> None:
    assert client.list_threads("nobody") == ThreadPage((), None)


def test_a_user_identifier_is_sent_as_it_is(client: ChatKitClient, openai: FakeOpenAI) -> None:
    user = "staging:Zoë & Co?#/+%20"
    thread_id = openai.add_thread(user)
    assert [thread.id for thread in client.list_threads(user).threads] == [thread_id]
    assert openai.requests[0].path.startswith("/v1/chatkit/threads?limit=100&order=asc&user=staging%3AZo%C3%AB+%26+Co")


def test_one_thread(client: ChatKitClient, openai: FakeOpenAI) -> None:
    thread_id = openai.add_thread("user-1", "Refund")
    assert client.get_thread(thread_id) == ChatKitThread(thread_id, "user-1", "Refund")


def test_deleting(client: ChatKitClient, openai: FakeOpenAI) -> None:
    thread_id, other = openai.add_thread("user-1"), openai.add_thread("user-1")
    assert client.delete_thread(thread_id) == DeletedThread(thread_id)
    assert list(openai.threads) == [other]
    with pytest.raises(ChatKitConfigurationRejected) as caught:
        client.delete_thread(thread_id)
    assert caught.value.status_code == 404


def test_a_title_is_not_in_logs(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.add_thread("user-1", "canary")
    assert "canary" not in repr(client.list_threads("user-1"))


@pytest.mark.parametrize("bad", ["", "a/b", "..", "cthr 1", "cthr_1\n", "cthr_1?x=1"])
def test_an_id_that_is_none_is_never_sent(client: ChatKitClient, openai: FakeOpenAI, bad: str) -> None:
    for call in (client.get_thread, client.delete_thread, lambda after: client.list_threads("u", after=after)):
        with pytest.raises(ValueError, match="is not the id of a thread"):
            call(bad)
    assert openai.requests == []


@pytest.mark.parametrize("wanted", [{"user": ""}, {"user": "x" * 513}, {"limit": 0}, {"limit": 101}], ids=str)
def test_what_openai_would_refuse_or_answer_for_everybody_is_never_sent(
    client: ChatKitClient, openai: FakeOpenAI, wanted: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="1 to 512 characters"):
        client.list_threads(**{"user": "u", **wanted})
    assert openai.requests == []


PAGE = {"object": "list", "data": [A_THREAD], "has_more": False}
BAD: dict[str, tuple[str, Any]] = {
    "no data": ("list", {"has_more": False}),
    "data of another kind": ("list", {**PAGE, "data": {"cthr_1": A_THREAD}}),
    "no word whether there is more": ("list", {"data": [A_THREAD]}),
    "more, but nothing to go on from": ("list", {"data": [], "has_more": True}),
    "a thread without a user": ("list", {**PAGE, "data": [A_THREAD, {**A_THREAD, "user": None}]}),
    "a thread without an id": ("list", {**PAGE, "data": [{**A_THREAD, "id": None}]}),
    "an id that is none": ("list", {**PAGE, "data": [{**A_THREAD, "id": "../sessions"}]}),
    "no thread": ("list", {**PAGE, "data": ["cthr_1"]}),
    "nobody's": ("get", {**A_THREAD, "user": ""}),
    "another thread": ("get", {**A_THREAD, "id": "cthr_2"}),
    "not deleted": ("delete", {"id": "cthr_1", "deleted": False}),
    "almost deleted": ("delete", {"id": "cthr_1", "deleted": "true"}),
    "another one deleted": ("delete", {"id": "cthr_2", "deleted": True}),
}


@pytest.mark.parametrize("case", BAD)
def test_answers_that_do_not_say_what_they_must(client: ChatKitClient, openai: FakeOpenAI, case: str) -> None:
    call, content = BAD[case]
    openai.script(answer(200, content, {"x-request-id": "req_7"}))
    with pytest.raises(ChatKitResponseError) as caught:
        CALLS[call](client)
    assert caught.value.request_id == "req_7"
    assert len(openai.requests) == 1


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (error(429, headers=SOON), ChatKitRateLimited),
        (error(500, headers=SOON), ChatKitServerError),
        (hang_up, ChatKitConnectionError),
    ],
    ids=["429", "500", "cut"],
)
def test_what_passes_is_tried_again(
    client: ChatKitClient, openai: FakeOpenAI, call: str, behaviour: Any, kind: type[Exception]
) -> None:
    good = {"list": PAGE, "get": A_THREAD, "delete": {"id": "cthr_1", "deleted": True}}[call]
    openai.script(behaviour, behaviour, answer(200, good))
    CALLS[call](client)
    assert len(openai.requests) == 3
    openai.script(behaviour, behaviour, behaviour)
    with pytest.raises(kind):
        CALLS[call](client)
    assert len({request.path for request in openai.requests}) == 1


def test_deleted_by_an_answer_that_was_lost(client: ChatKitClient, openai: FakeOpenAI) -> None:
    thread_id = openai.add_thread("user-1")
    openai.script(acting(hang_up))
    with pytest.raises(ChatKitConfigurationRejected) as caught:
        client.delete_thread(thread_id)
    assert (caught.value.status_code, openai.threads) == (404, {})
