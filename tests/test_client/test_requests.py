"""What the client sends."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient, session_request
from tests.fake_openai import FakeOpenAI

from .conftest import KEY, Connect

EVERYTHING: dict[str, Any] = {
    "user": "visitor-1",
    "workflow": {
        "id": "wf_1",
        "version": "2",
        "state_variables": {"plan": "pro", "seats": 3, "ratio": 0.5, "trial": False, "empty": ""},
        "tracing": {"enabled": False},
    },
    "chatkit_configuration": {
        "automatic_thread_titling": {"enabled": False},
        "file_upload": {"enabled": True, "max_file_size": 20, "max_files": 3},
        "history": {"enabled": True, "recent_threads": 5},
    },
    "expires_after": {"anchor": "created_at", "seconds": 60},
    "rate_limits": {"max_requests_per_1_minute": 7},
}


def leaves(value: Any, *path: str) -> Iterator[tuple[str, ...]]:
    if not isinstance(value, dict):
        yield path
        return
    for name, item in value.items():
        yield from leaves(item, *path, name)


def without(value: dict[str, Any], path: tuple[str, ...], *, left: dict[str, Any]) -> dict[str, Any]:
    """``value`` with what is at ``path`` replaced by ``left``."""
    name, *rest = path
    return {**value, **left} if not rest else {**value, name: without(value[name], tuple(rest), left=left)}


def test_every_field_is_sent_as_it_was_given(client: ChatKitClient, openai: FakeOpenAI) -> None:
    client.create_session(**EVERYTHING)
    (request,) = openai.requests
    assert (request.method, request.path, request.json) == ("POST", "/v1/chatkit/sessions", EVERYTHING)


def test_only_what_is_required_is_sent_by_default(client: ChatKitClient, openai: FakeOpenAI) -> None:
    client.create_session(user="visitor-1", workflow={"id": "wf_1"})
    assert openai.requests[0].json == {"user": "visitor-1", "workflow": {"id": "wf_1"}}


@pytest.mark.parametrize("path", list(leaves(EVERYTHING)), ids=".".join)
def test_an_unset_field_is_left_out(path: tuple[str, ...]) -> None:
    sent = session_request(**without(EVERYTHING, path, left={path[-1]: None}))
    assert path not in list(leaves(sent))
    assert set(leaves(sent)) == set(leaves(EVERYTHING)) - {path}


@pytest.mark.parametrize("unset", [None, {"history": None}, {"history": {"enabled": None}}])
def test_a_section_in_which_nothing_is_set_is_left_out(unset: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    client.create_session(user="u", workflow={"id": "wf_1", "tracing": {"enabled": None}}, chatkit_configuration=unset)
    assert openai.requests[0].json == {"user": "u", "workflow": {"id": "wf_1"}}


@pytest.mark.parametrize("empty", [{}, {"history": {}}])
def test_what_is_empty_is_not_unset(empty: Any) -> None:
    wanted = {"user": "u", "workflow": {"id": "wf_1", "state_variables": {}}, "chatkit_configuration": empty}
    assert session_request(**wanted) == wanted


def test_any_mapping_will_do(client: ChatKitClient, openai: FakeOpenAI) -> None:
    workflow = MappingProxyType({"id": "wf_1", "state_variables": MappingProxyType({"a": 1})})
    client.create_session(user="u", workflow=workflow)
    assert openai.requests[0].json["workflow"] == {"id": "wf_1", "state_variables": {"a": 1}}


def test_nothing_given_is_changed() -> None:
    given = {"id": "wf_1", "version": None, "state_variables": {"a": None}}
    session_request(user="u", workflow=given)
    assert given == {"id": "wf_1", "version": None, "state_variables": {"a": None}}


@pytest.mark.parametrize("text", ["ü €", "\N{GRINNING FACE}", "\u2028", 'quo"te\\', "\x00", "\ud800"])
def test_any_text_can_be_sent(text: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    client.create_session(user=text, workflow={"id": "wf_1", "state_variables": {text: text}})
    assert openai.requests[0].json == {"user": text, "workflow": {"id": "wf_1", "state_variables": {text: text}}}


@pytest.mark.parametrize(
    ("value", "error"),
    [(float("nan"), ValueError), (float("inf"), ValueError), (object(), TypeError), (b"", TypeError)],
    ids=["NaN", "infinity", "an object", "bytes"],
)
def test_what_json_cannot_hold_is_not_sent(
    value: Any, error: type[Exception], client: ChatKitClient, openai: FakeOpenAI
) -> None:
    with pytest.raises(error):
        client.create_session(user="u", workflow={"id": "wf_1", "state_variables": {"a": value}})
    assert openai.requests == []


def test_ten_mebibytes_of_state_variables_arrive(client: ChatKitClient, openai: FakeOpenAI) -> None:
    variables = {"text": "x" * 10_485_760}
    client.create_session(user="u", workflow={"id": "wf_1", "state_variables": variables})
    assert openai.requests[0].json["workflow"]["state_variables"] == variables


def test_the_headers(connect: Connect, openai: FakeOpenAI) -> None:
    connect(organization="org-1", project="proj_1").create_session(user="u", workflow={"id": "wf_1"})
    headers = openai.requests[0].headers
    assert headers.get_all("Authorization") == [f"Bearer {KEY}"]
    assert headers.get_all("OpenAI-Beta") == ["chatkit_beta=v1"]
    assert headers.get_all("Content-Type") == ["application/json"]
    assert headers.get_all("OpenAI-Organization") == ["org-1"]
    assert headers.get_all("OpenAI-Project") == ["proj_1"]


@pytest.mark.parametrize("unset", [None, ""])
def test_organization_and_project_are_sent_only_when_set(
    unset: str | None, connect: Connect, openai: FakeOpenAI
) -> None:
    connect(organization=unset, project=unset).create_session(user="u", workflow={"id": "wf_1"})
    assert "OpenAI-Organization" not in openai.requests[0].headers
    assert "OpenAI-Project" not in openai.requests[0].headers


def test_clients_that_share_a_pool_share_no_headers(connect: Connect, openai: FakeOpenAI) -> None:
    connect(organization="org-1", project="proj_1").create_session(user="u", workflow={"id": "wf_1"})
    connect().create_session(user="u", workflow={"id": "wf_1"})
    assert openai.requests[1].connection == openai.requests[0].connection
    assert "OpenAI-Organization" not in openai.requests[1].headers
    assert "OpenAI-Project" not in openai.requests[1].headers


def test_cancel_has_no_body(client: ChatKitClient, openai: FakeOpenAI) -> None:
    created = client.create_session(user="u", workflow={"id": "wf_1"})
    client.cancel_session(str(created.id))
    request = openai.requests[1]
    assert (request.method, request.path) == ("POST", f"/v1/chatkit/sessions/{created.id}/cancel")
    assert (request.body, request.headers["Content-Length"]) == (b"", "0")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["OpenAI-Beta"] == "chatkit_beta=v1"
    assert openai.cancelled == [created.id]


@pytest.mark.parametrize(
    "text", ["", "a/b", "../models", "a?b", "a#b", "a%2fb", "a b", "a\n", "ü", ".", "a\r\nX: y", "a\x00"]
)
def test_what_is_no_id_is_not_sent(text: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(ValueError, match="is not the id of a session"):
        client.cancel_session(text)
    assert openai.requests == []


@pytest.mark.parametrize("argument", ["api_key", "organization", "project"])
@pytest.mark.parametrize(
    "value", ["canary\n", "canary\r\nX: y", "can ary", " canary", "canäry", "canary\x00", "canary\x7f"]
)
def test_what_no_header_may_hold_is_refused_unseen(argument: str, value: str) -> None:
    arguments: dict[str, Any] = {"api_key": KEY, argument: value}
    with pytest.raises(ValueError, match=f"^{argument} is empty or holds characters") as caught:
        ChatKitClient(**arguments)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("nothing", ["", None])
def test_a_key_is_required(nothing: Any) -> None:
    with pytest.raises(ValueError, match=r"^api_key is empty"):
        ChatKitClient(nothing)


@pytest.mark.parametrize(("timeout", "both"), [(5, (5, 5)), (0.5, (0.5, 0.5)), ((1, 2), (1, 2)), ([1, 2], (1, 2))])
def test_a_timeout_is_one_number_or_two(timeout: Any, both: tuple[float, float]) -> None:
    assert ChatKitClient(KEY, timeout=timeout).timeout == both


@pytest.mark.parametrize("timeout", [(), (1,), (1, 2, 3), 0, (1, 0), (0, 1), (1, -1), (True, 1), "soon"])
def test_a_timeout_is_nothing_else(timeout: Any) -> None:
    with pytest.raises(ValueError, match=r"unpack|[Tt]imeout"):
        ChatKitClient(KEY, timeout=timeout)


@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_a_slash_at_the_end_of_the_base_url_is_harmless(slashes: str, connect: Connect, openai: FakeOpenAI) -> None:
    connect(base_url=openai.url + slashes).create_session(user="u", workflow={"id": "wf_1"})
    assert openai.requests[0].path == "/v1/chatkit/sessions"


def test_openai_is_the_default() -> None:
    assert ChatKitClient(KEY).base_url == "https://api.openai.com/v1"
