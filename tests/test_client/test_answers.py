"""What the client makes of the answers to create and cancel."""

from __future__ import annotations

import copy
import gzip
import json
import pickle
import time
import zlib
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient, ChatKitSession, EndedSession
from django_chatkit.exceptions import ChatKitResponseError
from django_chatkit.redaction import Secret
from tests.behaviours import Behaviour, answer, endless, head, raw
from tests.fake_openai import FakeOpenAI, full_answer

from .test_requests import EVERYTHING

SECRET = "ek_canary-secret"
MEBIBYTE = 2**20

#: As OpenAI's schema has it.
FULL = {
    "id": "cksess_1",
    "object": "chatkit.session",
    "client_secret": SECRET,
    "expires_at": 1_800_000_000,
    "status": "active",
    "user": "visitor-1",
    "workflow": {"id": "wf_1", "version": "2", "state_variables": {"plan": "pro"}, "tracing": {"enabled": False}},
    "chatkit_configuration": {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": True, "max_file_size": 20, "max_files": 3},
        "history": {"enabled": True, "recent_threads": None},
    },
    "rate_limits": {"max_requests_per_1_minute": 7},
    "max_requests_per_1_minute": 7,
}
#: As the example in OpenAI's reference has it.
EXAMPLE = {
    "client_secret": SECRET,
    "expires_at": 1_800_000_000,
    "workflow": {"id": "wf_1", "version": "2024-10-01"},
    "scope": {"project": "proj_1", "environment": "staging"},
    "max_requests_per_1_minute": 60,
    "max_requests_per_session": 500,
    "status": "active",
}
LEAST = ChatKitSession(client_secret=Secret(SECRET), expires_at=1_800_000_000)
NOT_TEXT: list[Any] = [None, True, 1, 1.5, [], ["a"], {}, {"a": 1}]
UNSTORABLE = ["", "a\x00b", "\ud800", "a\nb", "\x7f"]


def create(openai: FakeOpenAI, client: ChatKitClient, content: Any, **headers: str) -> ChatKitSession:
    openai.script(answer(200, content, {"x-request-id": "req_1", **headers}))
    return client.create_session(user="visitor-1", workflow={"id": "wf_1"})


def at(path: str, value: Any) -> dict[str, Any]:
    """``FULL`` with ``value`` at a dotted ``path``."""
    changed = copy.deepcopy(FULL)
    *sections, name = path.split(".")
    section: Any = changed
    for step in sections:
        section = section[step]
    section[name] = value
    return changed


def test_the_full_answer(client: ChatKitClient, openai: FakeOpenAI) -> None:
    assert create(openai, client, FULL) == ChatKitSession(
        client_secret=Secret(SECRET),
        expires_at=1_800_000_000,
        id="cksess_1",
        status="active",
        user="visitor-1",
        workflow_id="wf_1",
        workflow_version="2",
        state_variables={"plan": "pro"},
        tracing_enabled=False,
        chatkit_configuration={
            "automatic_thread_titling": {"enabled": True},
            "file_upload": {"enabled": True, "max_file_size": 20, "max_files": 3},
            "history": {"enabled": True, "recent_threads": None},
        },
        max_requests_per_1_minute=7,
        request_id="req_1",
    )


def test_the_answer_of_the_reference_s_example(client: ChatKitClient, openai: FakeOpenAI) -> None:
    assert create(openai, client, EXAMPLE) == ChatKitSession(
        client_secret=Secret(SECRET),
        expires_at=1_800_000_000,
        status="active",
        workflow_id="wf_1",
        workflow_version="2024-10-01",
        max_requests_per_1_minute=60,
        request_id="req_1",
    )


def test_a_whole_request_comes_back(client: ChatKitClient, openai: FakeOpenAI) -> None:
    created = client.create_session(**EVERYTHING)
    assert created.client_secret == openai.secrets[0]
    assert created.expires_at == pytest.approx(time.time() + 60, abs=30)
    assert created.state_variables == EVERYTHING["workflow"]["state_variables"]
    assert created.chatkit_configuration == EVERYTHING["chatkit_configuration"]
    assert (created.workflow_version, created.tracing_enabled, created.max_requests_per_1_minute) == ("2", False, 7)


