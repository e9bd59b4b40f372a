from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from django_chatkit.models import ChatKitConfiguration, Workflow

from .submission import submission
from .workflow_page import errors, opened, options, refused, row, save, url

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/workflow/"


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


@pytest.fixture
def keys(settings: Any) -> None:
    settings.DJANGO_CHATKIT = {
        "API_KEY": "sk-canary-default",
        "API_KEYS": {"marketing": "sk-canary-marketing", "research": {"api_key": "sk-canary-research"}},
    }


def test_a_workflow_is_added_with_everything(admin_client: Client, keys: None) -> None:
    preset = ChatKitConfiguration.objects.create(name="Uploads")
    group = Group.objects.create(name="Customers")
    empty = submission(admin_client.get(LIST + "add/").text, "workflow_form")
    given = {
        "name": "Support",
        "slug": "support",
        "workflow_id": "wf_1",
        "version": "7",
        "api_key": "research",
        "tracing_enabled": "false",
        **row(0, "plan", "text", "gold"),
        **row(1, "locale", "text", "en", client="on"),
        **row(2, " page ", "page"),
        "groups": str(group.pk),
        "chatkit_configuration": str(preset.pk),
        "expires_after": "600",
        "max_requests_per_1_minute": "1",
    }
    response = admin_client.post(LIST + "add/", empty | given)
    assert response.status_code == 302, errors(response.text)
    workflow = Workflow.objects.get()
    stored = {name: getattr(workflow, name) for name in given if hasattr(workflow, name) and name != "groups"}
    assert stored == {
        "name": "Support",
        "slug": "support",
        "workflow_id": "wf_1",
        "version": "7",
        "api_key": "research",
        "tracing_enabled": False,
        "chatkit_configuration": preset,
        "expires_after": 600,
        "max_requests_per_1_minute": 1,
    }
    assert workflow.state_variables == {"plan": "gold", "locale": "en"}
    assert workflow.client_state_variables == ["locale", "page"]
    assert list(workflow.groups.all()) == [group]
    assert workflow.is_active
    assert not workflow.allow_anonymous


def test_what_is_left_empty_is_unset(admin_client: Client) -> None:
    empty = submission(admin_client.get(LIST + "add/").text, "workflow_form")
    admin_client.post(LIST + "add/", empty | {"name": "Support", "slug": "support", "workflow_id": "wf_1"})
    workflow = Workflow.objects.get()
    assert workflow.as_request({}) == {
        "workflow": {"id": "wf_1", "version": None, "state_variables": None, "tracing": {"enabled": None}},
        "chatkit_configuration": None,
        "expires_after": None,
        "rate_limits": {"max_requests_per_1_minute": None},
    }
    assert (workflow.state_variables, workflow.client_state_variables, workflow.api_key) == ({}, [], "")


def test_the_slug_is_made_of_the_name(admin_client: Client) -> None:
    page = admin_client.get(LIST + "add/").text
    assert "&quot;id&quot;: &quot;#id_slug&quot;" in page
    assert "&quot;dependency_ids&quot;: [&quot;#id_name&quot;]" in page


