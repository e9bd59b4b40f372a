from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

import pytest
from django.test import Client
from openai_standin import views
from openai_standin.sessions import SessionStore

from django_chatkit.testing import answers, protocol

KEY, OTHER_KEY = "sk-standin-one-1234", "sk-standin-two-5678"
URL = "/openai/v1/chatkit/sessions"
HEADERS = {"Authorization": f"Bearer {KEY}", "OpenAI-Beta": "chatkit_beta=v1"}
MINIMAL: dict[str, Any] = {"user": "u1", "workflow": {"id": "wf_1"}}
FULL: dict[str, Any] = {
    "user": "u1",
    "workflow": {
        "id": "wf_1",
        "version": "2",
        "state_variables": {"text": "tea", "whole": 3, "number": 0.5, "yes": True},
        "tracing": {"enabled": False},
    },
    "chatkit_configuration": {
        "automatic_thread_titling": {"enabled": False},
        "file_upload": {"enabled": True, "max_file_size": 512, "max_files": 3},
        "history": {"enabled": False, "recent_threads": 7},
    },
    "expires_after": {"anchor": "created_at", "seconds": 60},
    "rate_limits": {"max_requests_per_1_minute": 5},
}


@pytest.fixture(autouse=True)
def standin(settings):
    settings.ROOT_URLCONF = "tests.standin_urls"
    settings.OPENAI_STANDIN_KEYS = {
        KEY: {"organization": "org-1", "project": "proj_1", "workflows": {"wf_1": ["1", "2"]}},
        OTHER_KEY: {"workflows": {"wf_2": []}},
    }


def post(body: Any = MINIMAL, url: str = URL, *, client: Client | None = None, **headers: str | None):
    """POST ``body``; a header that is ``None`` is left out, and ``_`` in its name stands for ``-``."""
    sent = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return (client or Client()).post(
        url,
        body if isinstance(body, bytes) else json.dumps(body),
        content_type="application/json",
        headers={name: value for name, value in sent.items() if value is not None},
    )


def changed(path: str, value: Any) -> dict[str, Any]:
    """``MINIMAL`` with the field at the dotted ``path`` set to ``value``."""
    body = json.loads(json.dumps(MINIMAL))
    *parents, leaf = path.split(".")
    inner = body
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[leaf] = value
    return body


def assert_refused(response, status: int, code: str | None = None, param: str | None = None) -> str:
    """Check the whole error format; return the message."""
    assert response.status_code == status, response.content
    error = response.json()["error"]
    assert list(response.json()) == ["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert re.fullmatch(r"req_[0-9a-f]{32}", response["x-request-id"])
    return error["message"]


# What it answers


def test_the_defaults_are_filled_in():
    before = int(time.time())
    response = post()
    answer = response.json()
    assert response.status_code == 200
    assert re.fullmatch(r"cksess_[0-9a-f]{48}", answer.pop("id"))
    assert re.fullmatch(r"ek_[0-9a-f]{64}", answer.pop("client_secret"))
    assert before + 600 <= answer.pop("expires_at") <= time.time() + 600
    assert answer == {
        "object": "chatkit.session",
        "status": "active",
        "user": "u1",
        "workflow": {"id": "wf_1", "version": None, "state_variables": None, "tracing": {"enabled": True}},
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": True},
            "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
            "history": {"enabled": True, "recent_threads": None},
        },
        "rate_limits": {"max_requests_per_1_minute": 10},
        "max_requests_per_1_minute": 10,
    }


def test_what_was_asked_for_is_answered():
    before = int(time.time())
    answer = post(FULL).json()
    for part in ("user", "workflow", "chatkit_configuration", "rate_limits"):
        assert answer[part] == FULL[part]
    assert answer["max_requests_per_1_minute"] == 5
    assert before + 60 <= answer["expires_at"] <= time.time() + 60


def test_a_part_of_a_group_leaves_the_other_defaults():
    answer = post(changed("chatkit_configuration.file_upload.enabled", value=True)).json()
    assert answer["chatkit_configuration"]["file_upload"] == {"enabled": True, "max_file_size": 512, "max_files": 10}


def test_every_answer_has_a_request_id_and_every_session_its_own_secret():
    first, second = post(), post()
    assert first["x-request-id"] != second["x-request-id"]
    assert first.json()["client_secret"] != second.json()["client_secret"]
    assert first.json()["id"] != second.json()["id"]


# What it refuses

