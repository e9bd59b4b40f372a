"""OpenAI's own Python SDK as the referee: what it sends to a server is what this project's client must send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from django_chatkit.client import ChatKitClient
from django_chatkit.exceptions import ChatKitConfigurationRejected

from .behaviours import answer
from .fake_openai import FakeOpenAI, Received

if TYPE_CHECKING:
    from openai import OpenAI

pytestmark = pytest.mark.services

KEY = "sk-tests-referee"
HEADERS = ("Authorization", "Content-Type", "Accept", "OpenAI-Beta", "OpenAI-Organization", "OpenAI-Project")

REQUESTS: dict[str, dict[str, Any]] = {
    "required": {},
    "version": {"workflow": {"version": "3"}},
    "text": {"workflow": {"state_variables": {"plan": "pro", "": "", "ü": '\N{GRINNING FACE}\n\u2028"\\'}}},
    "bool": {"workflow": {"state_variables": {"trial": True, "paid": False}}},
    "integer": {"workflow": {"state_variables": {"zero": 0, "large": 2**63 - 1, "small": -(2**63)}}},
    "float": {"workflow": {"state_variables": {"one": 1.0, "tiny": 5e-324, "huge": 1.7976931348623157e308}}},
    "no state variables": {"workflow": {"state_variables": {}}},
    "tracing on": {"workflow": {"tracing": {"enabled": True}}},
    "tracing off": {"workflow": {"tracing": {"enabled": False}}},
    "titles": {"chatkit_configuration": {"automatic_thread_titling": {"enabled": False}}},
    "an empty configuration": {"chatkit_configuration": {}},
    "an empty section": {"chatkit_configuration": {"history": {}}},
    "no uploads": {"chatkit_configuration": {"file_upload": {"enabled": False}}},
    "uploads": {"chatkit_configuration": {"file_upload": {"enabled": True, "max_file_size": 512, "max_files": 1}}},
    "no history": {"chatkit_configuration": {"history": {"enabled": False}}},
    "history": {"chatkit_configuration": {"history": {"enabled": True, "recent_threads": 5}}},
    "expires_after": {"expires_after": {"anchor": "created_at", "seconds": 600}},
    "rate_limits": {"rate_limits": {"max_requests_per_1_minute": 1}},
    "everything": {
        "user": "Zoë & " + "x" * 500,
        "workflow": {
            "version": "2",
            "state_variables": {f"name_{number}": number for number in range(64)},
            "tracing": {"enabled": False},
        },
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": True},
            "file_upload": {"enabled": True, "max_file_size": 20, "max_files": 3},
            "history": {"enabled": True, "recent_threads": 1},
        },
        "expires_after": {"anchor": "created_at", "seconds": 1},
        "rate_limits": {"max_requests_per_1_minute": 7},
    },
}
OWNERS: list[dict[str, str]] = [
    {},
    {"organization": "org-referee"},
    {"project": "proj_referee"},
    {"organization": "org-referee", "project": "proj_referee"},
]
#: What is optional at each level; ``None`` means unset to this project, and must be left out to be so for the SDK.
UNSET: dict[str, Any] = {
    "workflow": {"version": None, "state_variables": None, "tracing": {"enabled": None}},
    "chatkit_configuration": {"automatic_thread_titling": None, "file_upload": {"max_files": None}},
    "expires_after": None,
    "rate_limits": {"max_requests_per_1_minute": None},
}


def complete(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"user": "visitor-1", **wanted, "workflow": {"id": "wf_1", **wanted.get("workflow", {})}}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def sdk(server: FakeOpenAI, **options: Any) -> OpenAI:
    from openai import OpenAI

    return OpenAI(**{"api_key": KEY, "base_url": server.url, "max_retries": 0, **options})


@pytest.fixture
def both(openai: FakeOpenAI) -> Iterator[tuple[ChatKitClient, OpenAI]]:
    with sdk(openai) as theirs:
        yield ChatKitClient(KEY, base_url=openai.url), theirs


def compared(request: Received) -> dict[str, Any]:
    headers = {name: request.headers.get_all(name) for name in HEADERS}
    return {"method": request.method, "path": request.path, "body": request.body and request.json, **headers}


@pytest.mark.parametrize("wanted", REQUESTS.values(), ids=REQUESTS)
def test_create_sends_the_same(wanted: dict[str, Any], both: tuple[ChatKitClient, OpenAI], openai: FakeOpenAI) -> None:
    ours, theirs = both
    ours.create_session(**complete(wanted))
    theirs.beta.chatkit.sessions.create(**complete(wanted))
    first, second = openai.requests
    assert compared(first) == compared(second)
    assert str(first.json) == str(second.json)  # 1, 1.0 and True are equal, but not the same


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: "+".join(owner))
@pytest.mark.parametrize("call", ["create", "cancel"])
def test_the_headers_of_an_owner_are_the_same(call: str, owner: dict[str, str], openai: FakeOpenAI) -> None:
    ours = ChatKitClient(KEY, base_url=openai.url, **owner)  # type: ignore[arg-type]
    with sdk(openai, **owner) as theirs:
        if call == "create":
            ours.create_session(user="u", workflow={"id": "wf_1"})
            theirs.beta.chatkit.sessions.create(user="u", workflow={"id": "wf_1"})
        else:
            openai.script(answer(200, {}), answer(200, {}))
            ours.cancel_session("cksess_1")
            theirs.beta.chatkit.sessions.cancel("cksess_1")
    first, second = openai.requests
    assert compared(first) == compared(second)


def test_cancel_sends_the_same(both: tuple[ChatKitClient, OpenAI], openai: FakeOpenAI) -> None:
    ours, theirs = both
    created = theirs.beta.chatkit.sessions.create(user="u", workflow={"id": "wf_1"})
    ours.cancel_session(created.id)
    theirs.beta.chatkit.sessions.cancel(created.id)
    first, second = openai.requests[1:]
    assert compared(first) == compared(second)
    assert first.body == second.body == b""
    assert first.headers["Content-Length"] == second.headers["Content-Length"] == "0"


def test_what_is_unset_is_what_the_sdk_omits(both: tuple[ChatKitClient, OpenAI], openai: FakeOpenAI) -> None:
    ours, theirs = both
    ours.create_session(**complete(UNSET))
    theirs.beta.chatkit.sessions.create(user="visitor-1", workflow={"id": "wf_1"})
    first, second = openai.requests
    assert compared(first) == compared(second)


@pytest.mark.parametrize("wanted", [REQUESTS["required"], REQUESTS["everything"]], ids=["required", "everything"])
def test_both_read_the_same_from_an_answer(
    wanted: dict[str, Any], both: tuple[ChatKitClient, OpenAI], openai: FakeOpenAI
) -> None:
    ours, theirs = both
    theirs_read = theirs.beta.chatkit.sessions.create(**complete(wanted))
    openai.script(answer(200, openai.sessions[theirs_read.id]))
    ours_read = ours.create_session(**complete(wanted))
    read = theirs_read.model_dump()
    assert (ours_read.client_secret, ours_read.expires_at, ours_read.id, ours_read.status, ours_read.user) == (
        *(read[name] for name in ("client_secret", "expires_at", "id", "status", "user")),
    )
    assert ours_read.workflow_id == read["workflow"]["id"]
    assert ours_read.workflow_version == read["workflow"]["version"]
    assert ours_read.state_variables == read["workflow"]["state_variables"]
    assert ours_read.tracing_enabled == read["workflow"]["tracing"]["enabled"]
    assert ours_read.chatkit_configuration == read["chatkit_configuration"]
    assert ours_read.max_requests_per_1_minute == read["rate_limits"]["max_requests_per_1_minute"]


def test_both_are_refused_for_the_same(openai: FakeOpenAI) -> None:
    from openai import AuthenticationError, BadRequestError, NotFoundError

    refused: list[tuple[str, dict[str, Any], type[Any], int]] = [
        ("sk-wrong", {"user": "u", "workflow": {"id": "wf_1"}}, AuthenticationError, 401),
        (KEY, {"user": "", "workflow": {"id": "wf_1"}}, BadRequestError, 400),
        (KEY, {"user": "u", "workflow": {"id": "unknown"}}, NotFoundError, 404),
    ]
    for key, wanted, error, status in refused:
        with sdk(openai, api_key=key) as theirs, pytest.raises(error):
            theirs.beta.chatkit.sessions.create(**wanted)
        with pytest.raises(ChatKitConfigurationRejected) as caught:
            ChatKitClient(key, base_url=openai.url).create_session(**wanted)
        assert caught.value.status_code == status


def test_threads_are_asked_for_the_same(both: tuple[ChatKitClient, OpenAI], openai: FakeOpenAI) -> None:
    ours, theirs = both
    user = "Zoë & Co"
    ids = [openai.add_thread(user, "Title") for _ in range(3)]
    openai.add_thread("somebody else")
    page = ours.list_threads(user, limit=1, after=ids[0])
    their_page = theirs.beta.chatkit.threads.list(user=user, limit=1, after=ids[0], order="asc")
    assert [(thread.id, thread.user, thread.title) for thread in page.threads] == [
        (thread.id, thread.user, thread.title) for thread in their_page.data
    ]
    assert (page.after is not None) == their_page.has_more
    one, their_one = ours.get_thread(ids[1]), theirs.beta.chatkit.threads.retrieve(ids[1])
    assert (one.id, one.user, one.title) == (their_one.id, their_one.user, their_one.title)
    queries = [parse_qs(urlsplit(request.path).query) for request in openai.requests[:2]]
    assert queries[0] == queries[1]
    first, second = ({**compared(request), "path": urlsplit(request.path).path} for request in openai.requests[:2])
    assert first == second
    assert compared(openai.requests[2]) == compared(openai.requests[3])


def test_threads_are_deleted_the_same(both: tuple[ChatKitClient, OpenAI], openai: FakeOpenAI) -> None:
    ours, theirs = both
    first, second = openai.add_thread("user-1"), openai.add_thread("user-1")
    assert ours.delete_thread(first).id == first
    assert theirs.beta.chatkit.threads.delete(second).id == second
    ours_sent, theirs_sent = (compared(request) | {"path": "…"} for request in openai.requests)
    assert ours_sent == theirs_sent
    assert [request.path for request in openai.requests] == [f"/v1/chatkit/threads/{name}" for name in (first, second)]
