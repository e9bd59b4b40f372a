"""Pages that swap HTML with htmx and Turbo, as npm delivers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .visitor import Visitor, address, serve

pytestmark = pytest.mark.browser

MODULES = Path(__file__).parent / "node_modules"
HTMX = MODULES / "htmx.org" / "dist" / "htmx.min.js"
TURBO = MODULES / "@hotwired" / "turbo" / "dist" / "turbo.es2017-umd.js"
#: Where Turbo wants to be: what is in the body runs again at every visit.
WITH_TURBO = '<script src="/turbo.js" defer></script>'
MORPHING = WITH_TURBO + '<meta name="turbo-refresh-method" content="morph">'
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
    return f'<a href="{address(source, head=WITH_TURBO)}">{text}</a>'


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
    swapping.open(link("To the chat", CHAT + link("Away", "Elsewhere")), head=WITH_TURBO)
    swapping.page.get_by_role("link", name="To the chat").click()
    swapping.wait_for_chats()
    swapping.page.get_by_role("link", name="Away").click()
    swapping.page.get_by_text("Elsewhere").wait_for()
    assert swapping.page.locator("openai-chatkit").count() == 0
    swapping.page.evaluate("window.visits = 0, void addEventListener('turbo:visit', () => visits++)")
    swapping.page.go_back()
    swapping.page.get_by_role("link", name="Away").wait_for()
    swapping.wait_for_chats()
    swapping.page.get_by_role("textbox").wait_for()
    assert swapping.page.evaluate("visits") == 1
    assert mounts(swapping) == 2
    assert swapping.page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_turbo_morphs_a_page_with_a_chat(swapping: Visitor) -> None:
    swapping.open(CHAT, head=MORPHING)
    swapping.wait_for_chats()
    swapping.page.evaluate("window.kept = document.querySelector('django-chatkit')")
    swapping.page.evaluate("Turbo.session.refresh(location.href)")
    swapping.page.wait_for_function("apis.length === 2")
    swapping.wait_for_chats()
    assert swapping.page.evaluate("kept === document.querySelector('django-chatkit')"), "it was not morphed"
    assert swapping.page.locator("openai-chatkit").count() == 1


def test_turbo_shows_a_page_from_its_cache_without_asking_for_a_session(swapping: Visitor) -> None:
    back = "Elsewhere" + link("Back", CHAT)
    swapping.open(CHAT + link("Away", back), head=WITH_TURBO)
    chat_page = swapping.page.url
    swapping.wait_for_chats()
    swapping.page.get_by_role("link", name="Away").click()
    swapping.page.get_by_text("Elsewhere").wait_for()
    swapping.page.evaluate("address => { document.querySelector('main a').href = address; }", chat_page)
    held = swapping.hold(chat_page)
    swapping.page.get_by_role("link", name="Back").click()
    swapping.page.locator("html[data-turbo-preview] django-chatkit").get_by_text("Loading the chat…").wait_for()
    swapping.page.wait_for_timeout(200)
    assert swapping.page.locator("openai-chatkit").count() == 0
    assert len(swapping.posts) == 1
    held[0].fallback()
    swapping.wait_for_chats()
    assert len(swapping.posts) == 2
    assert mounts(swapping) == 2


def test_turbo_takes_an_open_panel_along(swapping: Visitor) -> None:
    floating = '{% chatkit "sales" layout="floating" %}'
    swapping.open(floating + link("Next", "The next page" + floating), head=WITH_TURBO)
    swapping.page.get_by_role("button", name="Open the chat").click()
    swapping.wait_for_chats()
    swapping.page.get_by_role("link", name="Next").click()
    swapping.page.get_by_text("The next page").wait_for()
    swapping.wait_for_chats()
    assert swapping.page.get_by_role("dialog").count() == 1
    assert swapping.page.get_by_role("button", name="Open the chat").count() == 1
    swapping.page.get_by_role("button", name="Close the chat").click()
    swapping.page.go_back()
    swapping.page.get_by_role("link", name="Next").wait_for()
    swapping.page.get_by_role("button", name="Open the chat").wait_for()
    assert swapping.page.get_by_role("dialog").count() == 0
    assert swapping.uncaught == []


def test_turbo_morphs_a_page_with_an_open_panel(swapping: Visitor) -> None:
    swapping.open('{% chatkit "sales" layout="floating" %}', head=MORPHING)
    swapping.page.get_by_role("button", name="Open the chat").click()
    swapping.wait_for_chats()
    swapping.page.evaluate("Turbo.session.refresh(location.href)")
    swapping.page.wait_for_function("apis.length === 2")
    swapping.wait_for_chats()
    assert swapping.page.get_by_role("dialog").is_visible()
    assert swapping.page.locator("openai-chatkit").count() == 1
