from __future__ import annotations

import hashlib
import re
import time
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from django_chatkit import sessions
from django_chatkit.exceptions import ChatKitConfigurationRejected, ChatKitNotConfigured, ChatKitServerError
from django_chatkit.identity import LOGIN_KEY, VISIT_KEY, VISITOR_KEY
from django_chatkit.models import ChatKitConfiguration, ChatSession
from django_chatkit.redaction import Secret

from .behaviours import answer, error
from .callers import a_user, a_workflow, chatkit
from .records import a_request
from .second_database import ALIAS, second_database

pytestmark = pytest.mark.django_db


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def issued(workflow=None, **arguments):
    """The record of a new session, as it is in the database."""
    arguments = arguments or {"user_identifier": "somebody"}
    result = sessions.create_session(workflow or a_workflow(), **arguments)
    return ChatSession.objects.get(pk=result.session.pk)


def sent(openai):
    (request,) = openai.requests
    return request.json


# For whom


def test_what_comes_back(openai):
    result = sessions.create_session(a_workflow(), user_identifier="somebody")
    (secret,) = openai.secrets
    assert isinstance(result, sessions.IssuedSession)
    assert result.client_secret == secret
    assert isinstance(result.client_secret, Secret)
    assert result.reused is False
    assert [result.session.session_id] == list(openai.sessions)
    assert secret not in repr(result)


def test_for_a_user(openai):
    user = a_user()
    session = issued(user=user)
    identifier = f"user-{user.pk}"
    assert sent(openai)["user"] == identifier
    assert (session.user, session.user_identifier, session.user_key) == (user, identifier, sha256(identifier))
    assert session.login_key == ""


def test_for_the_user_of_a_request(openai):
    user = a_user()
    request = a_request(user)
    session = issued(request=request)
    assert sent(openai)["user"] == f"user-{user.pk}"
    assert session.user == user
    assert session.login_key == request.session[LOGIN_KEY] != ""


def test_for_a_visitor(openai):
    request = a_request()
    first, second = issued(request=request), issued(a_workflow("other"), request=request)
    assert re.fullmatch("visitor-[0-9a-f]{32}", first.user_identifier)
    assert first.user_identifier == second.user_identifier == f"visitor-{request.session[VISITOR_KEY]}"
    assert first.user is None
    assert first.user_key == sha256(first.user_identifier)
    assert first.login_key == request.session[VISIT_KEY] != ""


def test_visitors_share_nothing(openai):
    workflow = a_workflow()
    first, second = issued(workflow, request=a_request()), issued(workflow, request=a_request())
    assert first.user_identifier != second.user_identifier
    assert first.user_key != second.user_key
    assert first.login_key != second.login_key


def test_for_an_identifier(openai):
    session = issued(user_identifier="Ω 1")
    assert sent(openai)["user"] == "Ω 1"
    assert (session.user, session.user_identifier, session.user_key) == (None, "Ω 1", sha256("Ω 1"))


def test_an_identifier_for_a_user(openai):
    user = a_user()
    session = issued(user=user, user_identifier="customer-7")
    assert sent(openai)["user"] == "customer-7"
    assert (session.user, session.user_identifier) == (user, "customer-7")


def test_a_user_comes_before_that_of_the_request(openai):
    ada, bob = a_user("ada"), a_user("bob")
    session = issued(user=bob, request=a_request(ada))
    assert sent(openai)["user"] == f"user-{bob.pk}"
    assert session.user == bob
    assert session.login_key == ""  # it is not ada's logout that ends it


def test_an_anonymous_user_is_nobody(openai):
    ada = a_user()
    assert issued(user=AnonymousUser(), request=a_request(ada)).user == ada


@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_for_nobody(openai, user):
    with pytest.raises(ValueError, match="pass request, user or user_identifier"):
        sessions.create_session(a_workflow(), user=user)
    assert openai.requests == []


def test_a_visitor_without_a_django_session(openai):
    with pytest.raises(ChatKitNotConfigured, match="SessionMiddleware"):
        sessions.create_session(a_workflow(), request=RequestFactory().get("/"))
    assert openai.requests == []


