from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from django_chatkit.admin.state_variables import Rows, StateVariablesField
from django_chatkit.models import Workflow

from .submission import submission
from .workflow_page import errors, opened, refused, row, row_errors, rows, url
from .workflow_page import save as save_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1", state_variables={"plan": "gold"})


def save(client: Client, workflow: Workflow, changes: dict[str, str]) -> dict[str, Any]:
    """The state variables that are stored once the page was submitted with these changes."""
    stored: dict[str, Any] = save_page(client, workflow, changes).state_variables
    return stored


def exactly(variables: dict[str, Any]) -> str:
    """Tells 1 from 1.0 and true, and one order from another, which ``==`` does not."""
    return json.dumps(variables)


VALUES: list[Any] = [
    "",
    " ",
    "  both ends  ",
    "\n\nlines before and after\n\n",
    "tab\tand \u00a0 space\u2028line",
    "one\r\ntwo\rthree\nfour",
    "\r",
    "1",
    "true",
    "<b>\"&amp;'</b>{{ x }}",
    "日本 🍵",
    0,
    1,
    -7,
    2**63 - 1,
    -(2**63),
    1.0,
    -0.0,
    1e-7,
    1.7976931348623157e308,
    5e-324,
    0.1,
    True,
    False,
]


def test_values_that_nobody_touched_come_back_exactly(admin_client: Client, workflow: Workflow) -> None:
    workflow.state_variables = {f"v{index}": value for index, value in enumerate(VALUES)}
    before = dict(workflow.state_variables)
    workflow.save()
    workflow.refresh_from_db()
    stored = exactly(workflow.state_variables)
    # PostgreSQL itself has no -0.0, answers 1e308 with 309 digits, and sorts names.
    assert stored == exactly(before) or connection.vendor == "postgresql"
    assert exactly(save(admin_client, workflow, {})) == stored


def test_the_history_says_that_nothing_changed(admin_client: Client, workflow: Workflow) -> None:
    workflow.state_variables = {"a": " one\r\ntwo ", "b": "1", "c": 1, "d": True, "e": 1e-7}
    workflow.client_state_variables = ["x", "c", "y"]
    workflow.save()
    save(admin_client, workflow, {})
    assert LogEntry.objects.latest("pk").get_change_message() == "No fields changed."


def test_names_that_nobody_touched_come_back_exactly(admin_client: Client, workflow: Workflow) -> None:
    names = [" a ", "a\nb", "ä b", "<i>", "x" * 64, "🍵" * 64, "DELETE", "state_variables-0-name"]
    workflow.state_variables = dict.fromkeys(names, "one\r\ntwo")
    workflow.save()
    assert save(admin_client, workflow, {}) == dict.fromkeys(names, "one\r\ntwo")


def test_rows_keep_their_order_and_new_ones_follow(admin_client: Client, workflow: Workflow) -> None:
    workflow.state_variables = {"zebra": 1, "apple": True, "10": "x", "9": 0.5}
    workflow.save()
    stored = save(admin_client, workflow, row(4, "a new one", "integer", "5"))
    assert stored == {"zebra": 1, "apple": True, "10": "x", "9": 0.5, "a new one": 5}


def test_a_new_order_is_kept_and_noticed() -> None:
    field = StateVariablesField()
    submitted = Rows(rows({"name": "b", "value": "2"}, {"name": "a", "value": "1"}), prefix="state_variables")
    assert list(field.clean(submitted)) == ["b", "a"]
    assert field.has_changed({"a": "1", "b": "2"}, submitted)
    assert not field.has_changed({"b": "2", "a": "1"}, submitted)


def test_three_empty_rows_are_there_without_javascript(admin_client: Client, workflow: Workflow) -> None:
    page = opened(admin_client, workflow)
    assert page["state_variables-TOTAL_FORMS"] == "4"
    assert [page[f"state_variables-{index}-type"] for index in range(4)] == ["text"] * 4
    assert save(admin_client, workflow, {}) == {"plan": "gold"}


def test_no_more_empty_rows_than_openai_takes_variables(admin_client: Client, workflow: Workflow) -> None:
    workflow.state_variables = {f"v{number}": number for number in range(63)}
    workflow.save()
    assert opened(admin_client, workflow)["state_variables-TOTAL_FORMS"] == "64"


TYPED: list[tuple[str, str, Any]] = [
    ("text", "one\r\ntwo\rthree", "one\ntwo\nthree"),
    ("text", " 1 ", " 1 "),
    ("text", "", ""),
    ("integer", " 007 ", 7),
    ("integer", "+3", 3),
    ("integer", "-9223372036854775808", -(2**63)),
    ("number", "1", 1.0),
    ("number", " .5 ", 0.5),
    ("number", "5.", 5.0),
    ("number", "-1E-7", -1e-7),
    ("boolean", "yes", True),
    ("boolean", " No ", False),
    ("boolean", "TRUE", True),
    ("boolean", "false", False),
]