BOOLEANS = (
    "workflow.tracing.enabled",
    "chatkit_configuration.automatic_thread_titling.enabled",
    "chatkit_configuration.file_upload.enabled",
    "chatkit_configuration.history.enabled",
)
INTEGERS = (
    "chatkit_configuration.file_upload.max_file_size",
    "chatkit_configuration.file_upload.max_files",
    "chatkit_configuration.history.recent_threads",
    "rate_limits.max_requests_per_1_minute",
)
TEXTS = ("user", "workflow.id", "workflow.version")
OBJECTS = (
    "workflow",
    "workflow.state_variables",
    "workflow.tracing",
    "chatkit_configuration",
    "chatkit_configuration.automatic_thread_titling",
    "chatkit_configuration.file_upload",
    "chatkit_configuration.history",
    "expires_after",
    "rate_limits",
)
WRONG_TYPES = [
    *((path, value) for path in BOOLEANS for value in (1, "true", None)),
    *((path, value) for path in INTEGERS for value in (True, 5.0, "5", None)),
    *((path, value) for path in TEXTS for value in (7, None)),
    *((path, value) for path in OBJECTS for value in ([], "text", None)),
    *((f"workflow.state_variables.{name}", value) for name, value in [("a", None), ("b", []), ("c", {})]),
]


@pytest.mark.parametrize(("path", "value"), WRONG_TYPES)
def test_a_wrong_type_is_refused(path, value):
    message = assert_refused(post(changed(path, value)), 400, "invalid_type", path)
    assert f"'{path}'" in message


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("chatkit_configuration.file_upload.max_file_size", 0, "integer_below_min_value"),
        ("chatkit_configuration.file_upload.max_file_size", 513, "integer_above_max_value"),
        ("chatkit_configuration.file_upload.max_files", 0, "integer_below_min_value"),
        ("chatkit_configuration.history.recent_threads", 0, "integer_below_min_value"),
        ("rate_limits.max_requests_per_1_minute", 0, "integer_below_min_value"),
        ("user", "", "string_below_min_length"),
    ],
)
def test_a_value_out_of_range_is_refused(path, value, code):
    assert_refused(post(changed(path, value)), 400, code, path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("chatkit_configuration.file_upload.max_file_size", 1),
        ("chatkit_configuration.file_upload.max_file_size", 512),
        *((path, 1) for path in INTEGERS),
        ("expires_after", {"anchor": "created_at", "seconds": 1}),
        ("expires_after", {"anchor": "created_at", "seconds": 600}),
        ("workflow.version", "latest"),
        ("workflow.state_variables", {}),
        ("workflow.state_variables", {str(i): i for i in range(64)}),
        ("workflow.state_variables", {"n" * 64: ""}),
        ("user", "u" * 513),
    ],
)
def test_the_limits_themselves_are_accepted(path, value):
    assert post(changed(path, value)).status_code == 200


def test_the_longest_state_variable_is_accepted_and_one_character_more_is_not():
    path = "workflow.state_variables.essay"
    assert post(changed(path, "x" * 10_485_760)).status_code == 200
    assert_refused(post(changed(path, "x" * 10_485_761)), 400, "string_above_max_length", path)


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({str(i): i for i in range(65)}, "object_above_max_properties"),
        ({"n" * 65: 1}, "property_name_above_max_length"),
    ],
)
def test_too_many_or_too_long_names_of_state_variables_are_refused(variables, code):
    response = post(changed("workflow.state_variables", variables))
    assert_refused(response, 400, code, "workflow.state_variables")


@pytest.mark.parametrize(
    ("value", "code", "param"),
    [
        ({"seconds": 60}, "missing_required_parameter", "expires_after.anchor"),
        ({"anchor": "created_at"}, "missing_required_parameter", "expires_after.seconds"),
        ({"anchor": "last_active_at", "seconds": 60}, "invalid_value", "expires_after.anchor"),
        ({"anchor": 1, "seconds": 60}, "invalid_type", "expires_after.anchor"),
        ({"anchor": "created_at", "seconds": 0}, "integer_below_min_value", "expires_after.seconds"),
        ({"anchor": "created_at", "seconds": 601}, "integer_above_max_value", "expires_after.seconds"),
        ({"anchor": "created_at", "seconds": True}, "invalid_type", "expires_after.seconds"),
        ({"anchor": "created_at", "seconds": 60.0}, "invalid_type", "expires_after.seconds"),
    ],
)
def test_expires_after_needs_both_keys_and_1_to_600_seconds(value, code, param):
    assert_refused(post(changed("expires_after", value)), 400, code, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"workflow": {"id": "wf_1"}}, "user"),
        ({"user": "u1"}, "workflow"),
        ({"user": "u1", "workflow": {}}, "workflow.id"),
    ],
)
def test_required_fields(body, param):
    assert_refused(post(body), 400, "missing_required_parameter", param)


