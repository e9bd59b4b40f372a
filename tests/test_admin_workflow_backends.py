"""Moving a workflow between OpenAI and this site in the admin: one change, and nothing of the other side is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from django_chatkit.models import Workflow

from .admin_staff import staff
from .callers import a_workflow, chatkit
from .conversations import a_file, a_thread
from .submission import submission
from .workflow_page import errors, opened, options, refused, save, url

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/workflow/"
BOTH = {"workflow_id": "wf_1", "version": "3", "api_key": "second", "agent": "support"}


@pytest.fixture(autouse=True)
def agents(settings: Any) -> None:
    chatkit(
        settings, AGENTS={"support": "shop.agents.support", "sales": "shop.agents.sales"}, API_KEYS={"second": "sk-2"}
    )


@pytest.fixture
def workflow() -> Workflow:
    return a_workflow(**BOTH)


def stored(workflow: Workflow) -> dict[str, Any]:
    return {name: getattr(workflow, name) for name in ("backend", *BOTH)}


def field(page: str, name: str) -> str:
    return page.split(f" field-{name}")[1].split('<div class="form-row')[0]


def test_one_change_and_back(admin_client: Client, workflow: Workflow) -> None:
    moved = save(admin_client, workflow, {"backend": "self_hosted"})
    assert stored(moved) == {"backend": "self_hosted", **BOTH}
    assert stored(save(admin_client, workflow, {"backend": "hosted"})) == {"backend": "hosted", **BOTH}


@pytest.mark.parametrize(
    ("lost", "backend"), [({"API_KEYS": {}}, "self_hosted"), ({"AGENTS": {}}, "hosted")], ids=["key", "agent"]
)
def test_what_the_settings_lost_does_not_stop_the_other_backend(
    admin_client: Client, workflow: Workflow, settings: Any, lost: dict[str, Any], backend: str
) -> None:
    """And is kept, for the settings may find it again."""
    chatkit(settings, **lost)
    assert stored(save(admin_client, workflow, {"backend": backend, "name": "New"})) == {"backend": backend, **BOTH}
    other = {"hosted": "self_hosted", "self_hosted": "hosted"}[backend]
    page = refused(admin_client, workflow, {"backend": other})
    assert "has no entry of this name" in field(page, "agent" if lost.keys() == {"AGENTS"} else "api_key")


def test_what_is_entered_is_checked_though_nobody_needs_it_now(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, {"backend": "self_hosted", "version": "latest", "workflow_id": "wf 1"})
    assert "the chat then breaks" in field(page, "version")
    assert "no spaces" in field(page, "workflow_id")


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"backend": "self_hosted", "agent": ""}, "agent", "A workflow that this site runs needs an agent."),
        ({"backend": "self_hosted", "agent": "shop.agents.support"}, "agent", "no entry of this name"),
        ({"workflow_id": ""}, "workflow_id", "A workflow that OpenAI runs needs OpenAI"),
        ({"backend": "elsewhere"}, "backend", "is not one of the available choices"),
        ({"backend": ""}, "backend", "This field is required."),
    ],
)
def test_errors_are_at_the_right_field(
    admin_client: Client, workflow: Workflow, changes: dict[str, str], name: str, words: str
) -> None:
    page = refused(admin_client, workflow, changes)
    assert words in " ".join(errors(field(page, name)))
    assert len(errors(page)) == 1


def test_a_self_hosted_workflow_is_added(admin_client: Client) -> None:
    empty = submission(admin_client.get(LIST + "add/").text, "workflow_form")
    assert (empty["backend"], empty["agent"]) == ("hosted", "")
    given = {"name": "Help", "slug": "help", "backend": "self_hosted", "agent": "sales"}
    assert admin_client.post(LIST + "add/", empty | given).status_code == 302
    assert stored(Workflow.objects.get()) == {
        "backend": "self_hosted",
        "agent": "sales",
        "workflow_id": "",
        "version": "",
        "api_key": "",
    }


def test_agents_are_chosen_by_name_and_a_lost_one_stays_visible(
    admin_client: Client, workflow: Workflow, settings: Any
) -> None:
    assert options(admin_client.get(url(workflow)).text, "agent") == ["none", "support", "sales"]
    chatkit(settings, AGENTS={"sales": "a.b"})
    page = admin_client.get(url(workflow)).text
    assert options(page, "agent") == ["none", "sales", "support (no longer in the settings)"]
    assert opened(admin_client, workflow)["agent"] == "support"


def test_without_agents_the_form_says_what_is_to_be_done(
    admin_client: Client, workflow: Workflow, settings: Any
) -> None:
    chatkit(settings, AGENTS={})
    page = admin_client.get(LIST + "add/").text
    assert options(page, "agent") == ["none (the settings have none)"]
    assert "There are no agents yet. A developer has to write one" in page
    assert "DJANGO_CHATKIT = {&#x27;AGENTS&#x27;: {" in page or "DJANGO_CHATKIT = {'AGENTS': {" in page


@pytest.mark.parametrize("installed", [None, object()], ids=["no extra", "extra"])
def test_without_the_extra_the_form_says_so(admin_client: Client, monkeypatch: Any, installed: Any) -> None:
    monkeypatch.setattr("django_chatkit.admin.workflow_form.find_spec", lambda name: installed)
    page = admin_client.get(LIST + "add/").text
    assert ("django-openai-chatkit[server]" in page) is (installed is None)
    assert ("the program that answers." in page) is (installed is not None)


def test_what_each_backend_needs_says_so(admin_client: Client, workflow: Workflow, monkeypatch: Any) -> None:
    monkeypatch.setattr("django_chatkit.admin.workflow_form.find_spec", lambda name: object())  # with the extra
    page = admin_client.get(url(workflow)).text
    assert "needed if this site runs the workflow" in field(page, "agent").lower()
    for name in ("workflow_id", "version", "api_key"):
        assert "if OpenAI runs the workflow" in field(page, name).replace("If", "if")
    assert "django_chatkit/admin/backends.js" in page
    assert 'type="radio" name="backend"' in page


def test_who_may_only_look_sees_what_counts(workflow: Workflow) -> None:
    client = staff("view_workflow")
    page = client.get(url(workflow)).text
    assert 'field-backend"' in page
    assert 'field-workflow_id"' in page
    assert 'field-agent"' not in page
    Workflow.objects.update(backend="self_hosted")
    page = client.get(url(workflow)).text
    assert 'field-workflow_id"' not in page
    assert 'field-api_key"' not in page
    assert "support" in field(page, "agent")
    assert "this site" in field(page, "backend")
    for name in ("state_variables", "groups", "expires_after"):
        assert f"field-{name}" in page or f"field-shown_{name}" in page


def test_the_list_is_filtered_by_backend_and_searched_by_agent(admin_client: Client, workflow: Workflow) -> None:
    own = a_workflow("own", backend="self_hosted", agent="sales")
    found = admin_client.get(LIST, {"backend__exact": "self_hosted"}).context["cl"].result_list
    assert list(found) == [own]
    assert list(admin_client.get(LIST, {"q": "sales"}).context["cl"].result_list) == [own]


@pytest.mark.parametrize("kind", ["thread", "attachment"])
def test_a_workflow_with_conversations_is_not_deleted_and_they_are_not_listed(
    admin_client: Client, workflow: Workflow, kind: str
) -> None:
    thread, file = a_thread(workflow), a_file(workflow, content=None)
    name = thread.thread_id if kind == "thread" else file.attachment_id
    (file if kind == "thread" else thread).delete()
    for method in (admin_client.get, admin_client.post):
        page = method(f"{LIST}{workflow.pk}/delete/", {"post": "yes"}).text
        assert "Deactivate this workflow instead of deleting it." in page
        assert name not in page
    assert Workflow.objects.exists()