def test_what_is_typed_becomes_a_value_of_its_type(admin_client: Client, workflow: Workflow) -> None:
    given = [{"name": f"v{index}", "kind": kind, "value": typed} for index, (kind, typed, _) in enumerate(TYPED)]
    stored = save(admin_client, workflow, rows(*given))
    for index, (kind, typed, value) in enumerate(TYPED):
        assert repr(stored[f"v{index}"]) == repr(value), (kind, typed)


NOT_INTEGER = "Write a whole number, such as 10 or -3."
NOT_NUMBER = "Write a number with a decimal point, such as 0.5 or 1e-7."
WRONG = [
    *(("integer", typed, NOT_INTEGER) for typed in ("", "x", "1.0", "1_0", "٣", "1e3", "9" * 5000)),
    ("integer", "9223372036854775808", "“wrong”: a whole number must fit in 64 bits."),
    *(("number", typed, NOT_NUMBER) for typed in ("", "0,5", "nan", "inf", "Infinity", "1_0.5", ".", "0x1")),
    ("number", "1e999", "“wrong”: a number must be finite: JSON has no NaN and no infinity."),
    *(("boolean", typed, "Write yes or no.") for typed in ("", "1", "on", "maybe")),
    ("text", "nul\0", "Null characters are not allowed."),
]


def test_wrong_values_are_shown_again_each_with_its_error(admin_client: Client, workflow: Workflow) -> None:
    good = {"name": "good", "value": " kept "}
    given = [{"name": f"wrong{index}", "kind": kind, "value": typed} for index, (kind, typed, _) in enumerate(WRONG)]
    page = refused(admin_client, workflow, rows(good, *given))
    assert "Correct the rows that are marked." in errors(page)
    assert row_errors(page, 0) == {}
    again = submission(page, "workflow_form")
    assert row(0, **good).items() <= again.items()
    for index, (kind, typed, message) in enumerate(WRONG):
        assert row_errors(page, index + 1) == {"value": [message.replace("wrong", f"wrong{index}")]}, (kind, typed)
        assert row(index + 1, f"wrong{index}", kind, typed).items() <= again.items()


def test_a_value_needs_a_name(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, rows({"name": "  ", "value": "x"}))
    assert row_errors(page, 0) == {"name": ["Give this state variable a name."]}


def test_a_nameless_wrong_value_shows_both_errors(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, rows({"kind": "integer", "value": "x"}))
    assert set(row_errors(page, 0)) == {"name", "value"}


def test_a_name_has_at_most_64_characters(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, rows({"name": "x" * 65, "value": "1"}, {"name": "x" * 65}))
    message = "Ensure this value has at most 64 characters (it has 65)."
    assert row_errors(page, 0) == row_errors(page, 1) == {"name": [message]}


def test_a_name_may_be_used_once(admin_client: Client, workflow: Workflow) -> None:
    page = refused(
        admin_client, workflow, rows({"name": "a", "value": "1"}, {"name": "b"}, {"name": " a ", "value": "2"})
    )
    assert row_errors(page, 0) == row_errors(page, 1) == {}
    assert row_errors(page, 2) == {"name": ["Another row has this name."]}


def test_a_deleted_row_may_share_its_name_and_be_wrong(admin_client: Client, workflow: Workflow) -> None:
    wrong = {"name": "a", "kind": "integer", "value": "x", "DELETE": "on"}
    assert save(admin_client, workflow, rows(wrong, {"name": "a", "value": "new"})) == {"a": "new"}


@pytest.mark.parametrize("kind", ["json", "Text"])
def test_an_unknown_type_is_refused(admin_client: Client, workflow: Workflow, kind: str) -> None:
    page = refused(admin_client, workflow, rows({"name": "a", "kind": kind, "value": "1"}))
    assert row_errors(page, 0)["type"][0].startswith("Select a valid choice.")


@pytest.mark.parametrize("value", ["", "  ", "\r\n"])
def test_a_row_without_name_and_value_is_no_row(admin_client: Client, workflow: Workflow, value: str) -> None:
    given = rows({"name": "a"}, {"name": " ", "kind": "integer", "value": value}, {"name": "b"})
    assert list(save(admin_client, workflow, given)) == ["a", "b"]


def test_a_row_can_be_deleted_by_its_checkbox_or_by_emptying_it(admin_client: Client, workflow: Workflow) -> None:
    workflow.state_variables = {"a": 1, "b": 2, "c": 3}
    workflow.save()
    stored = save(admin_client, workflow, {"state_variables-0-DELETE": "on"} | row(1, kind="integer"))
    assert stored == {"c": 3}
    assert LogEntry.objects.latest("pk").get_change_message() == "Changed State variables."


