"""Which state variables a page may set: a checkbox in each row, and rows that have no value of their own."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_chatkit.models import Workflow

from .admin_staff import staff
from .workflow_page import errors, opened, refused, row, row_errors, rows, save, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(
        name="Support",
        slug="support",
        workflow_id="wf_1",
        state_variables={"plan": "gold", "locale": "en"},
        client_state_variables=["page", "locale", "theme"],
    )


def stored(client: Client, workflow: Workflow, changes: dict[str, str]) -> tuple[Any, Any]:
    """Both columns, once the page was submitted with these changes."""
    saved = save(client, workflow, changes)
    return saved.state_variables, saved.client_state_variables


def test_both_columns_are_shown_as_rows(admin_client: Client, workflow: Workflow) -> None:
    page = opened(admin_client, workflow)
    shown = [[page.get(f"state_variables-{index}-{name}") for name in ("name", "type", "client")] for index in range(5)]
    assert shown == [
        ["plan", "text", None],
        ["locale", "text", "on"],
        ["page", "page", "on"],
        ["theme", "page", "on"],
        ["", "text", None],
    ]
    assert "client_state_variables" not in page


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"plan": "gold", "locale": "en"}, ["page", "locale", "theme"]),
        ({}, ["z", "a", " ä\nb ", "🍵" * 64]),
        ({" a ": "one\r\ntwo"}, [" a "]),
        ({f"v{number}": number for number in range(64)}, [f"c{number}" for number in range(64)]),
    ],
    ids=["both", "only names", "odd names", "as many as there can be"],
)
def test_what_nobody_touched_comes_back_exactly(
    admin_client: Client, workflow: Workflow, variables: Any, names: list[str]
) -> None:
    Workflow.objects.update(state_variables=variables, client_state_variables=names)
    assert stored(admin_client, workflow, {}) == (variables, names)
    assert LogEntry.objects.latest("pk").get_change_message() == "No fields changed."


def test_a_checkbox_leaves_a_variable_to_the_page_or_takes_it_back(admin_client: Client, workflow: Workflow) -> None:
    variables = {"plan": "gold", "locale": "en"}
    given = {"state_variables-0-client": "on", "state_variables-1-client": ""}
    assert stored(admin_client, workflow, given) == (variables, ["page", "theme", "plan"])
    assert LogEntry.objects.latest("pk").get_change_message() == "Changed State variables."


def test_a_name_without_a_value_is_added_without_its_checkbox(admin_client: Client, workflow: Workflow) -> None:
    variables, names = stored(admin_client, workflow, row(4, " topic ", "page"))
    assert "topic" not in variables
    assert names == ["page", "locale", "theme", "topic"]


def test_a_value_of_its_own_is_given_and_taken_away(admin_client: Client, workflow: Workflow) -> None:
    given = row(1, "locale", "page") | row(2, "page", "integer", "5")
    assert stored(admin_client, workflow, given) == ({"plan": "gold", "page": 5}, ["page", "locale", "theme"])


def test_a_name_is_removed_with_its_row(admin_client: Client, workflow: Workflow) -> None:
    given = {"state_variables-1-DELETE": "on", "state_variables-2-DELETE": "on"} | row(3)
    assert stored(admin_client, workflow, given) == ({"plan": "gold"}, [])


def test_a_page_only_row_has_no_value(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, row(2, "page", "page", "x"))
    message = "Only the page sets it: leave this empty, or choose the type of the value."
    assert row_errors(page, 2) == {"value": [message]}


def test_a_name_may_be_used_once(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, row(4, "page", "text", "x"))
    assert row_errors(page, 4) == {"name": ["Another row has this name."]}


def test_64_names_are_accepted_and_65_refused(admin_client: Client, workflow: Workflow) -> None:
    given = [{"name": f"v{number}", "kind": "page"} for number in range(65)]
    assert len(stored(admin_client, workflow, rows(*given[:64]))[1]) == 64
    assert errors(refused(admin_client, workflow, rows(*given))) == ["At most 64 names."]


@pytest.mark.parametrize("odd", [{}, "x", [1, None, "page", "page"]], ids=["object", "text", "list"])
def test_a_column_that_holds_no_names_can_be_mended(admin_client: Client, workflow: Workflow, odd: Any) -> None:
    Workflow.objects.update(state_variables={}, client_state_variables=odd)
    saved = save(admin_client, workflow, {})
    assert saved.client_state_variables == (["page"] if isinstance(odd, list) else [])


def test_who_may_only_look_sees_which_a_page_may_set(workflow: Workflow) -> None:
    page = staff("view_workflow").get(url(workflow)).text
    for name, kind in (("plan", "text"), ("locale", "text, a page may set it"), ("theme", "set by the page only")):
        assert f'<th scope="row">{name}</th><td class="chatkit-type">{kind}</td>' in page