class Token:
    """The user of a token, who is in no table."""

    is_authenticated = True
    pk = "ext-9"


def test_for_a_user_who_is_no_row(openai):
    session = issued(user=Token())
    assert (session.user, session.user_identifier) == (None, "user-ext-9")


def test_user_identifier_setting(openai, settings):
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: f"{user.username}@{request.path}")
    assert issued(user=a_user(), request=a_request()).user_identifier == "ada@/"


def by_name(user, request=None):
    return f"name-{user.username}"


def test_user_identifier_setting_as_a_path(openai, settings):
    chatkit(settings, USER_IDENTIFIER=f"{__name__}.by_name")
    assert issued(user=a_user()).user_identifier == "name-ada"


def test_user_namespace(openai, settings):
    chatkit(settings, USER_NAMESPACE="staging")
    session = issued(user_identifier="x")
    assert sent(openai)["user"] == session.user_identifier == "staging:x"
    assert session.user_key == sha256("staging:x")


BAD_IDENTIFIERS = ["", "x" * 513, "a\0b", "a\nb", "\ud800", 7, None, b"x"]


@pytest.mark.parametrize("identifier", BAD_IDENTIFIERS)
@pytest.mark.parametrize("namespace", [None, "staging"])
def test_bad_identifiers(openai, settings, identifier, namespace):
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: identifier, USER_NAMESPACE=namespace)
    with pytest.raises(ChatKitNotConfigured, match="1 to 512 printable characters"):
        sessions.create_session(a_workflow(), user=a_user())
    assert openai.requests == []
    assert not ChatSession.objects.exists()


def test_the_namespace_counts(openai, settings):
    chatkit(settings, USER_NAMESPACE="n" * 10)
    assert len(issued(user_identifier="x" * 501).user_identifier) == 512
    with pytest.raises(ChatKitNotConfigured, match="USER_NAMESPACE included"):
        sessions.create_session(ChatSession.objects.get().workflow, user_identifier="x" * 502)


# With which state variables


def variables(workflow, user=None, request=None):
    return {"a": "hook", "b": "hook", "who": getattr(user, "username", "nobody"), "asked": request is not None}


@pytest.mark.parametrize("hook", [variables, f"{__name__}.variables"])
def test_later_state_variables_win(openai, settings, hook):
    chatkit(settings, STATE_VARIABLES=hook)
    workflow = a_workflow(state_variables={"a": "workflow", "b": "workflow", "c": "workflow", "n": 1})
    session = issued(workflow, user=a_user(), state_variables={"b": "given", "d": 0.5})
    expected = {"a": "hook", "b": "given", "c": "workflow", "n": 1, "d": 0.5, "who": "ada", "asked": False}
    assert sent(openai)["workflow"]["state_variables"] == expected
    assert session.state_variables == expected


def test_the_hook_is_told_who_asks(openai, settings):
    calls = []
    chatkit(settings, STATE_VARIABLES=lambda *args, **kwargs: calls.append((args, kwargs)) or {})
    workflow, user = a_workflow(), a_user()
    request = a_request(user)
    sessions.create_session(workflow, request=request)
    sessions.create_session(workflow, request=a_request())
    assert calls[0] == ((workflow,), {"user": user, "request": request})
    assert calls[1][1]["user"] is None


def test_merging_changes_nothing_else(openai, settings):
    given, workflow = {"b": 2}, a_workflow(state_variables={"a": 1})
    chatkit(settings, STATE_VARIABLES=lambda *args, **kwargs: {"c": 3})
    issued(workflow, user_identifier="x", state_variables=given)
    assert given == {"b": 2}
    assert workflow.state_variables == {"a": 1}


def test_no_state_variables(openai):
    assert issued().state_variables == {}
    assert "state_variables" not in sent(openai)["workflow"]


HOOK_RESULTS = [
    (None, "an object of names and values"),
    (["a"], "an object of names and values"),
    ({"a": {"nested": 1}}, "“a”: a value is"),
    ({"a": float("nan")}, "“a”: a number must be finite"),
    ({"n" * 65: 1}, "“" + "n" * 64),
    ({1: "x"}, "“1”: a name is"),
    ({"a": "\0"}, "“a”: NUL"),
    ({f"n{index}": 1 for index in range(64)}, "There are 65 state variables"),
]


