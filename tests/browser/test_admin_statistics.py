"""The admin's page of statistics in Chromium, served with a policy that allows nothing inline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from .administration import Administration, violations
from .server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGE = "/admin/django_chatkit/workflow/statistics/"
INSERT = """INSERT INTO django_chatkit_chatsession (session_id, user_identifier, user_key, login_key, workflow_pk,
    backend, secret_digest, workflow_id, workflow_version, state_variables, chatkit_configuration, status, created_at,
    expires_at, request_id) SELECT ?, 'u', 'k', '', id, 'hosted', '', 'wf', '', '{}', '{}', ?, ?, ?, ''
    FROM django_chatkit_workflow WHERE slug = 'support'"""
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def server(server: Server) -> Server:
    """The demo, with sessions of the last days: of each day one more has expired, and one was cancelled."""
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    for day in range(8):
        for number in range(day + 2):
            moment = now - timedelta(days=day)
            status = "expired" if number else "cancelled"
            server.execute(INSERT, f"cksess_{day}_{number}", status, f"{moment}", f"{moment}")
    return server


@pytest.fixture
def open_page(administration: Administration) -> Open:
    """Opens the page of statistics."""
    return lambda query="?range=7d", **options: administration.open(PAGE + query, **options)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["?range=7d", "?range=24h", "?range=1y&start=5", "?end=2020-01-01"])
def test_axe_finds_nothing(open_page: Open, scheme: str, query: str) -> None:
    page = open_page(query, color_scheme=scheme, policy=False)  # axe-core itself writes styles
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert violations(page) == []


def contrast(page: Page, status: str) -> float:
    """Between a bar and the page."""
    script = """status => {
        const bar = document.querySelector(`.chatkit-bars .chatkit-bar .chatkit-${status}`);
        const light = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(part => part / 255)
            .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
            .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
        const style = getComputedStyle(bar);
        const colour = style[status === "cancelled" ? "stroke" : "fill"];
        const [low, high] = [colour, getComputedStyle(document.body).backgroundColor].map(light).sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    }"""
    found: float = page.evaluate(script, status)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_stand_out_from_the_page(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    assert contrast(page, "expired") >= 3
    assert contrast(page, "cancelled") >= 3


def test_the_admins_own_switch_wins_over_the_device(open_page: Open) -> None:
    page = open_page(color_scheme="light")
    colour = "getComputedStyle(document.querySelector('.chatkit-bar .chatkit-expired')).fill"
    light = page.evaluate(colour)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert page.evaluate(colour) == light != dark


def test_it_is_told_in_words_and_told_apart_without_colours(open_page: Open) -> None:
    page = open_page()
    chart = page.get_by_role("img", name="Sessions per day by status")
    assert "expired: 28" in (chart.text_content() or "")
    assert chart.locator(".chatkit-bar").count() == 7
    assert chart.locator(".chatkit-bar rect.chatkit-cancelled").count() == 7
    assert set(chart.locator(".chatkit-cancelled").evaluate_all("all => all.map(e => e.getAttribute('fill'))")) == {
        "url(#chatkit-stripes)"
    }
    assert page.get_by_role("img", name="Customer support: active 0, expired 28, cancelled 7").is_visible()


def test_by_keyboard_to_the_table_and_through_it(open_page: Open) -> None:
    page = open_page("?range=24h", viewport={"width": 800, "height": 600})
    page.locator("summary").filter(visible=True).first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    region = page.get_by_role("region", name="Sessions per hour by status")
    assert region.evaluate("element => element === document.activeElement")
    page.keyboard.press("End")
    region.evaluate("async element => { while (!element.scrollTop) await new Promise(requestAnimationFrame) }")
    assert region.get_by_role("rowheader").count() == 25


def test_the_form_leads_to_an_address_to_share(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("link", name="Last 24 hours").click()
    assert page.get_by_role("link", name="Last 24 hours").get_attribute("aria-current") == "true"
    today = datetime.now(tz=UTC).date()
    page.get_by_label("From:").fill(f"{today - timedelta(days=1)}")
    page.get_by_label("To:", exact=True).fill(f"{today}")
    page.get_by_label("Shown by").select_option("day")
    page.get_by_label("Workflow:").select_option("Customer support")
    page.get_by_role("button", name="Show").click()
    assert f"start={today - timedelta(days=1)}&end={today}&unit=day&workflow=support" in page.url
    chart = page.get_by_role("img", name="Sessions per day by status")
    chart.wait_for()
    assert chart.locator(".chatkit-bar").count() == 2
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all numbers as CSV").click()
    name = f"chatkit-sessions-support-{today - timedelta(days=1)}-{today}-by-day.csv"
    assert download.value.suggested_filename == name


@pytest.mark.parametrize("query", ["?range=90d", "?range=24h", "?start=5"])
def test_a_narrow_screen_scrolls_in_one_direction_only(open_page: Open, query: str) -> None:
    page = open_page(query, viewport={"width": 320, "height": 640})
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
