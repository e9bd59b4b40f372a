"""The admin's page of a workflow in Chromium, served with a policy that allows nothing inline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
Open = Callable[..., "Page"]


def with_policy(route: Route) -> None:
    answer = route.fetch(max_redirects=0)
    route.fulfill(response=answer, headers={**answer.headers, "Content-Security-Policy": POLICY})


@pytest.fixture
def open_workflow(chromium: Browser, server: Server) -> Iterator[Open]:
    """Opens the page of the demo's workflow as its administrator. Fails if a script threw or was refused."""
    contexts, problems = [], []

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(base_url=server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto("/admin/login/?next=/admin/django_chatkit/workflow/")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", "admin")
        page.click("[type=submit]")
        page.route("**/workflow/*/change/", with_policy)
        page.get_by_role("link", name="Customer support").click()
        page.wait_for_url("**/change/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def rows(page: Page) -> Locator:
    return page.locator(".chatkit-rows tbody tr")


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
    wrong = page.locator(".chatkit-rows tr.errors")
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
    names = [field.input_value() for field in page.locator(".chatkit-rows [name$=-name]").all()]
    assert first not in names
    assert "plain" in names


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_scrolls_in_one_direction_only(open_workflow: Open, scheme: str) -> None:
    page = open_workflow(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for label in rows(page).first.locator("label").all():
        assert label.is_visible()