@pytest.mark.parametrize(("result", "message"), HOOK_RESULTS)
def test_bad_results_of_the_hook(openai, settings, result, message):
    chatkit(settings, STATE_VARIABLES=lambda *args, **kwargs: result)
    with pytest.raises(ChatKitNotConfigured, match="workflow 'support'.*" + re.escape(message)):
        sessions.create_session(a_workflow(state_variables={"own": 1}), user_identifier="x")
    assert openai.requests == []


@pytest.mark.parametrize("stored", [["a"], {"a": None}, "text", None])
def test_bad_state_variables_of_a_workflow(openai, stored):
    workflow = a_workflow()
    workflow.state_variables = stored
    with pytest.raises(ChatKitNotConfigured, match="The state variables of workflow 'support'"):
        sessions.create_session(workflow, user_identifier="x")
    assert openai.requests == []


@pytest.mark.parametrize(
    ("given", "message"), [({"a": None}, "“a”: a value is"), ({f"n{index}": 1 for index in range(64)}, "There are 65")]
)
def test_bad_state_variables_of_the_caller(openai, given, message):
    with pytest.raises(ValidationError, match=message):
        sessions.create_session(a_workflow(state_variables={"own": 1}), user_identifier="x", state_variables=given)
    assert openai.requests == []


def test_a_hook_that_finds_its_own_data_invalid(openai, settings):
    """It is the operator's fault, and none of the browser's."""

    def invalid(workflow, user=None, request=None):
        raise ValidationError("The profile has no plan.")

    chatkit(settings, STATE_VARIABLES=invalid)
    with pytest.raises(ChatKitNotConfigured, match="The profile has no plan"):
        sessions.create_session(a_workflow(), user_identifier="x")
    assert openai.requests == []


def test_a_hook_that_cannot_be_imported(openai, settings):
    chatkit(settings, STATE_VARIABLES="tests.nowhere.hook")
    with pytest.raises(ChatKitNotConfigured, match=r"STATE_VARIABLES.*tests\.nowhere\.hook"):
        sessions.create_session(a_workflow(), user_identifier="x")


# With which key


def authorization(openai):
    headers = openai.requests[-1].headers
    return headers["Authorization"], headers["OpenAI-Organization"], headers["OpenAI-Project"]


def test_the_default_key(openai, settings):
    chatkit(settings, ORGANIZATION="org_1", PROJECT="proj_1")
    issued()
    assert authorization(openai) == ("Bearer sk-tests-default-key", "org_1", "proj_1")


KEYS = [
    ("sk-tests-second", (None, None)),
    ({"api_key": "sk-tests-second"}, (None, None)),
    ({"api_key": "sk-tests-second", "organization": "org_2", "project": "proj_2"}, ("org_2", "proj_2")),
]


@pytest.mark.parametrize(("entry", "headers"), KEYS)
def test_named_keys_inherit_the_base_url_alone(openai, settings, entry, headers):
    chatkit(settings, ORGANIZATION="org_1", PROJECT="proj_1", API_KEYS={"second": entry})
    issued(a_workflow(api_key="second"))
    assert authorization(openai) == ("Bearer sk-tests-second", *headers)


def test_a_named_key_with_its_own_base_url(openai, settings):
    entry = {"api_key": "sk-tests-second", "base_url": openai.url + "/"}
    chatkit(settings, BASE_URL="http://127.0.0.1:1/v1", API_KEYS={"second": entry})
    session = issued(a_workflow(api_key="second"))
    sessions.cancel_session(session)
    assert openai.cancelled == [session.session_id]
    assert {request.headers["Authorization"] for request in openai.requests} == {"Bearer sk-tests-second"}


@pytest.mark.parametrize("keys", [{}, {"second": None}, {"second": ""}, {"second": {"organization": "org_2"}}])
def test_a_named_key_that_is_missing(openai, settings, keys):
    chatkit(settings, API_KEYS=keys)
    with pytest.raises(ChatKitNotConfigured, match="no key of the workflow's name"):
        sessions.create_session(a_workflow(api_key="second"), user_identifier="x")
    assert openai.requests == []


