"""The admin's page of a workflow in Chromium, served with a policy that allows nothing inline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .administration import with_policy
from .server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

Open = Callable[..., "Page"]


@pytest.fixture
def open_workflow(chromium: Browser, server: Server) -> Iterator[Open]:
    """Opens the page of the demo's workflow as its administrator. Fails if a script threw or was refused."""
    contexts, problems = [], []

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(base_url=server.url, **options)
        contexts.append(context)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page = context.new_page()
        page.goto("/admin/login/?next=/admin/django_chatkit/workflow/")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", "admin")
        page.click("[type=submit]")
        context.route(re.compile("/django_chatkit/(workflow|chatkitconfiguration)/.*(change|add)/"), with_policy)
        page.get_by_role("link", name="Customer support").click()
        page.wait_for_url("**/change/")
        return page

    yield open_page
    for context in contexts:
        context.unroute_all(behavior="ignoreErrors")  # requests may still be on their way
        context.close()
    assert problems == []


def rows(page: Page) -> Locator:
    return page.locator("#id_state_variables tbody tr")


def fill(row: Locator, name: str, kind: str, value: str = "") -> None:
    row.locator("[name$=-name]").fill(name)
    row.locator("[name$=-type]").select_option(kind)
    if value:
        row.locator("[name$=-value]").fill(value)


def save(page: Page) -> None:
    page.click("[name=_continue]")
    page.locator("ul.messagelist li.success").wait_for()


def stored(page: Page) -> dict[str, tuple[str, str]]:
    """Type and text of every named row of the page as the server renders it anew."""
    page.reload()
    script = """rows => rows.map(row => ["name", "type", "value"].map(f => row.querySelector(`[name$=-${f}]`).value))"""
    return {name: (kind, value) for name, kind, value in rows(page).evaluate_all(script) if name}


def test_rows_are_added_by_a_click_and_come_back_as_they_were(open_workflow: Open) -> None:
    page = open_workflow()
    before = stored(page)
    count = rows(page).count()
    add = page.get_by_role("button", name="Add another state variable")
    add.click()
    assert page.evaluate("document.activeElement.name") == f"state_variables-{count}-name"
    fill(rows(page).last, "long text", "text", "  two\nlines  ")
    add.click()
    fill(rows(page).last, "vip", "boolean")
    choice = rows(page).last.get_by_label("Value").and_(page.get_by_role("combobox"))
    choice.select_option("no")
    add.click()
    save(page)
    assert stored(page) == before | {"long text": ("text", "  two\nlines  "), "vip": ("boolean", "no")}
    last = rows(page).filter(has=page.locator("[value=vip]"))
    assert last.get_by_role("combobox").nth(1).input_value() == "no"


def test_a_wrong_row_keeps_what_was_typed_and_then_saves(open_workflow: Open) -> None:
    page = open_workflow()
    page.get_by_role("button", name="Add another state variable").click()
    fill(rows(page).last, "amount", "number", "0,5")
    page.click("[name=_continue]")
    wrong = page.locator("#id_state_variables tr.errors")
    assert "Write a number with a decimal point" in wrong.inner_text()
    assert wrong.locator("textarea").input_value() == "0,5"
    wrong.locator("textarea").fill("0.5")
    save(page)
    assert stored(page)["amount"] == ("number", "0.5")


def test_trying_yes_no_loses_no_text(open_workflow: Open) -> None:
    row = rows(open_workflow()).last
    fill(row, "a", "text", "typed before")
    row.locator("[name$=-type]").select_option("boolean")
    assert not row.locator("textarea").is_visible()
    row.get_by_role("combobox").nth(1).select_option("yes")
    row.locator("[name$=-type]").select_option("text")
    assert row.locator("textarea").input_value() == "typed before"


