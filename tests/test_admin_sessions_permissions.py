"""Who may see sessions, and who may read the state variables in them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from django_chatkit.models import Workflow

from .admin_staff import staff
from .test_admin_sessions import LIST, issued, listed

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


def test_state_variables_are_hidden_without_their_permission(workflow: Workflow) -> None:
    session = issued(workflow, state_variables={"canary-name": "canary-value", "other": 2})
    one = issued(workflow, state_variables={"canary-name": "canary-value"})
    client = staff("view_chatsession", "cancel_chatsession")
    page = client.get(f"{LIST}{session.pk}/change/").text
    assert "2 state variables, hidden: reading them is a permission of its own." in page
    assert "1 state variable, hidden: reading it" in client.get(f"{LIST}{one.pk}/change/").text
    client.post(f"{LIST}{one.pk}/cancel/", {"confirmed": "yes"})
    pages = ("", f"{session.pk}/change/", f"{session.pk}/history/", f"{session.pk}/cancel/", f"?q={session.session_id}")
    for shown in (page, *(client.get(LIST + address).text for address in pages)):
        assert "canary" not in shown


@pytest.mark.parametrize("path", ["django_chatkit/workflow/?sessions", "auth/user/?chatkit_sessions"])
def test_no_other_list_tells_whether_a_guess_is_right(workflow: Workflow, path: str) -> None:
    issued(workflow, user=User.objects.create_user("anna"), state_variables={"plan": "gold"})
    client = staff("view_chatsession", "view_workflow", "view_user", "read_state_variables")
    for guess in ("gold", "silver"):
        assert client.get(f"/admin/{path}__state_variables__plan={guess}").status_code == 400


def test_the_search_does_not_look_into_them(workflow: Workflow) -> None:
    issued(workflow, state_variables={"plan": "gold"})
    client = staff("view_chatsession", "read_state_variables")
    assert listed(client, "q=gold") == listed(client, "q=plan") == []


def test_who_may_read_state_variables_reads_them(workflow: Workflow) -> None:
    session = issued(workflow, state_variables={"plan": "gold"})
    page = staff("view_chatsession", "read_state_variables").get(f"{LIST}{session.pk}/change/").text
    assert '<td class="chatkit-value">gold</td>' in page
    assert "hidden" not in page.split("field-shown_state_variables")[1].split("field-shown_configuration")[0]


@pytest.mark.parametrize("empty", [{}, [], None])
def test_no_state_variables_are_not_hidden(workflow: Workflow, empty: Any) -> None:
    session = issued(workflow, **({} if empty is None else {"state_variables": empty}))
    page = staff("view_chatsession").get(f"{LIST}{session.pk}/change/").text
    assert '<div class="readonly">-</div>' in page.split("field-hidden_state_variables")[1].split("form-row")[0]


@pytest.mark.parametrize("permission", ["view_workflow", "read_state_variables", "cancel_chatsession"])
def test_sessions_are_a_permission_of_their_own(workflow: Workflow, permission: str) -> None:
    session, client = issued(workflow), staff(permission)
    for address in ("", f"{session.pk}/change/", f"{session.pk}/history/"):
        assert client.get(LIST + address).status_code == 403
