from __future__ import annotations

import time

import pytest
from django.urls import reverse

from django_chatkit.models import ChatKitConfiguration, ChatSession

from .behaviours import answer
from .callers import SESSIONS, Browser, a_user, a_workflow, chatkit

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow():
    return a_workflow()


@pytest.fixture
def ada(workflow, openai):
    """A logged-in user's browser, on a site with one workflow."""
    return Browser(a_user())


def test_a_new_session_is_answered_as_designed(ada, openai):
    answer = ada.issue()
    (issued,) = openai.sessions.values()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": issued["id"],
        "client_secret": issued["client_secret"],
        "expires_at": issued["expires_at"],
        "status": "active",
        "workflow": "support",
        "max_requests_per_1_minute": 10,
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": True},
            "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
            "history": {"enabled": True, "recent_threads": None},
        },
    }
    assert type(answer.json()["expires_at"]) is int
    assert time.time() < answer.json()["expires_at"] <= time.time() + 600


def test_a_reused_session_is_200_with_the_same_answer(ada, openai):
    first, second = ada.issue(), ada.issue()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(openai.requests) == 1


@pytest.mark.parametrize("wanted", [{}, {"refresh": True}, {"workflow": "nope"}, {"refresh": 1}])
def test_no_answer_to_post_may_be_stored_or_sniffed(ada, settings, wanted):
    settings.SECURE_CONTENT_TYPE_NOSNIFF = False
    headers = ada.issue(**wanted).headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert headers["Content-Type"] == "application/json"


def test_no_other_answer_may_be_stored_or_sniffed(ada, settings):
    settings.SECURE_CONTENT_TYPE_NOSNIFF = False
    session_id = ada.issue().json()["id"]
    answers = [ada.list(), ada.show(session_id), ada.show("nope"), ada.cancel(session_id), ada.put(SESSIONS)]
    answers.append(Browser().list())
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}


def test_refresh_always_mints_a_new_session(ada, openai):
    answers = [ada.issue(), ada.issue(refresh=True), ada.issue(refresh=True)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [answer.json()["client_secret"] for answer in answers] == openai.secrets
    assert ada.issue(refresh=False).json() == answers[2].json()


def test_what_the_workflow_says_is_what_openai_is_asked_for(ada, workflow, openai):
    preset = {"file_upload_enabled": True, "file_upload_max_file_size": 7, "history_enabled": False}
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="Files", **preset)
    workflow.version, workflow.expires_after, workflow.max_requests_per_1_minute = "3", 120, 5
    workflow.save()
    answer = ada.issue()
    assert openai.requests[0].json == {
        "user": f"user-{ChatSession.objects.get().user.pk}",
        "workflow": {"id": "wf_support", "version": "3"},
        "chatkit_configuration": {"file_upload": {"enabled": True, "max_file_size": 7}, "history": {"enabled": False}},
        "expires_after": {"anchor": "created_at", "seconds": 120},
        "rate_limits": {"max_requests_per_1_minute": 5},
    }
    assert answer.json()["max_requests_per_1_minute"] == 5
    assert answer.json()["chatkit_configuration"]["file_upload"]["max_file_size"] == 7


def test_an_answer_without_an_id_gets_one_of_ours(ada, openai):
    openai.script(answer(200, {"client_secret": "ek_1", "expires_at": int(time.time()) + 600}))
    issued = ada.issue().json()
    assert issued["id"].startswith("local_")
    assert (issued["chatkit_configuration"], issued["max_requests_per_1_minute"]) == ({}, None)
    assert ada.show(issued["id"]).status_code == 200


# Which workflow


def test_without_a_slug_it_is_the_only_active_workflow(ada, openai):
    a_workflow("old", is_active=False)
    assert ada.issue().json()["workflow"] == "support"


def test_without_a_slug_it_is_the_default_workflow(ada, settings):
    a_workflow("sales")
    chatkit(settings, DEFAULT_WORKFLOW="sales")
    assert ada.issue().json()["workflow"] == "sales"
    assert ada.issue(workflow="support").json()["workflow"] == "support"


def not_found(answer):
    return answer.status_code == 404 and answer.json() == {
        "detail": "There is no such chat.",
        "code": "workflow_not_found",
    }


