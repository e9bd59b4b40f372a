from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, User
from django.db import IntegrityError
from django.test import Client

from django_chatkit.admin import duplicating
from django_chatkit.models import ChatKitConfiguration, Workflow

from .admin_staff import staff
from .workflow_page import url

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


def button(workflow: Workflow) -> str:
    return url(workflow).replace("/change/", "/duplicate/")


def duplicated(client: Client, workflow: Workflow) -> Workflow:
    """The copy that the button makes; the newest workflow."""
    response = client.post(button(workflow))
    copy = Workflow.objects.order_by("-pk")[0]
    assert response.status_code == 302
    assert response.headers["Location"] == url(copy)
    return copy


def test_a_copy_has_everything_but_is_not_active(admin_client: Client) -> None:
    preset = ChatKitConfiguration.objects.create(name="Uploads")
    given: dict[str, Any] = {
        "workflow_id": "wf_1",
        "version": "3",
        "api_key": "a key that the settings have lost",
        "state_variables": {"plan": "gold", "n": 3},
        "client_state_variables": ["plan"],
        "chatkit_configuration": preset,
        "expires_after": 60,
        "max_requests_per_1_minute": 5,
        "tracing_enabled": False,
        "prompts": [{"label": "Hello", "prompt": "Hello", "icon": "star"}],
        "greeting": "Hello",
    }
    workflow = Workflow.objects.create(name="Support", slug="support", **given)
    workflow.groups.set([Group.objects.create(name="Tea"), Group.objects.create(name="Coffee")])
    copy = duplicated(admin_client, workflow)
    differs = {"id", "name", "slug", "is_active"}
    before, after = (Workflow.objects.values().get(pk=one.pk) for one in (workflow, copy))
    assert {name for name in before if before[name] != after[name]} == differs
    assert (copy.name, copy.slug, copy.is_active) == ("Support (copy)", "support-copy", False)
    assert set(copy.groups.all()) == set(workflow.groups.all())
    workflow.refresh_from_db()
    assert workflow.is_active


def test_the_person_lands_on_the_form_of_the_copy_and_is_told(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.post(button(workflow), follow=True).text
    assert 'value="support-copy"' in page
    assert "This is the copy of “Support”. It is not active" in page


def test_the_copy_is_in_the_history(admin_client: Client, workflow: Workflow) -> None:
    copy = duplicated(admin_client, workflow)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.action_flag) == (str(copy.pk), ADDITION)
    assert entry.get_change_message() == "Copied from “support”."


def test_every_copy_gets_a_slug_of_its_own(admin_client: Client, workflow: Workflow) -> None:
    first = duplicated(admin_client, workflow)
    second = duplicated(admin_client, workflow)
    of_a_copy = duplicated(admin_client, first)
    assert [one.slug for one in (first, second, of_a_copy)] == ["support-copy", "support-copy-2", "support-copy-3"]
    assert {one.name for one in (first, second, of_a_copy)} == {"Support (copy)"}


def test_a_slug_in_other_capitals_is_taken_as_well(admin_client: Client, workflow: Workflow) -> None:
    """MariaDB takes them for the same."""
    Workflow.objects.create(name="Loud", slug="SUPPORT-COPY", workflow_id="wf_1")
    assert duplicated(admin_client, workflow).slug == "support-copy-2"


def test_long_names_are_cut_before_what_tells_them_apart(admin_client: Client) -> None:
    workflow = Workflow.objects.create(name="n" * 100, slug="s" * 50, workflow_id="wf_1")
    first, second = duplicated(admin_client, workflow), duplicated(admin_client, workflow)
    assert (first.slug, second.slug) == ("s" * 45 + "-copy", "s" * 43 + "-copy-2")
    assert first.name == "n" * 93 + " (copy)"


def test_somebody_who_takes_the_slug_in_the_same_moment_costs_nothing(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    Workflow.objects.create(name="Quick", slug="quick", workflow_id="wf_1")
    monkeypatch.setattr(duplicating, "_free_slugs", lambda _: iter(["quick", "support-copy"]))
    assert duplicated(admin_client, workflow).slug == "support-copy"


def test_what_the_database_never_takes_is_an_error(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicating, "_free_slugs", lambda _: iter(["support"] * 9))
    with pytest.raises(IntegrityError):
        duplicating.duplicate(workflow)
    assert Workflow.objects.count() == 1


def test_it_takes_the_same_queries_however_many_copies_there_are(
    workflow: Workflow, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        duplicating.duplicate(workflow)
    # The slugs in use; a savepoint and its end, the row; the groups of both, of which there are none.
    with django_assert_num_queries(6):
        duplicating.duplicate(workflow)


# Who may


def test_only_who_may_add_has_the_button(workflow: Workflow) -> None:
    assert button(workflow) in staff("view_workflow", "add_workflow").get(url(workflow)).text
    assert button(workflow) not in staff("change_workflow", name="editor").get(url(workflow)).text


@pytest.mark.parametrize("permissions", [["change_workflow", "view_workflow"], ["add_workflow"]])
def test_it_needs_the_permissions_to_see_and_to_add(workflow: Workflow, permissions: list[str]) -> None:
    assert staff(*permissions).post(button(workflow)).status_code == 403
    assert Workflow.objects.count() == 1


def test_a_link_or_another_site_makes_no_copy(admin_client: Client, admin_user: User, workflow: Workflow) -> None:
    assert admin_client.get(button(workflow)).status_code == 405
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(admin_user)
    assert careful.post(button(workflow)).status_code == 403
    assert Workflow.objects.count() == 1


def test_there_is_no_copy_of_nothing(admin_client: Client) -> None:
    assert admin_client.post("/admin/django_chatkit/workflow/7/duplicate/").status_code == 404


def test_strangers_are_asked_to_log_in(client: Client, workflow: Workflow) -> None:
    assert "/login/" in client.post(button(workflow)).headers["Location"]
    assert Workflow.objects.count() == 1
