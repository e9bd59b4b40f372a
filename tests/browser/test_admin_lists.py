"""The lists of workflows and sessions in Chromium, served with a policy that allows nothing inline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from .administration import Administration
from .server import Server
from .visitor import AXE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

WORKFLOWS, SESSIONS = "/admin/django_chatkit/workflow/", "/admin/django_chatkit/chatsession/"
INSERT = """INSERT INTO django_chatkit_chatsession (session_id, user_identifier, user_key, login_key, workflow_pk,
    backend, secret_digest, workflow_id, workflow_version, state_variables, chatkit_configuration, status, created_at,
    expires_at, request_id) SELECT ?, 'u', 'k', '', id, ?, ?, 'wf', '', '{}', '{}', ?, ?, ?, ''
    FROM django_chatkit_workflow WHERE slug = ?"""
Open = Callable[..., "Page"]


@pytest.fixture
def server(server: Server) -> Server:
    """The demo, with sessions of two years, and three that are active: OpenAI has never heard of one of them."""
    server.execute("DELETE FROM django_chatkit_chatsession")
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    last_year = datetime(now.year - 1, 3, 14, 12)  # noqa: DTZ001 - as SQLite has it
    for number in range(3):
        moment = last_year + timedelta(days=number)
        server.execute(INSERT, f"cksess_old_{number}", "hosted", "", "expired", f"{moment}", f"{moment}", "sales")
    later = now + timedelta(hours=1)
    for name, backend, digest in (("a", "self_hosted", "d"), ("b", "self_hosted", "d"), ("unknown", "hosted", "")):
        given = (f"cksess_{name}_0123456789abcdef", backend, digest, "active", f"{now}", f"{later}", "support")
        server.execute(INSERT, *given)
    return server


@pytest.fixture
def open_page(administration: Administration) -> Open:
    return administration.open


def message(page: Page) -> Locator:
    return page.locator("ul.messagelist")


def ids(page: Page) -> list[str]:
    """The sessions that are listed, as their tooltips give them."""
    shown = page.locator(".chatkit-id").evaluate_all("ids => ids.map(id => id.title)")
    return [found.split("_")[1] for found in shown]


# Duplicating


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_workflow_is_duplicated_by_a_click(open_page: Open, server: Server, scripts: bool) -> None:  # noqa: FBT001
    server.execute("DELETE FROM django_chatkit_workflow WHERE slug LIKE 'sales-copy%'")
    page = open_page(WORKFLOWS, java_script_enabled=scripts)
    page.locator("#result_list").get_by_role("link", name="Sales", exact=True).click()
    page.get_by_role("button", name="Duplicate").press("Enter")
    page.wait_for_url("**/change/")
    message(page).get_by_text("This is the copy of “Sales”.").wait_for()
    assert page.locator("[name=slug]").input_value() == "sales-copy"
    assert not page.locator("[name=is_active]").is_checked()
    page.locator("[name=name]").fill("Sales 2")
    page.locator("[name=_save]").click()
    page.locator("#result_list").get_by_role("link", name="Sales 2", exact=True).wait_for()


# Cancelling


def ask(page: Page) -> None:
    """Select all that is listed, and choose the action."""
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("cancel_selected")
    page.locator("#changelist-form button[name=index]").first.click()
    page.get_by_text("You are about to cancel 3 active sessions.").wait_for()


def test_selected_sessions_are_cancelled_after_a_question(open_page: Open, server: Server) -> None:
    page = open_page(SESSIONS)
    ask(page)
    assert page.locator(".chatkit-list tbody tr").inner_text().split()[-2:] == ["support", "3"]
    page.get_by_role("link", name="No, take me back").click()
    page.wait_for_url(f"**{SESSIONS}")
    assert active(server) == 3
    ask(page)
    page.get_by_role("button", name="Yes, cancel 3 sessions").click()
    message(page).get_by_text("2 sessions cancelled.").wait_for()
    row = page.get_by_role("row", name="cksess_unknown")
    assert "OpenAI does not know this session" in row.inner_text()
    assert active(server) == 1
    page.get_by_role("button", name="Try again").click()
    message(page).get_by_text("0 sessions cancelled.").wait_for()
    page.get_by_role("link", name="Leave it so").click()
    page.wait_for_url(f"**{SESSIONS}")


def active(server: Server) -> int:
    count: int = server.fetch("SELECT COUNT(*) FROM django_chatkit_chatsession WHERE status = 'active'")[0][0]
    return count


def test_one_session_is_cancelled_from_its_page(open_page: Open, server: Server) -> None:
    page = open_page(f"{SESSIONS}?q=cksess_a_0123456789abcdef", java_script_enabled=False)
    page.locator("#result_list tbody th a").first.click()
    page.get_by_role("link", name="Cancel this session").click()
    page.get_by_role("button", name="Yes, cancel 1 session").click()
    message(page).get_by_text("1 session cancelled.").wait_for()
    assert page.locator(".field-shown_status .readonly").inner_text() == "cancelled"
    assert page.get_by_role("link", name="Cancel this session").count() == 0
    assert active(server) == 2


# Choosing by date


def test_a_day_is_chosen_by_year_month_and_day(open_page: Open) -> None:
    page = open_page(SESSIONS)
    dates, year = page.get_by_role("navigation", name="By date"), datetime.now(tz=UTC).year
    assert dates.get_by_role("link").all_inner_texts() == [str(year - 1), str(year)]
    choose(page, dates, str(year - 1))
    assert dates.get_by_role("link").all_inner_texts()[:2] == ["\u2039 All dates", f"March {year - 1}"]
    choose(page, dates, f"March {year - 1}")
    choose(page, dates, "March 15")
    assert ids(page) == ["old"]
    assert dates.locator("strong").inner_text() == "March 15"
    choose(page, dates, f"March {year - 1}")
    assert ids(page) == ["old", "old", "old"]


def choose(page: Page, dates: Locator, name: str) -> None:
    with page.expect_navigation():
        dates.get_by_role("link", name=name).click()


# How it looks


PAGES = {
    "workflows": WORKFLOWS,
    "sessions": SESSIONS,
    "expired": f"{SESSIONS}?status=expired",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_serious_is_in_the_way(open_page: Open, scheme: str, width: int) -> None:
    """Of the lists, of a session and of the question; and only tables are scrolled sideways."""
    page = open_page(WORKFLOWS, policy=False, color_scheme=scheme, viewport={"width": width, "height": 900})
    for address in PAGES.values():
        page.goto(address)
        check(page, width)
    page.goto(SESSIONS)
    page.locator("#result_list tbody th a").first.click()
    check(page, width)
    page.get_by_role("link", name="Cancel this session").click()
    check(page, width)
    page.get_by_role("button", name="Yes, cancel 1 session").click()
    check(page, width)


@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)
def test_every_column_has_room_beside_the_filter(open_page: Open, address: str) -> None:
    table = open_page(address, viewport={"width": 1280, "height": 900}).locator(".results")
    assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0


def test_the_button_is_in_line_with_the_links_beside_it(open_page: Open) -> None:
    page = open_page(WORKFLOWS)
    page.get_by_role("link", name="Customer support", exact=True).click()
    tools = page.locator(".object-tools :is(a, button)")
    tools.last.wait_for()
    places = tools.evaluate_all(
        "tools => tools.map(tool => tool.getBoundingClientRect()).map(box => [box.y, box.height])"
    )
    assert len(places) == 3
    assert places[0] == places[1] == places[2]


def check(page: Page, width: int) -> None:
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({include: ['#content'], exclude: ['#toolbar']})")  # Django's own search
    serious = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    assert serious == [], [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in serious]
