"""Admin sites of a project's own: under another name, with a part of the models, with rules for single rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpRequest
from django.test import Client
from django.urls import include, path

from django_chatkit.admin import ChatKitConfigurationAdmin, ChatSessionAdmin, WorkflowAdmin
from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow

from .records import records

pytestmark = pytest.mark.django_db

CLASSES: dict[Any, Any] = {
    Workflow: WorkflowAdmin,
    ChatKitConfiguration: ChatKitConfigurationAdmin,
    ChatSession: ChatSessionAdmin,
}


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


@pytest.fixture
def session(workflow: Workflow) -> ChatSession:
    [session] = records(workflow, 1)
    return ChatSession.objects.get(session_id=session.session_id)


def office(settings: Any, **classes: Any) -> str:
    """An admin site called *office* with these classes; where it is."""
    site = admin.AdminSite(name="office")
    for model, model_admin in CLASSES.items():
        if kind := classes.get(model.__name__, model_admin):
            site.register(model, kind)
    settings.ROOT_URLCONF = (path("office/", site.urls), path("chatkit/", include("django_chatkit.urls")))
    return "/office/django_chatkit/"


def pages(workflow: Workflow, session: ChatSession) -> list[str]:
    about = [f"workflow/{workflow.pk}/{page}" for page in ("change/", "history/", "try/", "try/?preview=1")]
    lists = ["workflow/", "workflow/add/", "workflow/statistics/", "chatsession/", "chatkitconfiguration/add/"]
    return [*about, *lists, f"chatsession/{session.pk}/change/", f"chatsession/{session.pk}/cancel/"]


def test_under_another_name(admin_client: Client, workflow: Workflow, session: ChatSession, settings: Any) -> None:
    root = office(settings)
    for page in pages(workflow, session):
        response = admin_client.get(root + page)
        assert response.status_code == 200, page
        assert 'href="/office/"' in response.text, page


def test_every_page_says_the_way_here(admin_client: Client, workflow: Workflow, session: ChatSession) -> None:
    """In the markup of Django 6.1, or in that of the Django that is installed."""
    for page in pages(workflow, session):
        assert 'class="breadcrumbs"' in admin_client.get("/admin/django_chatkit/" + page).text, page


def test_what_leads_on_stays_on_the_site(
    admin_client: Client, workflow: Workflow, session: ChatSession, settings: Any
) -> None:
    root = office(settings)
    copied = admin_client.post(f"{root}workflow/{workflow.pk}/duplicate/")
    assert copied.headers["Location"].startswith(f"{root}workflow/")
    ChatSession.objects.update(backend=Workflow.Backend.SELF_HOSTED, secret_digest="d")
    its_page = f"{root}chatsession/{session.pk}/"
    cancelled = admin_client.post(f"{its_page}cancel/", {"confirmed": "yes"})
    assert cancelled.headers["Location"] == f"{its_page}change/"


@pytest.mark.parametrize("missing", ["ChatKitConfiguration", "ChatSession"])
def test_without_some_models(admin_client: Client, workflow: Workflow, settings: Any, missing: str) -> None:
    records(workflow, 1)
    root = office(settings, **{missing: None})
    for page in ("", "add/", f"{workflow.pk}/change/", f"{workflow.pk}/try/", "statistics/"):
        assert admin_client.get(f"{root}workflow/{page}").status_code == 200, page


class OwnRows:
    """Rows of one workflow are nobody's business."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or getattr(obj, "workflow", obj).slug != "support"

    has_change_permission = has_view_permission


def test_rules_for_single_rows_hold(
    admin_client: Client, workflow: Workflow, session: ChatSession, settings: Any
) -> None:
    root = office(
        settings,
        Workflow=type("Workflows", (OwnRows, WorkflowAdmin), {}),
        ChatSession=type("Sessions", (OwnRows, ChatSessionAdmin), {}),
    )
    one, its_session = f"{root}workflow/{workflow.pk}/", f"{root}chatsession/{session.pk}/"
    for address in (f"{one}change/", f"{one}try/", f"{its_session}change/", f"{its_session}cancel/"):
        assert admin_client.get(address).status_code == 403, address
    for address in (f"{one}try/", f"{one}duplicate/", f"{its_session}cancel/"):
        assert admin_client.post(address, {"confirmed": "yes"}).status_code == 403, address
    session.refresh_from_db()
    assert (session.status, Workflow.objects.count()) == ("active", 1)
