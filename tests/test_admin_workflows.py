from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow

from .admin_staff import staff
from .workflow_page import options, save, url

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/workflow/"


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


def issued(workflow: Workflow) -> ChatSession:
    return ChatSession.objects.create(
        session_id=f"cksess_{ChatSession.objects.count()}", workflow=workflow, expires_at=timezone.now()
    )


def queries(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


# The list


def test_the_list_says_who_may_use_a_workflow(admin_client: Client, workflow: Workflow) -> None:
    Workflow.objects.create(name="Open", slug="open", workflow_id="wf_2", allow_anonymous=True)
    closed = Workflow.objects.create(name="Closed", slug="closed", workflow_id="wf_3")
    closed.groups.set([Group.objects.create(name="Tea"), Group.objects.create(name="Coffee")])
    page = admin_client.get(LIST).text
    audiences = [cell.split("<")[0] for cell in page.split('<td class="field-audience">')[1:]]
    assert audiences == ["Coffee, Tea", "everyone", "everyone who is logged in"]


def test_the_list_takes_the_same_queries_for_any_number_of_workflows(admin_client: Client, workflow: Workflow) -> None:
    few = queries(admin_client, LIST)
    preset = ChatKitConfiguration.objects.create(name="Uploads")
    group = Group.objects.create(name="Customers")
    for number in range(20):
        Workflow.objects.create(
            name=f"{number}", slug=f"s{number}", workflow_id="wf_1", chatkit_configuration=preset
        ).groups.add(group)
    many = queries(admin_client, LIST)
    assert len(many) == len(few)
    assert not any("state_variables" in sql for sql in many)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=SUPP", ["Support"]),
        ("q=wf_2", ["Open"]),
        ("q=nothing", []),
        ("is_active__exact=0", ["Open"]),
        ("allow_anonymous__exact=1", ["Open"]),
        ("chatkit_configuration__isnull=True", ["Open"]),
        ("groups__isnull=True", ["Open"]),
    ],
)
def test_the_list_is_searched_and_filtered(
    admin_client: Client, workflow: Workflow, query: str, found: list[str]
) -> None:
    Workflow.objects.create(name="Open", slug="open", workflow_id="wf_2", allow_anonymous=True, is_active=False)
    Workflow.objects.filter(pk=workflow.pk).update(chatkit_configuration=ChatKitConfiguration.objects.create(name="A"))
    workflow.groups.add(Group.objects.create(name="Customers"))
    response = admin_client.get(f"{LIST}?{query}")
    assert [listed.name for listed in response.context["cl"].result_list] == found


# Presets and groups


def test_presets_and_groups_are_chosen_without_javascript(workflow: Workflow) -> None:
    group = Group.objects.create(name="Customers")
    preset = ChatKitConfiguration.objects.create(name="Files")
    client = staff("change_workflow")
    page = client.get(url(workflow)).text
    assert f'name="groups" value="{group.pk}"' in page
    assert options(page, "chatkit_configuration") == ["OpenAI&#x27;s defaults", "Files"]
    saved = save(client, workflow, {"groups": str(group.pk), "chatkit_configuration": str(preset.pk)})
    assert list(saved.groups.all()) == [group]
    assert saved.chatkit_configuration == preset


