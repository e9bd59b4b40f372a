"""*Try it out* in Chromium: with and without JavaScript, light and dark, wide and narrow, under a strict policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .administration import Administration, violations
from .server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WORKFLOWS = "/admin/django_chatkit/workflow/"
READY = "django-chatkit openai-chatkit[data-ready]"
Open = Callable[..., "Page"]


@pytest.fixture
def open_page(administration: Administration) -> Open:
    """Opens the page by its link."""

    def open_page(query: str = "", **options: Any) -> Page:
        page = administration.open(WORKFLOWS, **options)
        page.get_by_role("link", name="Customer support").click()
        page.get_by_role("link", name="Try it out").click()
        page.wait_for_url("**/try/")
        if query:
            page.goto(page.url + query)
        return page

    return open_page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("layout", ["inline", "floating"])
def test_axe_finds_nothing(open_page: Open, scheme: str, layout: str) -> None:
    page = open_page(f"?user=mika&preview=1&layout={layout}", color_scheme=scheme, policy=False)  # axe writes styles
    page.get_by_role("button", name="Issue a test session").click()
    page.get_by_role("heading", name="What came back").wait_for()
    chat = page.locator(READY) if layout == "inline" else page.locator("django-chatkit").get_by_role("button")
    chat.first.wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_test_session(open_page: Open, server: Server, *, javascript: bool) -> None:
    page = open_page(java_script_enabled=javascript)
    page.get_by_role("button", name="Issue a test session").click()
    result = page.get_by_role("status").filter(has_text="The test session worked")
    result.wait_for()
    assert page.get_by_role("row", name="Lifetime 600 seconds").is_visible()
    session = page.get_by_role("row", name="Session id").inner_text().split()[-1]
    [(status, who)] = server.fetch(
        "SELECT status, user_identifier FROM django_chatkit_chatsession WHERE session_id = ?", session
    )
    assert status == "cancelled"
    assert who.startswith("check-")


def test_what_is_wrong_is_announced(open_page: Open, server: Server) -> None:
    page = open_page()
    server.execute("UPDATE django_chatkit_workflow SET workflow_id = 'wf_gone' WHERE slug = 'support'")
    page.get_by_role("button", name="Issue a test session").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    server.execute("UPDATE django_chatkit_workflow SET workflow_id = 'wf_demo_support' WHERE slug = 'support'")
    assert "The test session found a problem" in alert.inner_text()
    assert "(404)" in alert.inner_text() or "closed" in alert.inner_text()


def test_the_request_for_somebody_else(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.get_by_role("link", name="for you, admin").get_attribute("aria-current") == "true"
    page.get_by_label("for another user, by user name:").fill("mika")
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name="plan")
    row.get_by_text("club").wait_for()
    assert '"plan": "club"' in page.get_by_role("region", name="Request as JSON").inner_text()
    page.get_by_role("link", name="for a visitor who is not logged in").click()
    row.get_by_text("free").wait_for()


def sessions_of(server: Server, page: Page) -> int:
    page.wait_for_load_state("networkidle")
    count: int = server.fetch("SELECT COUNT(*) FROM django_chatkit_chatsession")[0][0]
    return count


def test_the_preview_costs_a_session_only_when_it_is_opened_and_only_one(open_page: Open, server: Server) -> None:
    page = open_page()
    before = sessions_of(server, page)
    assert page.locator("django-chatkit").count() == 0
    page.get_by_role("button", name="Open the preview").click()
    page.locator(READY).wait_for()
    assert sessions_of(server, page) == before + 1
    page.get_by_label("Colours:").select_option("dark")
    page.get_by_role("button", name="Show it like this").click()
    page.wait_for_url("**color_scheme=dark**")
    page.locator(READY).wait_for()
    assert sessions_of(server, page) == before + 1
    page.get_by_role("link", name="Close the preview").click()
    page.get_by_role("button", name="Open the preview").wait_for()
    assert page.locator("django-chatkit").count() == 0


def box(page: Page, selector: str) -> dict[str, float]:
    found: dict[str, float] = page.locator(selector).bounding_box()  # type: ignore[assignment]
    return found


def test_the_button_and_its_panel_stay_inside_the_preview(open_page: Open) -> None:
    page = open_page("?preview=1&layout=floating", viewport={"width": 1280, "height": 900})
    page.locator("django-chatkit").get_by_role("button").first.click()
    page.locator(READY).wait_for()
    stage, chat = box(page, ".chatkit-stage"), box(page, "django-chatkit dialog")
    assert stage["x"] <= chat["x"]
    assert stage["y"] <= chat["y"]
    assert chat["x"] + chat["width"] <= stage["x"] + stage["width"]
    assert chat["y"] + chat["height"] <= stage["y"] + stage["height"]


def test_narrow_as_on_a_phone(open_page: Open) -> None:
    page = open_page("?preview=1&width=narrow")
    page.locator(READY).wait_for()
    assert box(page, "django-chatkit")["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_scrolls_in_one_direction_only(open_page: Open, scheme: str) -> None:
    page = open_page("?preview=1", viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.locator(READY).wait_for()
    page.get_by_role("button", name="Issue a test session").click()
    page.get_by_role("heading", name="What came back").wait_for()
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