def test_no_default_key(openai, settings, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    chatkit(settings, API_KEY=None)
    with pytest.raises(ChatKitNotConfigured, match="No OpenAI API key"):
        sessions.create_session(a_workflow(), user_identifier="x")


@pytest.mark.parametrize("key", ["sk-tests-a b", "sk-tests-\n", "sk-tests-ä", " sk-tests-1"])
def test_a_key_that_cannot_be_sent(openai, settings, key):
    chatkit(settings, API_KEY=key)
    with pytest.raises(ChatKitNotConfigured, match=r"api_key .* characters that no HTTP header may hold") as caught:
        sessions.create_session(a_workflow(), user_identifier="x")
    assert key.strip() not in str(caught.value)
    assert openai.requests == []
    assert not ChatSession.objects.exists()


# What is recorded


def full_workflow():
    preset = ChatKitConfiguration.objects.create(
        name="All", file_upload_enabled=True, file_upload_max_file_size=5, history_recent_threads=3
    )
    return a_workflow(
        version="7",
        state_variables={"plan": "gold"},
        tracing_enabled=False,
        chatkit_configuration=preset,
        expires_after=120,
        max_requests_per_1_minute=4,
    )


def test_what_really_ran(openai):
    before = datetime.now(UTC)
    session = issued(full_workflow())
    (answered,) = openai.sessions.values()
    assert session.session_id == answered["id"]
    assert not session.is_local
    assert (session.workflow_id, session.workflow_version, session.tracing_enabled) == ("wf_support", "7", False)
    assert session.state_variables == {"plan": "gold"}
    assert session.chatkit_configuration == answered["chatkit_configuration"]
    assert session.chatkit_configuration["file_upload"] == {"enabled": True, "max_file_size": 5, "max_files": 10}
    assert session.max_requests_per_1_minute == 4
    assert session.status == ChatSession.Status.ACTIVE
    assert session.ended_at is None
    assert session.expires_at == datetime.fromtimestamp(answered["expires_at"], UTC)
    assert before <= session.created_at <= datetime.now(UTC)
    assert re.fullmatch("req_[0-9a-f]{16}", session.request_id)


def test_the_answer_counts_more_than_the_request(openai):
    content = {
        "id": "cksess_other",
        "client_secret": "ek_1",
        "expires_at": 4_000_000_000,
        "workflow": {"id": "wf_renamed", "version": "8", "state_variables": {"b": 2}, "tracing": {"enabled": True}},
        "chatkit_configuration": {"history": {"enabled": False}},
        "max_requests_per_1_minute": 2,
    }
    openai.script(answer(200, content))
    session = issued(full_workflow())
    assert (session.workflow_id, session.workflow_version, session.tracing_enabled) == ("wf_renamed", "8", True)
    assert session.state_variables == {"b": 2}
    assert session.chatkit_configuration == {"history": {"enabled": False}}
    assert session.max_requests_per_1_minute == 2
    assert session.request_id != ""


def test_the_shape_of_the_reference_example(openai):
    """OpenAI's own example has no id, no user and no rate_limits; what was asked for is what ran."""
    content = {
        "client_secret": "chatkit_token_123",
        "expires_at": 1_735_689_600,
        "workflow": {"id": "workflow_alpha", "version": "2024-10-01"},
        "scope": {"project": "alpha", "environment": "staging"},
        "max_requests_per_1_minute": 60,
        "max_requests_per_session": 500,
        "status": "active",
    }
    openai.script(answer(200, content, {"x-request-id": ""}))
    session = issued(full_workflow())
    assert re.fullmatch("local_[0-9a-f]{32}", session.session_id)
    assert session.is_local
    assert (session.workflow_id, session.workflow_version) == ("workflow_alpha", "2024-10-01")
    assert (session.tracing_enabled, session.state_variables) == (False, {"plan": "gold"})
    assert session.chatkit_configuration == sent(openai)["chatkit_configuration"]
    assert session.max_requests_per_1_minute == 60
    assert session.request_id == ""


def test_the_least_answer(openai):
    openai.script(answer(200, {"client_secret": "ek_1", "expires_at": 4_000_000_000}, {"x-request-id": ""}))
    session = issued()
    assert session.is_local
    assert (session.workflow_id, session.workflow_version, session.tracing_enabled) == ("wf_support", "", None)
    assert (session.state_variables, session.chatkit_configuration) == ({}, {})
    assert session.max_requests_per_1_minute is None
    assert session.status == ChatSession.Status.ACTIVE


def test_what_was_asked_for_counts_where_the_answer_is_silent(openai):
    openai.script(answer(200, LEAST))
    session = issued(full_workflow())
    assert (session.workflow_version, session.tracing_enabled, session.max_requests_per_1_minute) == ("7", False, 4)
    assert session.chatkit_configuration == sent(openai)["chatkit_configuration"] != {}


def test_two_answers_without_ids_are_two_records(openai):
    workflow = a_workflow()
    openai.script(*[answer(200, {"client_secret": "ek_1", "expires_at": 4_000_000_000})] * 2)
    assert issued(workflow, user_identifier="x").session_id != issued(workflow, user_identifier="x").session_id


LEAST = {"id": "cksess_1", "client_secret": "ek_1", "expires_at": 4_000_000_000}
ODD_VARIABLES = [{"a": "\0"}, {"a": {"deep": 1}}, {"a": None}, ["a"], "text", {}, None]


@pytest.mark.parametrize("echoed", ODD_VARIABLES)
def test_an_echo_that_cannot_be_stored(openai, echoed):
    openai.script(answer(200, {**LEAST, "workflow": {"state_variables": echoed}}))
    assert issued(a_workflow(state_variables={"a": 1})).state_variables == {"a": 1}


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_session_that_has_ended_already(openai, status):
    openai.script(answer(200, {**LEAST, "status": status}))
    session = issued()
    assert session.status == session.current_status == status
    assert session.ended_at == session.created_at


@pytest.mark.parametrize("status", ["paused", "", None, 1, "active\0"])
def test_an_unknown_status_counts_as_active(openai, status):
    openai.script(answer(200, {**LEAST, "status": status}))
    session = issued()
    assert (session.status, session.ended_at) == ("active", None)


@pytest.mark.parametrize("configuration", [None, [], {"file_upload": 1}, {"history": {"enabled": "\0"}}])
def test_an_odd_configuration(openai, configuration):
    openai.script(answer(200, {**LEAST, "chatkit_configuration": configuration}))
    assert issued().chatkit_configuration == {}


def test_a_session_that_is_past_its_time_already(openai):
    openai.script(answer(200, {**LEAST, "expires_at": 1}))
    session = issued()
    assert session.status == "active"
    assert session.current_status == "expired"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_without_time_zones(openai, settings, zone):
    settings.TIME_ZONE = zone
    settings.USE_TZ = False
    session = issued()
    (answered,) = openai.sessions.values()
    assert session.expires_at.tzinfo is None
    assert session.expires_at.timestamp() == answered["expires_at"]
    assert abs(session.created_at.timestamp() - time.time()) < 5
    assert session.current_status == "active"
    assert ChatSession.objects.active().count() == 1


def test_the_secret_is_not_recorded(openai):
    openai.script(answer(200, {**LEAST, "client_secret": "ek_canary", "user": "ek_canary", "workflow": {"id": "wf_1"}}))
    session = issued()
    assert "ek_canary" not in repr(vars(session))


# Again


def cookies_of(request, result):
    """What the browser sends with its next request."""
    prepared = sessions.prepare_session(result.session.workflow, request=request)
    response = HttpResponse()
    sessions.remember_session(request, response, prepared, result)
    return {name: morsel.value for name, morsel in response.cookies.items()}


def test_reuse(openai):
    workflow, request = a_workflow(), a_request(a_user())
    first = sessions.create_session(workflow, request=request)
    request.COOKIES = cookies_of(request, first)
    again = sessions.create_session(workflow, request=request)
    assert again.reused is True
    assert (again.session, again.client_secret) == (first.session, first.client_secret)
    assert len(openai.requests) == ChatSession.objects.count() == 1


def test_a_reused_session_keeps_its_cookie(openai):
    workflow, request = a_workflow(), a_request(a_user())
    request.COOKIES = cookies_of(request, sessions.create_session(workflow, request=request))
    assert cookies_of(request, sessions.create_session(workflow, request=request)) == {}


def test_no_cookie_for_somebody_else(openai):
    """Than the one who is logged in here: it is not this browser's session."""
    workflow, request = a_workflow(), a_request(a_user())
    prepared = sessions.prepare_session(workflow, request=request, user=a_user("bob"))
    response = HttpResponse()
    sessions.remember_session(request, response, prepared, sessions.issue_session(prepared))
    assert not response.cookies
    assert sessions.reuse_session(prepared, request) is None


def test_reuse_can_be_refused(openai):
    workflow, request = a_workflow(), a_request(a_user())
    first = sessions.create_session(workflow, request=request)
    request.COOKIES = cookies_of(request, first)
    again = sessions.create_session(workflow, request=request, reuse=False)
    assert again.reused is False
    assert again.client_secret != first.client_secret
    assert ChatSession.objects.count() == 2


class ReadsFromAReplica:
    def db_for_read(self, model, **hints):
        return ALIAS if model is ChatSession else "default"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, *args, **hints):
        return True