def test_a_project_without_an_admin_for_groups_still_can_choose_them(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group.objects.create(name="Customers")
    monkeypatch.delitem(admin.site._registry, Group)
    assert f'name="groups" value="{group.pk}"' in admin_client.get(url(workflow)).text


# Permissions


def test_who_may_only_look_sees_no_json_and_no_form(workflow: Workflow) -> None:
    workflow.state_variables = {"plan": "gold\nsilver", "limit": 3, "trial": True, "odd": None}
    workflow.client_state_variables = ["locale", "page"]
    workflow.save()
    client = staff("view_workflow")
    page = client.get(url(workflow)).text
    assert "{&quot;" not in page
    assert "[&quot;" not in page
    assert (
        '<th scope="row">plan</th><td class="chatkit-type">text</td><td class="chatkit-value">gold\nsilver</td>' in page
    )
    assert '<td class="chatkit-type">whole number</td><td class="chatkit-value">3</td>' in page
    assert '<td class="chatkit-type">yes/no</td><td class="chatkit-value">yes</td>' in page
    assert '<th scope="row">odd</th><td class="chatkit-value">null</td>' in page
    for name in ("locale", "page"):
        assert f'<th scope="row">{name}</th><td class="chatkit-type">set by the page only</td>' in page
    assert '<div class="readonly">default (on at OpenAI, off on this site)</div>' in page
    assert "<textarea" not in page
    assert client.post(url(workflow), {"name": "Mine"}).status_code == 403
    assert client.get(LIST + "add/").status_code == 403


def test_an_empty_workflow_can_be_looked_at(workflow: Workflow) -> None:
    page = staff("view_workflow").get(url(workflow)).text
    shown = page.split("field-shown_state_variables")[1].split('<div class="form-row')[0]
    assert '<div class="readonly">-</div>' in shown


def test_nobody_else_gets_in(workflow: Workflow) -> None:
    assert staff().get(url(workflow)).status_code == 403
    assert Client().get(url(workflow)).status_code == 302


# Actions


def act(client: Client, action: str, *workflows: Workflow, **more: str) -> Any:
    selected = [workflow.pk for workflow in workflows]
    return client.post(LIST, {"action": action, "_selected_action": selected, **more}, follow=True)


def test_workflows_are_deactivated_and_activated(admin_client: Client, workflow: Workflow) -> None:
    other = Workflow.objects.create(name="Other", slug="other", workflow_id="wf_2")
    untouched = Workflow.objects.create(name="Untouched", slug="untouched", workflow_id="wf_3")
    page = act(admin_client, "deactivate", workflow, other).text
    assert "2 workflows deactivated: they issue no new sessions." in page
    assert set(Workflow.objects.filter(is_active=True)) == {untouched}
    assert "1 workflow activated." in act(admin_client, "activate", workflow).text
    assert set(Workflow.objects.filter(is_active=False)) == {other}
    entries = [(entry.object_id, entry.get_change_message()) for entry in LogEntry.objects.order_by("pk")]
    assert sorted(entries[:2]) == sorted((str(one.pk), "Changed active.") for one in (workflow, other))
    assert entries[2:] == [(str(workflow.pk), "Changed active.")]


def test_an_action_that_changes_nothing_is_not_logged(admin_client: Client, workflow: Workflow) -> None:
    assert "0 workflows activated." in act(admin_client, "activate", workflow).text
    assert not LogEntry.objects.exists()


def test_actions_need_the_permission_to_change(workflow: Workflow) -> None:
    client = staff("view_workflow")
    page = act(client, "deactivate", workflow).text
    assert "Deactivate selected" not in page
    workflow.refresh_from_db()
    assert workflow.is_active


# Deleting


def test_a_workflow_in_use_is_not_deleted_and_its_sessions_are_not_listed(
    admin_client: Client, workflow: Workflow
) -> None:
    sessions = [issued(workflow) for _ in range(3)]
    for method in (admin_client.get, admin_client.post):
        page = method(f"{LIST}{workflow.pk}/delete/", {"post": "yes"}).text
        assert "Cannot delete workflow" in page
        assert "Deactivate this workflow instead of deleting it." in page
        assert f'<a href="{url(workflow)}">Support</a>' in page
        assert not any(session.session_id in page for session in sessions)
    assert Workflow.objects.count() == 1


def test_a_workflow_in_use_is_not_deleted_with_others(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow)
    other = Workflow.objects.create(name="Other", slug="other", workflow_id="wf_2")
    page = act(admin_client, "delete_selected", workflow, other, post="yes").text
    assert "Deactivate this workflow instead" in page
    assert Workflow.objects.count() == 2


def test_a_workflow_that_was_never_used_is_deleted(admin_client: Client, workflow: Workflow) -> None:
    workflow.groups.add(Group.objects.create(name="Customers"))
    assert "Are you sure" in admin_client.get(f"{LIST}{workflow.pk}/delete/").text
    admin_client.post(f"{LIST}{workflow.pk}/delete/", {"post": "yes"})
    assert not Workflow.objects.exists()
