"""OpenAI in memory refuses what OpenAI refuses. What a session's body may hold is tested with the stand-in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_chatkit.client.transport import pool
from django_chatkit.testing import FakeChatKit

BASE = "https://api.openai.com/v1/chatkit"
HEADERS = {"Authorization": "Bearer sk-x", "OpenAI-Beta": "chatkit_beta=v1", "Content-Type": "application/json"}
MINIMAL = {"user": "u1", "workflow": {"id": "wf_1"}}


def ask(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    sent = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = body if isinstance(body, bytes | None) else json.dumps(body)
    answer = pool("sk-x", "https://api.openai.com/v1").request(method, BASE + path, data=data, headers=sent)
    assert answer.headers["x-request-id"].startswith("req_")
    return answer.status_code, answer.json() if answer.ok else answer.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, None),
        ({"OpenAI_Beta": "assistants=v2"}, 400, "invalid_beta"),
        ({"Content_Type": "text/plain"}, 400, "unsupported_content_type"),
    ],
)
def test_headers(chatkit: FakeChatKit, headers: dict[str, str], status: int, code: str | None) -> None:
    refused, error = ask("POST", "/sessions", MINIMAL, **headers)
    assert (refused, error["code"]) == (status, code)
    assert chatkit.refusals == [error["message"]]
    assert chatkit.sessions == []


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"user": NaN}'])
def test_what_is_not_json(chatkit: FakeChatKit, body: bytes) -> None:
    status, error = ask("POST", "/sessions", body)
    assert status == 400
    assert "JSON" in error["message"]
    assert chatkit.requests[0].body == body


def test_an_unknown_field(chatkit: FakeChatKit) -> None:
    assert ask("POST", "/sessions", {**MINIMAL, "scope": "x"})[1]["param"] == "scope"
    assert ask("POST", "/sessions", MINIMAL)[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions"),
        ("POST", "/sessions/cksess_0/cancel"),
        ("POST", "/sessions/cksess_0"),
        ("GET", "/threads/cthr_0"),
        ("DELETE", "/threads/cthr_0"),
        ("POST", "/threads"),
        ("GET", "/threads?after=cthr_0"),
    ],
)
def test_what_is_not_there(chatkit: FakeChatKit, method: str, path: str) -> None:
    assert ask(method, path)[0] == 404


def test_cancelling_what_has_expired(chatkit: FakeChatKit, monkeypatch: pytest.MonkeyPatch) -> None:
    from django_chatkit.testing import answers

    _, session = ask("POST", "/sessions", MINIMAL)
    monkeypatch.setattr(answers.time, "time", lambda: session["expires_at"] + 1)
    _, ended = ask("POST", f"/sessions/{session['id']}/cancel")
    assert (ended["status"], ended["client_secret"]) == ("expired", "")
    assert ask("POST", f"/sessions/{session['id']}/cancel")[1]["status"] == "expired"
    assert chatkit.secrets == [session["client_secret"]]


def test_threads(chatkit: FakeChatKit) -> None:
    first, second, third = (chatkit.add_thread("u1", title) for title in ("A", "B", None))
    other = chatkit.add_thread("u2")

    def listed(query: str) -> list[str]:
        return [thread["id"] for thread in ask("GET", f"/threads?{query}")[1]["data"]]

    assert listed("") == [other, third, second, first]
    assert listed("user=u1&order=asc") == [first, second, third]
    assert listed(f"user=u1&order=asc&after={first}") == [second, third]
    assert listed(f"user=u1&order=asc&before={third}") == [first, second]
    assert listed("user=nobody") == []
    page = ask("GET", "/threads?limit=2&user=u1")[1]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (third, second, True)
    assert ask("GET", f"/threads/{first}")[1]["title"] == "A"
    assert ask("DELETE", f"/threads/{first}")[1] == {"id": first, "object": "chatkit.thread.deleted", "deleted": True}
    assert listed("user=u1") == [third, second]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=101", "integer_above_max_value"),
        ("limit=-1", "invalid_type"),
        ("limit=x", "invalid_type"),
        ("order=up", "invalid_value"),
        (f"user={'u' * 513}", "string_above_max_length"),
        ("user=", "string_below_min_length"),
        ("page=2", "unknown_parameter"),
    ],
)
def test_a_query_that_openai_refuses(chatkit: FakeChatKit, query: str, code: str) -> None:
    status, error = ask("GET", f"/threads?{query}")
    assert (status, error["code"]) == (400, code)