def test_without_a_slug_and_with_several_active_workflows_there_is_none(ada):
    a_workflow("sales")
    assert not_found(ada.issue())


def test_without_a_slug_and_without_an_active_workflow_there_is_none(ada, workflow):
    workflow.is_active = False
    workflow.save()
    assert not_found(ada.issue())


def test_a_default_workflow_that_is_inactive_is_not_replaced_by_another(ada, settings):
    a_workflow("sales", is_active=False)
    chatkit(settings, DEFAULT_WORKFLOW="sales")
    assert not_found(ada.issue())


SLUGS = ["nope", "SUPPORT", "Support", "support ", " support", "support\t", "sup%", "süpport", "💬", "s" * 60_000]


@pytest.mark.parametrize("slug", SLUGS, ids=lambda slug: repr(slug[:9]))
def test_only_the_exact_slug_is_found(ada, openai, slug):
    assert not_found(ada.issue(workflow=slug))
    assert not openai.requests


def test_an_inactive_workflow_is_as_unknown_as_any(ada):
    a_workflow("old", is_active=False)
    assert not_found(ada.issue(workflow="old"))


# State variables


def told(openai):
    return openai.requests[-1].json["workflow"].get("state_variables", {})


def test_of_state_variables_the_hook_wins_over_the_workflow_and_the_browser_over_both(ada, workflow, openai, settings):
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: {"b": "hook", "c": "hook"})
    workflow.state_variables = {"a": "workflow", "b": "workflow", "c": "workflow"}
    workflow.client_state_variables = ["c", "d"]
    workflow.save()
    assert ada.issue(state_variables={"c": "page", "d": 1}).status_code == 201
    assert told(openai) == {"a": "workflow", "b": "hook", "c": "page", "d": 1}


def test_the_hook_sees_the_workflow_the_user_and_djangos_own_request(ada, workflow, settings):
    seen = []
    chatkit(settings, STATE_VARIABLES=lambda *args, **kwargs: seen.append((args, kwargs)) or {})
    ada.issue()
    ((args, kwargs),) = seen
    assert args == (workflow,)
    assert kwargs["user"].username == kwargs["request"].user.username == "ada"
    assert type(kwargs["request"]).__name__ == "WSGIRequest"


def test_names_that_the_workflow_does_not_list_are_refused_one_by_one(ada, workflow, openai):
    workflow.client_state_variables = ["page"]
    workflow.state_variables = {"plan": "free"}
    workflow.save()
    answer = ada.issue(state_variables={"page": "/", "plan": "gold", "Page": "/"})
    assert answer.status_code == 400
    assert answer.json() == {
        "state_variables": [
            "“plan”: a page may not set this state variable of this workflow.",
            "“Page”: a page may not set this state variable of this workflow.",
        ]
    }
    assert not openai.requests


def test_by_default_a_page_may_set_none(ada):
    assert ada.issue(state_variables={"page": "/"}).status_code == 400
    assert ada.issue(state_variables={}).status_code == 201


def test_more_than_64_state_variables_in_all_are_refused(ada, workflow, openai):
    workflow.state_variables = {f"w{number}": True for number in range(63)}
    workflow.client_state_variables = ["a", "b"]
    workflow.save()
    assert ada.issue(state_variables={"a": 1}).status_code == 201
    answer = ada.issue(state_variables={"a": 1, "b": 2})
    assert (answer.status_code, list(answer.json())) == (400, ["state_variables"])
    assert "at most 64" in answer.json()["state_variables"][0]
    assert len(openai.requests) == 1


def test_unicode_reaches_openai_and_the_record(ada, workflow, openai):
    workflow.client_state_variables = ["Größe"]
    workflow.save()
    assert ada.issue(state_variables={"Größe": "大 💬 \u202e"}).status_code == 201
    assert told(openai) == ChatSession.objects.get().state_variables == {"Größe": "大 💬 \u202e"}


def test_the_routes_have_the_designed_names():
    assert reverse("django_chatkit:session-list") == "/chatkit/sessions/"
    assert reverse("django_chatkit:session-detail", args=["cksess_1"]) == "/chatkit/sessions/cksess_1/"
    assert reverse("django_chatkit:session-cancel", args=["cksess_1"]) == "/chatkit/sessions/cksess_1/cancel/"
