"""Pages that swap HTML with htmx and Turbo, as npm delivers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .visitor import Visitor, address, serve

pytestmark = pytest.mark.browser

MODULES = Path(__file__).parent / "node_modules"
HTMX = MODULES / "htmx.org" / "dist" / "htmx.min.js"
TURBO = MODULES / "@hotwired" / "turbo" / "dist" / "turbo.es2017-umd.js"
CHAT = '{% chatkit "support" %}'


@pytest.fixture
def swapping(logged_in: Visitor) -> Visitor:
    """A visitor for whom ``/htmx.js`` and ``/turbo.js`` are there."""
    logged_in.context.route("**/htmx.js", serve(HTMX))
    logged_in.context.route("**/turbo.js", serve(TURBO))
    return logged_in


def mounts(visitor: Visitor) -> int:
    count: int = visitor.page.evaluate("apis.length")
    return count


def link(text: str, source: str) -> str:
    return f'<a href="{address(source)}">{text}</a>'


def test_htmx_swaps_a_chat_in_and_out(swapping: Visitor) -> None:
    buttons = "".join(
        f"<button hx-get='{address(source, part='1')}' hx-target='#place'>{name}</button>"
        for name, source in (("Open", CHAT), ("Close", "Closed"))
    )
    swapping.open(f'<script src="/htmx.js"></script>{buttons}<div id="place"></div>')
    for times in range(1, 4):
        swapping.page.get_by_role("button", name="Open").click()
        swapping.wait_for_chats()
        assert mounts(swapping) == times
        swapping.page.get_by_role("button", name="Close").click()
        swapping.page.get_by_text("Closed").wait_for()
        assert swapping.page.locator("openai-chatkit").count() == 0
    assert [post.status for post in swapping.posts] == [201, 200, 200]


def test_htmx_brings_a_chat_back_from_its_history(swapping: Visitor) -> None:
    away = f"<a hx-get='{address('Elsewhere', part='1')}' hx-push-url='true' hx-target='main' href='#'>Away</a>"
    swapping.open(f'<script src="/htmx.js"></script>{CHAT}{away}')
    swapping.wait_for_chats()
    swapping.page.get_by_role("link", name="Away").click()
    swapping.page.get_by_text("Elsewhere").wait_for()
    swapping.page.go_back()
    swapping.page.get_by_role("link", name="Away").wait_for()
    swapping.wait_for_chats()
    assert swapping.page.locator("openai-chatkit").count() == 1
    assert swapping.page.get_by_role("textbox").is_visible()


def test_turbo_visits_and_restores_a_chat(swapping: Visitor) -> None:
    turbo = '<script src="/turbo.js"></script>'
    swapping.open(turbo + link("To the chat", turbo + CHAT + link("Away", turbo + "Elsewhere")))
    swapping.page.get_by_role("link", name="To the chat").click()
    swapping.wait_for_chats()
    swapping.page.get_by_role("link", name="Away").click()
    swapping.page.get_by_text("Elsewhere").wait_for()
    assert swapping.page.locator("openai-chatkit").count() == 0
    swapping.page.go_back()
    swapping.page.get_by_role("link", name="Away").wait_for()
    swapping.wait_for_chats()
    assert swapping.page.get_by_role("textbox").is_visible()
    assert swapping.page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_turbo_morphs_a_page_with_a_chat(swapping: Visitor) -> None:
    morph = '<script src="/turbo.js"></script><meta name="turbo-refresh-method" content="morph">'
    swapping.open(morph + CHAT)
    swapping.page.evaluate("document.head.append(document.querySelector('meta[name=turbo-refresh-method]'))")
    swapping.wait_for_chats()
    swapping.page.evaluate("window.kept = document.querySelector('django-chatkit')")
    swapping.page.evaluate("Turbo.session.refresh(location.href)")
    swapping.page.wait_for_function("apis.length === 2")
    swapping.wait_for_chats()
    assert swapping.page.evaluate("kept === document.querySelector('django-chatkit')"), "it was not morphed"
    assert swapping.page.locator("openai-chatkit").count() == 1