def test_it_works_without_javascript(open_workflow: Open) -> None:
    page = open_workflow(java_script_enabled=False)
    assert not page.get_by_role("button", name="Add another state variable").is_visible()
    fill(rows(page).last, "plain", "boolean", "yes")
    rows(page).first.get_by_label("Delete").check()
    first = rows(page).first.locator("[name$=-name]").input_value()
    save(page)
    names = [field.input_value() for field in page.locator("#id_state_variables [name$=-name]").all()]
    assert first not in names
    assert "plain" in names


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_no_screen_scrolls_sideways(open_workflow: Open, width: int) -> None:
    page = open_workflow(viewport={"width": width, "height": 740})
    page.locator("[name=prompts-0-prompt]").fill("x" * 10_000)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for label in rows(page).first.locator("label").all():
        label.wait_for()


def shown(page: Page) -> list[str]:
    """The fields of backends that can be seen."""
    names = ("agent", "workflow_id", "version", "api_key")
    return [name for name in names if page.locator(f"[name={name}]").is_visible()]


HOSTED = ["workflow_id", "version", "api_key"]
OWN = ["agent"]


def test_only_what_the_chosen_backend_uses_is_shown(open_workflow: Open) -> None:
    page = open_workflow()
    assert shown(page) == HOSTED
    page.get_by_label("this site", exact=True).check()
    assert shown(page) == OWN
    page.get_by_label("OpenAI", exact=True).check()
    assert shown(page) == HOSTED


def test_a_field_with_an_error_is_shown_in_any_case(open_workflow: Open) -> None:
    page = open_workflow()
    page.locator("[name=version]").fill("latest")
    page.get_by_label("this site", exact=True).check()
    page.click("[name=_continue]")
    page.locator(".errornote").wait_for()
    page.wait_for_load_state()  # scripts hide the others
    assert shown(page) == [*OWN, "version"]
    assert page.locator(".field-version .errorlist").is_visible()


def test_without_javascript_everything_is_shown(open_workflow: Open) -> None:
    assert shown(open_workflow(java_script_enabled=False)) == [*OWN, *HOSTED]


# What pages may set


def test_a_row_that_only_a_page_sets_needs_no_value(open_workflow: Open) -> None:
    page = open_workflow()
    row = rows(page).last
    fill(row, "topic", "text", "typed before")
    row.locator("[name$=-type]").select_option("page")
    assert not row.locator("textarea").is_visible()
    assert row.get_by_label("A page may set it").is_checked()
    row.locator("[name$=-type]").select_option("text")
    assert row.locator("textarea").input_value() == "typed before"
    row.locator("[name$=-type]").select_option("page")
    save(page)
    assert stored(page)["topic"] == ("page", "")


# Starter prompts


def prompts(page: Page) -> Locator:
    return page.locator("#id_prompts tbody tr")


def write(row: Locator, label: str, prompt: str, icon: str = "") -> None:
    for name, text in (("label", label), ("prompt", prompt), ("icon", icon)):
        row.locator(f"[name$=-{name}]").fill(text)


def labels(page: Page) -> list[str]:
    fields = page.locator("#id_prompts tbody [name$=-label]")
    return [label for field in fields.all() if (label := field.input_value())]


def test_prompts_are_added_and_moved_by_buttons(open_workflow: Open) -> None:
    page = open_workflow()
    before = labels(page)
    page.get_by_role("button", name="Add another starter prompt").click()
    write(prompts(page).last, "Last", "one\ntwo", "bolt")
    prompts(page).last.get_by_role("button", name="Move up").focus()
    for _ in range(prompts(page).count() - 1):
        page.keyboard.press("Enter")  # the focus moves with the row
    assert page.evaluate("document.activeElement.title") == "Move down"
    assert not prompts(page).first.get_by_role("button", name="Move up").is_enabled()
    assert labels(page) == ["Last", *before]
    save(page)
    page.reload()
    assert labels(page) == ["Last", *before]