AT_LEAST_1 = "Ensure this value is greater than or equal to 1."
REQUIRED = "This field is required."
WRONG = {
    "too little": {
        "name": ("", REQUIRED),
        "slug": ("", REQUIRED),
        "workflow_id": ("", "A workflow that OpenAI runs needs OpenAI&#x27;s id of it"),
        "expires_after": ("0", AT_LEAST_1),
        "max_requests_per_1_minute": ("0", AT_LEAST_1),
        "accent": ("#fff", "Write a colour as #rrggbb"),
    },
    "too much": {
        "name": ("x" * 101, "at most 100 characters"),
        "slug": ("x" * 51, "at most 50 characters"),
        "workflow_id": ("x" * 256, "at most 255 characters"),
        "expires_after": ("601", "Ensure this value is less than or equal to 600."),
        "max_requests_per_1_minute": ("9" * 30, "Ensure this value is less than or equal to"),
        "accent": ("#1f7a4d0", "at most 7 characters"),
    },
    "malformed": {
        "slug": ("not a slug", "Enter a valid “slug”"),
        "workflow_id": ("wf 1", "A workflow id has no spaces and no accents."),
        "version": ("Latest", "OpenAI accepts “latest” here, but the chat then breaks."),
        "expires_after": ("ten", "Enter a whole number."),
        "greeting": ("nul\0", "Null characters are not allowed."),
    },
    "too many or used": {
        "slug": ("taken", "Workflow with this Slug already exists."),
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_fields_are_shown_again_each_with_its_error(admin_client: Client, workflow: Workflow, case: str) -> None:
    Workflow.objects.create(name="Taken", slug="taken", workflow_id="wf_2")
    changes = {field: typed for field, (typed, message) in WRONG[case].items()}
    page = refused(admin_client, workflow, changes | row(0, "kept", "text", " as typed "))
    assert (row(0, "kept", "text", " as typed ") | changes).items() <= submission(page, "workflow_form").items()
    for field, (_, message) in WRONG[case].items():
        shown = page.split(f" field-{field}")[1].split('<div class="form-row')[0]
        assert message in " ".join(errors(shown)), field


def test_a_workflow_is_open_to_everybody_or_to_groups(admin_client: Client, workflow: Workflow) -> None:
    group = Group.objects.create(name="Customers")
    page = refused(admin_client, workflow, {"allow_anonymous": "on", "groups": str(group.pk)})
    assert errors(page) == ["Visitors who are not logged in belong to no group. Clear this, or remove the groups."]
    assert save(admin_client, workflow, {"allow_anonymous": "on"}).allow_anonymous
    workflow = save(admin_client, workflow, {"groups": str(group.pk)} | {"allow_anonymous": ""})
    assert not workflow.allow_anonymous
    assert list(workflow.groups.all()) == [group]


@pytest.mark.parametrize(("chosen", "stored"), [("unknown", None), ("true", True), ("false", False)])
def test_unset_is_not_off(admin_client: Client, workflow: Workflow, chosen: str, stored: bool | None) -> None:  # noqa: FBT001
    assert save(admin_client, workflow, {"tracing_enabled": chosen}).tracing_enabled is stored
    assert opened(admin_client, workflow)["tracing_enabled"] == chosen
    page = admin_client.get(url(workflow)).text
    assert options(page, "tracing_enabled") == ["default (on at OpenAI, off on this site)", "on", "off"]


# Keys


def test_keys_are_chosen_by_name_and_never_shown(admin_client: Client, workflow: Workflow, keys: None) -> None:
    page = admin_client.get(url(workflow)).text
    assert options(page, "api_key") == ["default key", "marketing", "research"]
    assert save(admin_client, workflow, {"api_key": "marketing"}).api_key == "marketing"
    for address in (
        url(workflow),
        LIST,
        LIST + "add/",
        f"{LIST}{workflow.pk}/history/",
        f"{LIST}{workflow.pk}/delete/",
    ):
        assert "canary" not in admin_client.get(address).text


@pytest.mark.parametrize("typed", ["sk-canary-marketing", "unheard-of"])
def test_only_a_known_name_is_accepted_and_nothing_else_repeated(
    admin_client: Client, workflow: Workflow, keys: None, typed: str
) -> None:
    page = refused(admin_client, workflow, {"api_key": typed})
    assert "The API_KEYS setting has no entry of this name. Never enter a key itself here." in page
    assert typed not in page


def test_a_name_that_the_settings_have_lost_stays_visible(admin_client: Client, workflow: Workflow, keys: None) -> None:
    Workflow.objects.update(api_key="sold")
    page = admin_client.get(url(workflow)).text
    assert options(page, "api_key")[-1] == "sold (no longer in the settings)"
    assert submission(page, "workflow_form")["api_key"] == "sold"
    again = refused(admin_client, workflow, {})
    assert "The API_KEYS setting has no entry of this name." in errors(again.split("field-api_key")[1])[0]
    assert submission(again, "workflow_form")["api_key"] == "sold"
    assert save(admin_client, workflow, {"api_key": ""}).api_key == ""


def test_a_missing_default_key_is_said(
    admin_client: Client, workflow: Workflow, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJANGO_CHATKIT = {}
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    page = admin_client.get(url(workflow)).text
    assert options(page, "api_key") == ["default key (the settings have none)"]