def test_the_last_row_can_be_deleted(admin_client: Client, workflow: Workflow) -> None:
    assert save(admin_client, workflow, {"state_variables-0-DELETE": "on"}) == {}


def test_another_type_is_another_value(admin_client: Client, workflow: Workflow) -> None:
    save(admin_client, workflow, rows({"name": "a", "kind": "integer", "value": "1"}))
    stored = save(admin_client, workflow, rows({"name": "a", "kind": "number", "value": "1"}))
    assert exactly(stored) == '{"a": 1.0}'
    assert LogEntry.objects.latest("pk").get_change_message() == "Changed State variables."


def test_64_variables_are_accepted_and_65_refused(admin_client: Client, workflow: Workflow) -> None:
    given = [{"name": f"v{number}", "value": "x"} for number in range(65)]
    assert len(save(admin_client, workflow, rows(*given[:64]))) == 64
    page = refused(admin_client, workflow, rows(*given))
    assert errors(page) == ["There are 65 state variables; OpenAI takes at most 64."]
    assert submission(page, "workflow_form")["state_variables-64-name"] == "v64"


def test_a_flood_of_rows_is_refused(admin_client: Client, workflow: Workflow) -> None:
    page = refused(admin_client, workflow, {"state_variables-TOTAL_FORMS": "100000"})
    assert errors(page)[0] == "Please submit at most 64 forms."
    assert page.count('id="id_state_variables-') < 1200


@pytest.mark.parametrize("total", ["", "x"])
def test_a_form_without_its_row_count_deletes_nothing(admin_client: Client, workflow: Workflow, total: str) -> None:
    page = refused(admin_client, workflow, {"state_variables-TOTAL_FORMS": total})
    assert errors(page)[0].startswith("ManagementForm data is missing")


@pytest.mark.parametrize(("value", "shown"), [(None, "null"), ([1, "ä"], '[1, "ä"]'), ({"a": 1}, '{"a": 1}')])
def test_a_value_that_openai_does_not_take_is_shown_and_needs_a_type(
    admin_client: Client, workflow: Workflow, value: Any, shown: str
) -> None:
    workflow.state_variables = {"odd": value, "good": 1}
    workflow.save()
    assert {"odd": opened(admin_client, workflow)["state_variables-0-value"]} == {"odd": shown}
    page = refused(admin_client, workflow, {})
    assert row_errors(page, 0) == {"type": ["Choose a type."]}
    assert submission(page, "workflow_form")["state_variables-0-type"] == ""
    assert save(admin_client, workflow, row(0, "odd", "text", "x")) == {"odd": "x", "good": 1}


@pytest.mark.parametrize("stored", [[], ["a"], "text", 5])
def test_a_column_that_holds_no_object_can_be_mended(admin_client: Client, workflow: Workflow, stored: Any) -> None:
    Workflow.objects.filter(pk=workflow.pk).update(state_variables=stored)
    assert save(admin_client, workflow, row(0, "a", "text", "b")) == {"a": "b"}


def test_the_address_bar_cannot_break_the_add_page(admin_client: Client) -> None:
    address = reverse("admin:django_chatkit_workflow_add")
    page = admin_client.get(address, {"state_variables": "x", "prompts": "x", "name": "From a link"})
    data = submission(page.text, "workflow_form")
    assert data["name"] == "From a link"
    assert data["state_variables-TOTAL_FORMS"] == data["prompts-TOTAL_FORMS"] == "3"


def test_names_and_values_are_escaped(admin_client: Client, workflow: Workflow) -> None:
    hostile = '"><script>alert(1)</script></textarea>'
    workflow.state_variables = {hostile: hostile}
    workflow.save()
    page = admin_client.get(url(workflow)).text
    assert hostile not in page
    assert page.count(escape(hostile)) == 2


def test_long_texts_get_a_taller_box(admin_client: Client, workflow: Workflow) -> None:
    workflow.state_variables = {"a": "1\n2\n3", "b": "\n" * 50}
    workflow.save()
    heights = re.findall(
        r'<textarea name="state_variables-\d-value"[^>]*rows="(\d+)"', admin_client.get(url(workflow)).text
    )
    assert heights == ["3", "8", "1", "1", "1"]


def test_the_page_holds_no_inline_script_or_style_of_ours(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.get(url(workflow)).text
    rows_of_page = page.split('class="chatkit-rows"')[1].split("</fieldset>")[0]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", rows_of_page)
    assert '<script src="/static/django_chatkit/admin/state_variables.js" defer></script>' in page
    assert '<link href="/static/django_chatkit/admin/pages.css"' in page


def test_every_control_has_a_label(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.get(url(workflow)).text
    for field in ("name", "type", "value", "DELETE"):
        assert f'<label for="id_state_variables-0-{field}">' in page