def test_a_wrong_prompt_keeps_its_place(open_workflow: Open) -> None:
    page = open_workflow()
    write(prompts(page).last, "Wrong", "x", "no such icon")
    prompts(page).last.get_by_role("button", name="Move up").click()
    place = labels(page)
    page.click("[name=_continue]")
    wrong = page.locator("#id_prompts tr.errors")
    assert "ChatKit has no such icon." in wrong.inner_text()
    assert labels(page) == place
    wrong.locator("[name$=-icon]").fill("lucide:truck")
    save(page)


def test_prompts_work_without_javascript(open_workflow: Open) -> None:
    page = open_workflow(java_script_enabled=False)
    before = labels(page)
    write(prompts(page).last, "Typed", "x")
    prompts(page).last.get_by_label("Order").fill("1")
    save(page)
    assert labels(page) == ["Typed", *before]


# The rest of the look


def test_a_colour_is_picked_or_typed(open_workflow: Open) -> None:
    page = open_workflow()
    text, picker = page.locator("[name=accent]"), page.get_by_label("Choose a colour")
    text.fill("#AABBCC")
    assert picker.input_value() == "#aabbcc"
    picker.fill("#1f7a4d")
    assert text.input_value() == "#1f7a4d"
    save(page)
    assert page.locator("[name=accent]").input_value() == "#1f7a4d"


# Presets


def test_a_preset_is_made_and_edited_on_the_spot(open_workflow: Open) -> None:
    page = open_workflow()
    page.locator("[name=greeting]").fill("typed before")
    words = page.locator("[data-chatkit=preset]")
    with page.expect_popup() as opened:
        page.get_by_title("Add another ChatKit configuration").click()
    window = opened.value
    window.locator("[name=name]").fill("Two megabytes")
    window.locator("[name=file_upload_enabled]").select_option("true")
    window.locator("[name=file_upload_max_file_size]").fill("2")
    window.click("[name=_save]")
    words.get_by_text("uploads: on, at most 2 MB a file, at most 10 files").wait_for()
    with page.expect_popup() as opened:
        page.get_by_title("Change selected ChatKit configuration").click()
    opened.value.locator("[name=file_upload_max_files]").fill("3")
    opened.value.click("[name=_save]")
    words.get_by_text("at most 2 MB a file, at most 3 files").wait_for()
    assert page.locator("[name=greeting]").input_value() == "typed before"
    save(page)
    assert "at most 3 files" in words.inner_text()
    page.locator("[name=chatkit_configuration]").select_option("")
    words.get_by_text("uploads: off (default)").wait_for()


# Somebody who has never seen any of this


def test_a_stranger_sets_a_workflow_up(open_workflow: Open) -> None:
    page = open_workflow()
    page.get_by_role("link", name="Workflows").first.click()
    page.get_by_role("link", name="Add workflow").first.click()
    page.get_by_label("Name:", exact=True).first.press_sequentially("Returns")
    page.get_by_label("this site", exact=True).check()
    page.get_by_label("Agent:").select_option("echo")
    fill(rows(page).nth(0), "plan", "text", "gold")
    fill(rows(page).nth(1), "limit", "integer", "3")
    with page.expect_popup() as opened:
        page.get_by_title("Add another ChatKit configuration").click()
    opened.value.get_by_label("Name:").fill("Files up to 2 MB")
    opened.value.get_by_label("File upload:").select_option("on")
    opened.value.get_by_label("Largest file, in megabytes:").fill("2")
    opened.value.get_by_role("button", name="Save").click()
    page.get_by_text("uploads: on, at most 2 MB a file").wait_for()
    for number in range(3):
        write(prompts(page).nth(number), f"Label {number}", f"Prompt {number}")
    save(page)
    assert page.get_by_label("Slug:").input_value() == "returns"
    assert {name: stored(page)[name] for name in ("plan", "limit")} == {
        "plan": ("text", "gold"),
        "limit": ("integer", "3"),
    }
    assert labels(page) == ["Label 0", "Label 1", "Label 2"]
    assert "at most 2 MB" in page.locator("[data-chatkit=preset]").inner_text()
