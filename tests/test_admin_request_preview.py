"""The request preview of the admin: exactly what is sent, where state variables come from, and never the key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from django_chatkit import sessions
from django_chatkit.admin.state_variables import Kind
from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow

from .callers import Browser, a_user, a_workflow, chatkit
from .fake_openai import FakeOpenAI
from .trying import part, sent, staff, table, url, words

pytestmark = pytest.mark.django_db


def plan_of(workflow: Workflow, user: Any = None, request: Any = None) -> dict[str, Any]:
    return {"plan": f"plan of {user.username}" if user else "nobody's plan", "asked": request is not None}


@pytest.fixture
def workflow(settings: Any) -> Workflow:
    chatkit(settings, STATE_VARIABLES=plan_of)
    preset = ChatKitConfiguration.objects.create(name="Files", file_upload_enabled=True, history_recent_threads=3)
    own = {"plan": "free", "shop": "<b>“Kettle” & Moss</b>", "floor": 2}
    return a_workflow(
        version="7",
        state_variables=own,
        client_state_variables=["floor", "page"],
        expires_after=300,
        chatkit_configuration=preset,
    )


def shown(client: Client, workflow: Workflow, **query: str) -> str:
    return part(client, workflow, "request", **query)


def test_it_is_what_the_administrators_session_sends(
    admin_client: Client, admin_user: User, openai: FakeOpenAI, workflow: Workflow
) -> None:
    html = shown(admin_client, workflow)
    Browser(admin_user).issue(workflow="support")
    (request,) = openai.requests
    assert json.loads(sent(html)) == request.json
    assert f"{request.method} {openai.url}/chatkit/sessions" in html
    rows = table(html)
    assert rows["Authorization"] == "Bearer, with the default key, API_KEY"
    for name in ("Accept", "OpenAI-Beta", "Content-Type"):
        assert rows[name] == request.headers[name]
    assert "No organization and no project is named" in html


def test_nothing_is_issued_by_looking(admin_client: Client, openai: FakeOpenAI, workflow: Workflow) -> None:
    shown(admin_client, workflow)
    assert openai.requests == []
    assert not ChatSession.objects.exists()


def test_where_state_variables_come_from(admin_client: Client, workflow: Workflow) -> None:
    rows = table(shown(admin_client, workflow))
    assert rows["plan"] == (
        "plan of admin text the STATE_VARIABLES function of your settings overrides what this workflow says: free"
    )
    assert rows["shop"] == "<b>“Kettle” & Moss</b> text this workflow"
    assert rows["floor"] == "2 whole number this workflow a page may set it"
    assert rows["asked"] == f"yes {Kind.BOOLEAN.label} the STATE_VARIABLES function of your settings"
    assert rows["page"] == "nothing, unless a page sets it a page may set it"


def test_a_workflow_that_is_told_nothing(admin_client: Client) -> None:
    assert "There are none." in shown(admin_client, a_workflow())


def test_the_key_has_a_name_and_the_others_are_shown(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    entry = {"api_key": "sk-canary", "organization": "org-1", "project": "proj_2"}
    entry["base_url"] = "https://gate:canary@openai.example/v1"
    chatkit(settings, API_KEYS={"second": entry})
    Workflow.objects.update(api_key="second")
    html = shown(admin_client, workflow)
    rows = table(html)
    assert rows["Authorization"] == "Bearer, with the key “second” of API_KEYS"
    assert (rows["OpenAI-Organization"], rows["OpenAI-Project"]) == ("org-1", "proj_2")
    assert "POST https://openai.example/v1/chatkit/sessions" in html
    assert "canary" not in html
    assert "No organization and no project" not in html


def test_a_self_hosted_workflow(admin_client: Client, admin_user: User, workflow: Workflow, settings: Any) -> None:
    chatkit(settings, AGENTS={"echo": "tests.server.echo.respond"})
    Workflow.objects.update(backend="self_hosted", agent="echo")
    html = shown(admin_client, workflow)
    assert "Nothing is sent to OpenAI: this site issues the session itself" in html
    assert "Authorization" not in html
    request = json.loads(sent(html))
    workflow.refresh_from_db()
    assert request == sessions.prepare_session(workflow, user=admin_user).request | {"workflow": request["workflow"]}
    assert request["workflow"]["id"] == "echo"
    assert request["chatkit_configuration"]["file_upload"]["max_files"] == 10


# For whom


def test_for_another_user(admin_client: Client, workflow: Workflow) -> None:
    mika = a_user("mika")
    html = shown(admin_client, workflow, user="mika")
    assert json.loads(sent(html))["user"] == f"user-{mika.pk}"
    assert json.loads(sent(html))["workflow"]["state_variables"]["plan"] == "plan of mika"
    assert table(html)["asked"].startswith("no ")  # nobody has the request of somebody else
    assert "called without a request here" in html
    assert "hidden" not in words(html)


def test_for_oneself_by_name(admin_client: Client, workflow: Workflow) -> None:
    html = shown(admin_client, workflow, user="admin")
    assert table(html)["asked"].startswith("yes ")
    assert "called without a request" not in html


def test_nothing_is_uncertain_where_nothing_is_computed(
    admin_client: Client, workflow: Workflow, settings: Any
) -> None:
    chatkit(settings, STATE_VARIABLES=None)
    assert "called without a request" not in shown(admin_client, workflow, visitor="1")


def test_for_a_visitor(admin_client: Client, workflow: Workflow) -> None:
    html = shown(admin_client, workflow, visitor="1")
    assert json.loads(sent(html))["user"] == "visitor-…"
    assert json.loads(sent(html))["workflow"]["state_variables"]["plan"] == "nobody's plan"
    assert "not open to visitors who are not logged in" in html
    Workflow.objects.update(allow_anonymous=True)
    assert "not open to visitors" not in shown(admin_client, workflow, visitor="1")


@pytest.mark.parametrize("name", ["nobody", "' OR 1=1", "ä" * 254])
def test_nobody_has_that_name(admin_client: Client, workflow: Workflow, name: str) -> None:
    html = shown(admin_client, workflow, user=name)
    assert "There is no user of this name." in html
    assert "<pre" not in html


@pytest.mark.parametrize("name", ["a\0b", "ä" * 255])
def test_no_name_at_all(admin_client: Client, workflow: Workflow, name: str) -> None:
    html = shown(admin_client, workflow, user=name)
    assert "errorlist" in html
    assert "<pre" not in html


def test_names_of_users_need_a_permission(workflow: Workflow) -> None:
    a_user("mika")
    client = staff("view_workflow")
    assert 'name="user"' not in shown(client, workflow)
    for name in ("mika", "nobody"):
        assert client.get(url(workflow), {"user": name}).status_code == 403


def test_what_is_computed_about_others_needs_a_permission(workflow: Workflow) -> None:
    a_user("mika")
    html = shown(staff("view_workflow", "view_user"), workflow, user="mika")
    assert "plan of mika" not in html
    assert "personal data" in html
    assert table(html)["plan"].startswith("hidden text the STATE_VARIABLES function")
    told = json.loads(sent(html))["workflow"]["state_variables"]
    assert (told["plan"], told["shop"]) == ("hidden", "<b>“Kettle” & Moss</b>")
    html = shown(staff("view_workflow", "view_user", "read_state_variables", name="other"), workflow, user="mika")
    assert "plan of mika" in html


def test_ones_own_needs_none(workflow: Workflow) -> None:
    html = shown(staff("change_workflow"), workflow)
    assert "plan of staff" in html
    assert "personal data" not in html


def test_who_would_get_no_session(admin_client: Client, workflow: Workflow) -> None:
    a_user("mika")
    assert "If they could" not in shown(admin_client, workflow, user="mika")
    workflow.groups.add(Group.objects.create(name="Tea club"))
    assert "Only members of this workflow" in shown(admin_client, workflow, user="mika")
    Workflow.objects.update(is_active=False)
    assert "not active" in shown(admin_client, workflow)


# What can go wrong


def problem(html: str) -> str:
    assert "<pre" not in html
    return words(html.split('class="errornote">')[1].split("</p>")[0])


def test_a_function_that_fails(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    def fail(workflow: Workflow, user: Any = None, request: Any = None) -> Any:
        raise LookupError(f"{user} has no plan, {request.path if user and request else 'nothing'}")

    chatkit(settings, STATE_VARIABLES=fail)
    a_user("mika")
    said = problem(shown(admin_client, workflow))
    assert "settings name failed" in said
    assert "LookupError: admin has no plan, /admin/" in said
    assert "(tests.test_admin_request_preview, line " in said
    said = problem(shown(admin_client, workflow, visitor="1"))
    assert "without a user and a request" in said
    said = problem(shown(staff("view_workflow", "view_user"), workflow, user="mika"))
    assert "without a request" in said
    assert "mika has no plan" not in said


def test_state_variables_that_are_refused(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: {"plan": None})
    assert "“plan”: a value is text" in problem(shown(admin_client, workflow))


def test_an_identifier_that_cannot_be_used(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: "")
    assert "A user identifier is text" in problem(shown(admin_client, workflow))


def test_no_key(admin_client: Client, workflow: Workflow, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    chatkit(settings, API_KEY=None)
    assert problem(shown(admin_client, workflow)).startswith("No OpenAI API key: set DJANGO_CHATKIT['API_KEY']")


def test_a_key_that_cannot_be_sent(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    chatkit(settings, API_KEY="sk-canary\n")
    html = shown(admin_client, workflow)
    assert "no HTTP header may hold" in problem(html)
    assert "canary" not in html


def test_a_key_in_place_of_its_name(admin_client: Client, workflow: Workflow) -> None:
    Workflow.objects.update(api_key="sk-canary")
    html = shown(admin_client, workflow)
    assert "no key of the workflow's name" in problem(html)
    assert "canary" not in html


# Odd values


def test_long_texts_are_cut_and_it_says_so(admin_client: Client, workflow: Workflow) -> None:
    assert "Long texts are cut" not in shown(admin_client, workflow)
    Workflow.objects.update(state_variables={"manual": "ä" * 5000, "note": "x" * 2001})
    html = shown(admin_client, workflow)
    assert "Long texts are cut here" in html
    assert html.count("… and 3000 more characters") == 2
    assert html.count("… and 1 more character") == 2
    assert html.count("ä") == 4000


def test_a_text_executes_nowhere(admin_client: Client, workflow: Workflow) -> None:
    odd = "</pre><script>alert(1)</script>\u202e\U0001f375"
    Workflow.objects.update(state_variables={odd[:60]: odd})
    html = shown(admin_client, workflow)
    assert "<script" not in html
    assert json.loads(sent(html))["workflow"]["state_variables"][odd[:60]] == odd