@pytest.mark.parametrize(
    "path", ["colour", *(f"{path}.colour" for path in OBJECTS if path != "workflow.state_variables")]
)
def test_an_unknown_field_is_refused(path):
    body = changed(path, "green")
    if path == "expires_after.colour":
        body["expires_after"] |= {"anchor": "created_at", "seconds": 60}
    assert_refused(post(body), 400, "unknown_parameter", path)


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b'{"user": "u\xff"}',
        b"[" * 100_000,
        *(
            b'{"user": "u1", "workflow": {"id": "wf_1", "state_variables": {"n": %s}}}' % number
            for number in (b"NaN", b"Infinity", b"1e999", b"1" * 5000)
        ),
    ],
    ids=["blank", "cut off", "not UTF-8", "too deep", "NaN", "infinity", "overflow", "too many digits"],
)
def test_a_body_that_is_not_json_is_refused(body):
    assert "JSON" in assert_refused(post(body), 400)


def test_a_body_that_is_not_an_object_is_refused():
    assert "the body" in assert_refused(post([MINIMAL]), 400, "invalid_type")


def test_another_content_type_is_refused():
    response = Client().post(URL, MINIMAL, headers=HEADERS)
    assert "application/json" in assert_refused(response, 400, "unsupported_content_type")


def test_a_large_body_is_refused(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_BODY_BYTES", 100)
    assert post({"user": "u", "workflow": {"id": "wf_1"}}).status_code == 200
    assert_refused(post(changed("user", "u" * 100)), 413, "request_too_large")


@pytest.mark.parametrize("workflow", [{"id": "wf_2"}, {"id": ""}, {"id": "wf_1", "version": "3"}])
def test_a_workflow_or_version_that_the_key_does_not_see_is_not_found(workflow):
    message = assert_refused(post({"user": "u1", "workflow": workflow}), 404)
    assert f"Workflow with id '{workflow['id']}'" in message


# Who may call


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer  ", f"Basic {KEY}", KEY])
def test_a_missing_key_is_refused(authorization):
    assert "provide an API key" in assert_refused(post(Authorization=authorization), 401)


def test_a_wrong_key_is_refused_and_partly_repeated_as_openai_does():
    message = assert_refused(post(Authorization="Bearer sk-wrong-secret-part-9999"), 401, "invalid_api_key")
    assert "sk-wrong***9999" in message
    assert "secret-part" not in message


def test_no_key_is_accepted_unless_the_settings_name_one(settings):
    del settings.OPENAI_STANDIN_KEYS
    assert_refused(post(), 401, "invalid_api_key")


@pytest.mark.parametrize(
    ("header", "own", "code"),
    [
        ("OpenAI-Organization", "org-1", "mismatched_organization"),
        ("OpenAI-Project", "proj_1", "mismatched_project"),
    ],
)
def test_organization_and_project_belong_to_the_key(header, own, code):
    assert post(**{header: own}).status_code == 200
    assert header in assert_refused(post(**{header: "another"}), 401, code)


@pytest.mark.parametrize("beta", [None, "", "assistants=v2", "chatkit_beta=v2"])
def test_the_beta_header_is_required(beta):
    assert "chatkit_beta=v1" in assert_refused(post(OpenAI_Beta=beta), 400, "invalid_beta")
    assert_refused(post(url=f"{URL}/cksess_0/cancel", OpenAI_Beta=beta), 400, "invalid_beta")


def test_the_beta_header_may_name_others_too():
    assert post(OpenAI_Beta="assistants=v2, chatkit_beta=v1").status_code == 200


@pytest.mark.parametrize("url", [URL, f"{URL}/cksess_0/cancel"])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_another_method_is_refused(method, url):
    assert_refused(getattr(Client(), method)(url, headers=HEADERS), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "url", ["/openai/v1/", f"{URL}/", f"{URL}/cksess_0", "/openai/v1/chatkit/threads", f"{URL}/a/b/cancel"]
)
def test_another_url_is_not_found(url):
    assert url in assert_refused(post(url=url), 404)


def test_it_needs_no_csrf_token_no_login_and_no_transaction(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    response = post(client=Client(enforce_csrf_checks=True))
    assert response.status_code == 200
    assert not response.cookies
    for view in (views.create, views.cancel):
        assert view._non_atomic_requests == {"default"}


# Cancelling


def cancel(session_id: str, **headers: str | None):
    return post(b"", url=f"{URL}/{session_id}/cancel", **headers)


def test_a_session_is_cancelled_once_and_for_all():
    session = post(FULL).json()
    expected = session | {"status": "cancelled", "client_secret": ""}
    assert cancel(session["id"]).json() == expected
    assert cancel(session["id"]).json() == expected


def test_an_expired_session_stays_expired(monkeypatch):
    session = post().json()
    monkeypatch.setattr(answers.time, "time", lambda: session["expires_at"] + 1)
    assert cancel(session["id"]).json()["status"] == "expired"


def test_no_session_and_the_session_of_another_key_are_the_same_404():
    session = post().json()
    for response in (cancel("cksess_0"), cancel(session["id"], Authorization=f"Bearer {OTHER_KEY}")):
        assert re.fullmatch(r"Chatkit Session with id 'cksess_\w+' not found.", assert_refused(response, 404))
    assert cancel(session["id"]).json()["status"] == "cancelled"


def test_cancelling_needs_the_key_too():
    session = post().json()
    assert_refused(cancel(session["id"], Authorization=None), 401)


# The store


def session(name: str) -> dict[str, Any]:
    return {"id": name, "client_secret": f"ek_{name}", "status": "active", "expires_at": time.time() + 60}


def test_the_store_forgets_the_oldest_session_and_never_keeps_a_secret():
    store = SessionStore(limit=2)
    for name in ("a", "b", "c"):
        store.add(KEY, session(name))
    assert "ek_" not in repr(vars(store))
    assert [store.cancel(KEY, name) is None for name in ("a", "b", "c")] == [True, False, False]


def test_the_store_is_safe_for_threads():
    store = SessionStore(limit=10)
    failures: list[BaseException] = []

    def fill(thread: int) -> None:
        try:
            for number in range(300):
                store.add(KEY, session(f"{thread}-{number}"))
        except BaseException as err:
            failures.append(err)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(store._sessions) == 10


# The official SDK


@pytest.fixture
def sdk(live_server):
    """Makes clients of OpenAI's own SDK for the stand-in, over real HTTP."""
    import openai

    def make(**options: Any) -> openai.OpenAI:
        return openai.OpenAI(
            **({"base_url": f"{live_server.url}/openai/v1", "api_key": KEY, "max_retries": 0} | options)
        )

    return make


@pytest.mark.services
def test_the_sdk_creates_and_cancels(sdk):
    with sdk(organization="org-1", project="proj_1") as client:
        created = client.beta.chatkit.sessions.create(**FULL)
        cancelled = client.beta.chatkit.sessions.cancel(created.id)
    assert (created.object, created.status, created.user) == ("chatkit.session", "active", "u1")
    assert created.client_secret.startswith("ek_")
    assert created.expires_at > time.time()
    assert created.workflow.to_dict() == FULL["workflow"]
    assert created.chatkit_configuration.to_dict() == FULL["chatkit_configuration"]
    assert created.rate_limits.max_requests_per_1_minute == created.max_requests_per_1_minute == 5
    assert (cancelled.id, cancelled.status) == (created.id, "cancelled")


@pytest.mark.services
def test_the_sdk_raises_its_own_errors(sdk):
    import openai

    def refused(kind: type[openai.APIStatusError], call: Any) -> openai.APIStatusError:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.request_id.startswith("req_")
        return caught.value

    with sdk() as client, sdk(api_key="sk-wrong-0000") as stranger, sdk(project="proj_other") as elsewhere:
        create, cancel = client.beta.chatkit.sessions.create, client.beta.chatkit.sessions.cancel
        bad = refused(openai.BadRequestError, lambda: create(**(FULL | {"user": ""})))
        assert (bad.param, bad.code, bad.type) == ("user", "string_below_min_length", "invalid_request_error")
        refused(openai.BadRequestError, lambda: create(**MINIMAL, extra_headers={"OpenAI-Beta": "assistants=v2"}))
        refused(openai.NotFoundError, lambda: create(user="u1", workflow={"id": "wf_2"}))
        refused(openai.NotFoundError, lambda: cancel("cksess_0"))
        wrong = refused(openai.AuthenticationError, lambda: stranger.beta.chatkit.sessions.create(**MINIMAL))
        assert wrong.code == "invalid_api_key"
        refused(openai.AuthenticationError, lambda: elsewhere.beta.chatkit.sessions.create(**MINIMAL))
