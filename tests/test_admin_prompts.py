from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.html import escape

from django_chatkit.models import Workflow
from django_chatkit.models.look import ICONS

from .submission import submission
from .workflow_page import errors, opened, refused, save, url

pytestmark = pytest.mark.django_db

HI = {"label": "Hi", "prompt": "Hello"}
BYE = {"label": "Bye", "prompt": "Good night", "icon": "bolt"}
ASK = {"label": "Ask", "prompt": "Where is it?", "icon": "lucide:truck"}


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1", prompts=[HI, BYE, ASK])


def row(index: int, label: str = "", prompt: str = "", icon: str = "", **more: str) -> dict[str, str]:
    """The controls of one row."""
    fields = {"label": label, "prompt": prompt, "icon": icon, **more}
    return {f"prompts-{index}-{field}": given for field, given in fields.items()}


def stored(client: Client, workflow: Workflow, changes: dict[str, str]) -> Any:
    """The prompts that are stored once the page was submitted with these changes."""
    return save(client, workflow, changes).prompts


def row_errors(page: str, index: int) -> dict[str, list[str]]:
    """The errors that are shown next to each control of one row."""
    cells = {
        name: page.split(f'name="prompts-{index}-{name}"')[1].split("</td>")[0]
        for name in ("label", "prompt", "icon", "ORDER")
    }
    return {name: found for name, cell in cells.items() if (found := errors(cell))}


def labels(prompts: Any) -> list[str]:
    return [prompt["label"] for prompt in prompts]


def test_prompts_are_added(admin_client: Client, workflow: Workflow) -> None:
    added = row(3, "New", "one\r\ntwo", " star ") | row(4, "مرحبا 🍵", "</script>")
    assert stored(admin_client, workflow, added) == [
        HI,
        BYE,
        ASK,
        {"label": "New", "prompt": "one\ntwo", "icon": "star"},
        {"label": "مرحبا 🍵", "prompt": "</script>"},
    ]
    assert LogEntry.objects.latest("pk").get_change_message() == "Changed Starter prompts."


def test_prompts_that_nobody_touched_come_back_exactly(admin_client: Client, workflow: Workflow) -> None:
    odd = [
        {"label": " both ends\n", "prompt": "\n one\r\ntwo\rthree ", "icon": "write-alt2"},
        {"label": "\"'<b>&amp;{{ x }}", "prompt": "x" * 10_000},
        HI,
        HI,
    ]
    Workflow.objects.update(prompts=odd)
    assert stored(admin_client, workflow, {}) == odd
    assert LogEntry.objects.latest("pk").get_change_message() == "No fields changed."


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ({2: "1"}, ["Ask", "Hi", "Bye"]),
        ({0: "3"}, ["Bye", "Ask", "Hi"]),
        ({0: "3", 1: "2", 2: "1"}, ["Ask", "Bye", "Hi"]),
        ({0: ""}, ["Bye", "Ask", "Hi"]),
        ({1: "-5"}, ["Bye", "Hi", "Ask"]),
        ({}, ["Hi", "Bye", "Ask"]),
    ],
    ids=["to the front", "to the end", "turned round", "without a number", "negative", "untouched"],
)
def test_numbers_change_the_order(
    admin_client: Client, workflow: Workflow, orders: dict[int, str], expected: list[str]
) -> None:
    changes = {f"prompts-{index}-ORDER": order for index, order in orders.items()}
    assert labels(stored(admin_client, workflow, changes)) == expected


def test_rows_that_scripts_have_numbered_may_be_empty(admin_client: Client, workflow: Workflow) -> None:
    changes = {f"prompts-{index}-ORDER": str(index + 1) for index in range(6)}
    assert stored(admin_client, workflow, changes) == [HI, BYE, ASK]


def test_a_row_is_deleted_by_its_checkbox_or_by_emptying_it(admin_client: Client, workflow: Workflow) -> None:
    assert stored(admin_client, workflow, {"prompts-0-DELETE": "on"} | row(1)) == [ASK]


def test_wrong_rows_are_shown_again_each_with_its_error(admin_client: Client, workflow: Workflow) -> None:
    given = row(0, "", "x") | row(1, "x", " \r\n") | row(2, "x", "y", "truck") | row(3, icon="bolt", ORDER="first")
    page = refused(admin_client, workflow, given)
    assert "Correct the rows that are marked." in errors(page)
    assert row_errors(page, 0) == {"label": ["Write what the button says."]}
    assert row_errors(page, 1) == {"prompt": ["Write the message that the button sends."]}
    assert row_errors(page, 2)["icon"][0].startswith("ChatKit has no such icon.")
    assert row_errors(page, 3).keys() == {"label", "prompt", "ORDER"}
    assert given.items() <= submission(page, "workflow_form").items()


def test_null_characters_are_refused(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, row(0, "a\0", "b\0", "c\0"))
    assert set(row_errors(page, 0)) == {"label", "prompt", "icon"}


@pytest.mark.parametrize("odd", ["x", ["x"], [5, {"label": 1}], [{"label": "a", "prompt": "b", "more": 1}]])
def test_a_column_that_holds_no_prompts_can_be_mended(admin_client: Client, workflow: Workflow, odd: Any) -> None:
    Workflow.objects.update(prompts=odd)
    count = int(opened(admin_client, workflow)["prompts-INITIAL_FORMS"])
    assert count == (0 if odd == "x" else len(odd))
    mended = [row(index, "Hi", "Hello") for index in range(max(count, 1))]
    changes = {name: value for fields in mended for name, value in fields.items()}
    assert stored(admin_client, workflow, changes) == [HI] * max(count, 1)


def test_chatkits_own_icons_are_offered(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.get(url(workflow)).text
    offered = page.split('<datalist id="chatkit-icons">')[1].split("</datalist>")[0]
    assert re.findall('<option value="([^"]+)">', offered) == list(ICONS)
    assert page.count('list="chatkit-icons"') == 7


def test_three_empty_rows_are_there_for_a_new_workflow(admin_client: Client) -> None:
    page = admin_client.get("/admin/django_chatkit/workflow/add/").text
    assert submission(page, "workflow_form")["prompts-TOTAL_FORMS"] == "3"


def test_labels_and_prompts_are_escaped(admin_client: Client, workflow: Workflow) -> None:
    hostile = '"><script>alert(1)</script></textarea>'
    Workflow.objects.update(prompts=[{"label": hostile, "prompt": hostile}])
    page = admin_client.get(url(workflow)).text
    assert hostile not in page
    assert page.count(escape(hostile)) == 2


def test_every_control_has_a_label(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.get(url(workflow)).text
    for field in ("label", "prompt", "icon", "ORDER", "DELETE"):
        assert f'<label for="id_prompts-0-{field}">' in page