@pytest.mark.django_db(transaction=True)
def test_a_replica_that_lags_behind_does_not_decide_about_reuse(openai, settings, tmp_path):
    workflow, request = a_workflow(), a_request(a_user())
    first = sessions.create_session(workflow, request=request)
    request.COOKIES = cookies_of(request, first)
    with second_database(tmp_path) as replica:
        workflow.save(using=replica, force_insert=True)
        request.user.save(using=replica, force_insert=True)
        ChatSession.objects.get().save(using=replica, force_insert=True)
        settings.DATABASE_ROUTERS = [ReadsFromAReplica()]
        assert sessions.create_session(workflow, request=request).reused
        ChatSession.objects.using("default").update(status="cancelled")
        assert ChatSession.objects.get(pk=first.session.pk).status == "active"
        assert not sessions.create_session(workflow, request=request).reused


def test_no_reuse_without_a_request(openai):
    workflow, user = a_workflow(), a_user()
    assert issued(workflow, user=user) != issued(workflow, user=user)


# What happens around it


def test_nothing_is_recorded_when_openai_refuses(openai):
    openai.script(error(404, "not_found"))
    with pytest.raises(ChatKitConfigurationRejected):
        sessions.create_session(a_workflow(), user_identifier="x")
    assert not ChatSession.objects.exists()