def test_nothing_else_is_required(client: ChatKitClient, openai: FakeOpenAI) -> None:
    created = create(openai, client, {"client_secret": SECRET, "expires_at": 1_800_000_000}, **{"x-request-id": ""})
    assert created == LEAST


def test_unknown_fields_are_ignored(client: ChatKitClient, openai: FakeOpenAI) -> None:
    unknown = {"expires_after": 5, "new": {"nested": [1]}, "": None, "__class__": "x", "request_id": "req_forged"}
    workflow = {**FULL["workflow"], "icon": "x"}  # type: ignore[dict-item]
    configuration = {**FULL["chatkit_configuration"], "voice": {"enabled": True}}  # type: ignore[dict-item]
    changed = {**FULL, **unknown, "workflow": workflow, "chatkit_configuration": configuration}
    assert create(openai, client, changed) == create(openai, client, FULL)


OPTIONAL: dict[str, tuple[str, list[Any]]] = {
    "id": ("id", [*NOT_TEXT, *UNSTORABLE, "a/b", "x" * 256]),
    "status": ("status", [*NOT_TEXT, *UNSTORABLE, "Active", "active ", "unheard-of"]),
    "user": ("user", [*NOT_TEXT, *UNSTORABLE, "x" * 513]),
    "workflow.id": ("workflow_id", [*NOT_TEXT, *UNSTORABLE, "x" * 256]),
    "workflow.version": ("workflow_version", [*NOT_TEXT, *UNSTORABLE, "x" * 256]),
    "workflow.state_variables": ("state_variables", [None, True, 1, "a", [], ["a"], {}]),
    "workflow.tracing.enabled": ("tracing_enabled", [None, 1, 0, "true", [], {}]),
    "workflow.tracing": ("tracing_enabled", [None, True, "a", ["enabled"]]),
    "chatkit_configuration": ("chatkit_configuration", [None, True, 1, "a", []]),
}


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [(path, field, value) for path, (field, values) in OPTIONAL.items() for value in values],
)
def test_an_unusable_optional_value_is_ignored(
    path: str, field: str, value: Any, client: ChatKitClient, openai: FakeOpenAI
) -> None:
    created = create(openai, client, at(path, value))
    expected = {**vars(create(openai, client, FULL)), field: None}
    assert vars(created) == expected