def test_one_query_after_the_call(openai, django_assert_num_queries):
    prepared = sessions.prepare_session(a_workflow(), user=a_user())
    with django_assert_num_queries(3) as queries:
        sessions.issue_session(prepared)
    assert [query["sql"].split()[0] for query in queries] == ["SAVEPOINT", "INSERT", "RELEASE"]


def test_preparing_asks_nobody(openai, django_assert_num_queries):
    workflow, user = a_workflow(), a_user()
    with django_assert_num_queries(0):
        prepared = sessions.prepare_session(workflow, user=user)
    assert openai.requests == []
    assert "sk-tests" not in repr(prepared)


def test_settings_reach_the_client(openai, settings):
    chatkit(settings, TIMEOUT=(1, 2), DEADLINE=7, MAX_RETRIES=5)
    prepared = sessions.prepare_session(a_workflow(), user_identifier="x")
    client = sessions.backends.client_for(prepared.backend.credentials)
    assert (client.timeout, client.deadline, client.max_retries) == ((1, 2), 7, 5)


def test_a_failure_is_not_repeated_blindly(openai):
    openai.script(error(500), error(500), error(500))
    with pytest.raises(ChatKitServerError):
        sessions.create_session(a_workflow(), user_identifier="x")
    assert len(openai.requests) == 1


def test_a_request_without_a_user_is_a_visitor(openai):
    request = HttpRequest()
    request.session = a_request().session
    assert issued(request=request).user_identifier.startswith("visitor-")