@pytest.mark.parametrize("value", [None, True, 1, "a", [], ["id"]])
def test_an_unusable_workflow_is_ignored(value: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    created = create(openai, client, at("workflow", value))
    assert (created.workflow_id, created.workflow_version) == (None, None)
    assert (created.state_variables, created.tracing_enabled) == (None, None)
    assert created.id == "cksess_1"


@pytest.mark.parametrize("value", [True, 0, -1, 1.0, "7", [], {}, 2**31, 10**30])
@pytest.mark.parametrize(
    ("section", "name"), [("file_upload", "max_file_size"), ("file_upload", "max_files"), ("history", "recent_threads")]
)
def test_an_unusable_number_of_the_configuration_is_ignored(
    section: str, name: str, value: Any, client: ChatKitClient, openai: FakeOpenAI
) -> None:
    created = create(openai, client, at(f"chatkit_configuration.{section}.{name}", value))
    expected = copy.deepcopy(FULL["chatkit_configuration"])
    del expected[section][name]  # type: ignore[index]
    assert created.chatkit_configuration == expected


@pytest.mark.parametrize("value", [0, 1, "true", [], {}])
def test_an_unusable_switch_of_the_configuration_is_ignored(
    value: Any, client: ChatKitClient, openai: FakeOpenAI
) -> None:
    created = create(openai, client, at("chatkit_configuration.history.enabled", value))
    assert created.chatkit_configuration is not None
    assert created.chatkit_configuration["history"] == {"recent_threads": None}


@pytest.mark.parametrize("value", [None, True, "a", 1, [], {}, {"unknown": 1}])
def test_an_unusable_section_of_the_configuration_is_ignored(
    value: Any, client: ChatKitClient, openai: FakeOpenAI
) -> None:
    created = create(openai, client, at("chatkit_configuration.file_upload", value))
    assert created.chatkit_configuration is not None
    assert set(created.chatkit_configuration) == {"automatic_thread_titling", "history"}


@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, "7", [], {}, 2**31])
def test_either_place_of_the_rate_limit_will_do(value: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    inner = create(openai, client, at("max_requests_per_1_minute", value))
    outer = create(openai, client, at("rate_limits.max_requests_per_1_minute", value))
    broken = create(openai, client, at("rate_limits", value))
    neither = create(openai, client, {**at("rate_limits", value), "max_requests_per_1_minute": value})
    limits = [made.max_requests_per_1_minute for made in (inner, outer, broken, neither)]
    assert limits == [7, 7, 7, None]


@pytest.mark.parametrize("value", [*NOT_TEXT, *UNSTORABLE], ids=repr)
def test_no_session_without_a_usable_secret(value: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(ChatKitResponseError, match="lacks client_secret or expires_at") as caught:
        create(openai, client, at("client_secret", value))
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -1, "1800000000", [], {}, 253_402_300_800, 1_800_000_000_000, 10**400]
)
def test_no_session_without_a_usable_time(value: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(ChatKitResponseError, match="lacks client_secret or expires_at") as caught:
        create(openai, client, at("expires_at", value))
    assert caught.value.request_id == "req_1"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("missing", ["client_secret", "expires_at"])
def test_no_session_without_what_a_page_needs(missing: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(ChatKitResponseError, match="lacks client_secret or expires_at"):
        create(openai, client, {name: value for name, value in FULL.items() if name != missing})


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_no_session_until_a_time_that_is_no_number(word: bytes, client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(ChatKitResponseError, match="lacks client_secret or expires_at"):
        create(openai, client, json.dumps(FULL).encode().replace(b"1800000000", word, 1))


def test_a_fraction_of_a_second_is_cut_off(client: ChatKitClient, openai: FakeOpenAI) -> None:
    assert create(openai, client, at("expires_at", 1_800_000_000.9)).expires_at == 1_800_000_000


DEEP = b"[" * 200_000 + b"]" * 200_000
NOT_JSON: dict[str, Behaviour] = {
    "nothing": answer(200, b""),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "HTML": answer(200, b"<!doctype html><title>Maintenance</title>", {"Content-Type": "text/html"}),
    "half of it": answer(200, json.dumps(FULL).encode()[:-20]),
    "two of it": answer(200, json.dumps(FULL).encode() * 2),
    "deep": answer(200, DEEP),
    "deep in a field": answer(200, b'{"client_secret": "a", "workflow": ' + DEEP + b"}"),
    "not UTF-8": answer(200, b'{"client_secret": "\xff"}'),
    "an endless number": answer(200, b'{"expires_at": ' + b"1" * 100_000 + b"}"),
    "a list": answer(200, [FULL]),
    "text": answer(200, "ok"),
    "null": answer(200, None),
    "a number": answer(200, 1),
    "called gzip": answer(200, b"{}", {"Content-Encoding": "gzip"}),
    "broken gzip": answer(200, gzip.compress(b"{}" * 1000)[:12] + b"x" * 20, {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("behaviour", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("call", ["create", "cancel"])
def test_what_is_no_json_object(call: str, behaviour: Behaviour, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(behaviour)
    with pytest.raises(ChatKitResponseError, match=r"^OpenAI's answer is not a JSON object\.$"):
        if call == "create":
            client.create_session(user="u", workflow={"id": "wf_1"})
        else:
            client.cancel_session("cksess_1")
    assert len(openai.requests) == 1


TOO_LARGE: dict[str, Behaviour] = {
    "with its length": answer(200, json.dumps({**FULL, "more": "x" * (20 * MEBIBYTE)}).encode()),
    "endless": endless(head(200, {}), b" " * MEBIBYTE),
    "endless chunks": endless(head(200, {"Transfer-Encoding": "chunked"}), b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "a bomb": answer(200, gzip.compress(b" " * (64 * MEBIBYTE), 1), {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("behaviour", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_limit_on_its_size(behaviour: Behaviour, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(behaviour)
    with pytest.raises(ChatKitResponseError, match=r"^OpenAI's answer is too large\.$"):
        client.create_session(user="u", workflow={"id": "wf_1"})
    client.create_session(user="u", workflow={"id": "wf_1"})
    assert openai.requests[1].connection == 2  # the rest of the answer is not read as the next one


def test_the_largest_state_variables_are_within_the_limit(client: ChatKitClient, openai: FakeOpenAI) -> None:
    variables = {"text": "x" * 10_485_760}
    assert create(openai, client, at("workflow.state_variables", variables)).state_variables == variables


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)]
)
def test_a_packed_answer(coding: str, pack: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    created = create(openai, client, pack(json.dumps(FULL).encode()), **{"Content-Encoding": coding})
    assert created == create(openai, client, FULL)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_answer_in_any_coding_of_json(coding: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    content = json.dumps(at("user", "Zoë"), ensure_ascii=False).encode(coding)
    assert create(openai, client, content).user == "Zoë"


def test_a_chunked_answer(client: ChatKitClient, openai: FakeOpenAI) -> None:
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in json.dumps(FULL).encode())
    openai.script(raw(head(200, {"Transfer-Encoding": "chunked"}) + body + b"0\r\n\r\n"))
    assert client.create_session(user="u", workflow={"id": "wf_1"}).id == "cksess_1"


def test_any_2xx_will_do(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(answer(201, FULL))
    assert client.create_session(user="u", workflow={"id": "wf_1"}).id == "cksess_1"


def test_continue_is_not_the_answer(client: ChatKitClient, openai: FakeOpenAI) -> None:
    body = json.dumps(FULL).encode()
    openai.script(raw(b"HTTP/1.1 100 Continue\r\n\r\n" + head(200, {"Content-Length": str(len(body))}) + body))
    assert client.create_session(user="u", workflow={"id": "wf_1"}).id == "cksess_1"


@pytest.mark.parametrize("status", ["cancelled", "expired", "active"])
def test_cancel_tells_the_status(status: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(answer(200, {**FULL, "status": status, "client_secret": ""}, {"x-request-id": "req_1"}))
    assert client.cancel_session("cksess_1") == EndedSession(id="cksess_1", status=status, request_id="req_1")


def test_cancel_needs_nothing_of_the_answer(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(answer(200, {"id": 5, "status": ["?"], "client_secret": None}, {"x-request-id": ""}))
    assert client.cancel_session("cksess_1") == EndedSession(id=None, status=None, request_id=None)


@pytest.mark.parametrize("header", ["", "req 1", "a" * 129, "<b>", "req_1, req_2", "req_\xe9"])
def test_a_request_id_is_plain(header: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    assert create(openai, client, FULL, **{"x-request-id": header}).request_id is None


def test_an_answer_does_not_show_its_secret(client: ChatKitClient, openai: FakeOpenAI) -> None:
    created = create(openai, client, at("workflow.state_variables", {"plan": "canary-variable"}))
    for shown in (repr(created), str(created), f"{created}", f"{vars(created)}", repr([created])):
        assert SECRET not in shown
    assert "canary" not in repr(created)
    assert copy.copy(created) == copy.deepcopy(created) == created
    assert SECRET not in repr(copy.deepcopy(created))


def test_an_answer_cannot_be_pickled(client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(create(openai, client, FULL))
    assert SECRET not in str(caught.value)


def test_an_answer_cannot_be_changed(client: ChatKitClient, openai: FakeOpenAI) -> None:
    with pytest.raises(AttributeError):
        create(openai, client, FULL).expires_at = 0  # type: ignore[misc]


def test_the_fake_answers_as_the_schema_has_it() -> None:
    made = full_answer(EVERYTHING)
    assert set(made) == set(FULL)
    assert {name: set(made[name]) for name in ("workflow", "chatkit_configuration")} == {
        name: set(FULL[name])  # type: ignore[call-overload]
        for name in ("workflow", "chatkit_configuration")
    }
