"""The floating layout in Chromium: a button, its panel, the keyboard's place, a phone, and from page to page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .server import OPENAI_SCRIPT
from .visitor import Visitor, address

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

    from .server import Server

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "sales" layout="floating" %}'
TALL = '<input aria-label="Search">'
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def launcher(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("button", name="Open the chat")


def panel(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("dialog")


def focused(visitor: Visitor) -> str:
    """What has the focus: the component counts as one thing, as its frame does."""
    name: str = visitor.page.evaluate(
        "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.localName)"
    )
    return name


def opened(visitor: Visitor, source: str = CHAT, **flags: str) -> None:
    visitor.open(source, **flags)
    launcher(visitor).click()
    visitor.wait_for_chats()


def test_who_never_opens_it_gets_no_session_and_no_component(logged_in: Visitor) -> None:
    asked: list[str] = []
    logged_in.page.on("request", lambda request: asked.append(request.url))
    logged_in.open(CHAT)
    button = launcher(logged_in)
    assert button.get_attribute("aria-expanded") == "false"
    assert logged_in.page.locator(f"#{button.get_attribute('aria-controls')}").get_attribute("role") == "dialog"
    logged_in.page.wait_for_load_state("networkidle")
    assert logged_in.posts == []
    assert logged_in.page.locator("openai-chatkit").count() == 0
    assert not [url for url in asked if url.startswith(OPENAI_SCRIPT)]
    assert panel(logged_in).count() == 0


def test_it_opens_and_the_focus_moves_in(logged_in: Visitor) -> None:
    held = logged_in.hold(OPENAI_SCRIPT)
    logged_in.open('{% chatkit "sales" layout="floating" title="Help" %}')
    logged_in.page.get_by_role("button", name="Open the chat: Help").press("Enter")
    logged_in.page.get_by_role("dialog", name="Help").wait_for()
    assert logged_in.page.get_by_role("status").inner_text() == "Loading the chat…"
    assert focused(logged_in) == "Close the chat"
    logged_in.page.wait_for_function("!!document.querySelector('script[src$=\"chatkit/chatkit.js\"]')")
    held[0].fallback()
    logged_in.wait_for_chats()
    logged_in.page.wait_for_function("document.activeElement.localName === 'openai-chatkit'")
    assert launcher(logged_in).get_attribute("aria-expanded") == "true"
    assert panel(logged_in).get_attribute("aria-modal") is None
    assert len(logged_in.posts) == 1


@pytest.mark.parametrize("way", ["escape", "button", "launcher", "code"])
def test_it_closes_and_the_focus_moves_back(way: str, logged_in: Visitor) -> None:
    opened(logged_in)
    logged_in.page.wait_for_function("document.activeElement.localName === 'openai-chatkit'")
    logged_in.page.get_by_role("textbox").fill("Half a sentence")
    if way == "escape":
        logged_in.page.keyboard.press("Escape")
    elif way == "button":
        logged_in.page.get_by_role("button", name="Close the chat").click()
    elif way == "launcher":
        launcher(logged_in).click()
    else:
        logged_in.page.evaluate("document.querySelector('django-chatkit').close()")
    panel(logged_in).wait_for(state="hidden")
    assert focused(logged_in) == "Open the chat"
    assert launcher(logged_in).get_attribute("aria-expanded") == "false"
    # The conversation goes on where it was.
    launcher(logged_in).click()
    assert logged_in.page.get_by_role("textbox").input_value() == "Half a sentence"
    assert len(logged_in.posts) == 1


def test_escape_elsewhere_on_the_page_is_not_ours(logged_in: Visitor) -> None:
    opened(logged_in, CHAT + TALL)
    search = logged_in.page.get_by_role("textbox", name="Search")
    search.click()
    search.press("Escape")
    assert panel(logged_in).is_visible()
    logged_in.page.evaluate("document.querySelector('django-chatkit').close()")
    assert focused(logged_in) == "Search"


def test_it_stays_open_from_page_to_page_and_leaves_the_focus_alone(logged_in: Visitor) -> None:
    opened(logged_in)
    logged_in.page.goto(address(f"<input autofocus aria-label='Search'>{CHAT}"))
    logged_in.wait_for_chats()
    panel(logged_in).wait_for()
    logged_in.page.wait_for_load_state("networkidle")
    assert focused(logged_in) == "Search"
    logged_in.page.get_by_role("button", name="Close the chat").click()
    logged_in.page.reload()
    launcher(logged_in).wait_for()
    assert panel(logged_in).count() == 0
    assert len(logged_in.posts) == 2


def test_every_workflow_remembers_for_itself(logged_in: Visitor) -> None:
    opened(logged_in)
    logged_in.open('{% chatkit "uploads" layout="floating" %}')
    launcher(logged_in).wait_for()
    assert panel(logged_in).count() == 0


def test_on_a_phone_it_is_the_whole_screen(chromium: Browser, server: Server, login: list[Any]) -> None:
    visitor = Visitor(chromium, server, viewport=PHONE, has_touch=True)
    visitor.context.add_cookies(login)
    visitor.open(CHAT + TALL + "<p>Long</p>" * 100)
    launcher(visitor).click()
    visitor.wait_for_chats()
    assert panel(visitor).get_attribute("aria-modal") == "true"
    assert panel(visitor).bounding_box() == {"x": 0, "y": 0, **PHONE}
    # The page behind does not move, and the keyboard does not come to it.
    visitor.page.mouse.move(200, 22)
    visitor.page.mouse.wheel(0, 600)
    for _ in range(8):
        visitor.page.keyboard.press("Tab")
        assert focused(visitor) in {"Close the chat", "openai-chatkit", "body"}
    assert visitor.page.evaluate("scrollY") == 0
    visitor.page.get_by_role("button", name="Close the chat").focus()
    visitor.page.keyboard.press("Escape")
    panel(visitor).wait_for(state="hidden")
    assert focused(visitor) == "Open the chat"
    visitor.page.mouse.wheel(0, 600)
    visitor.page.wait_for_function("scrollY > 0")
    assert visitor.uncaught == []
    visitor.close()


def test_a_window_that_becomes_small_keeps_its_chat(logged_in: Visitor) -> None:
    opened(logged_in)
    logged_in.page.evaluate("window.kept = document.querySelector('openai-chatkit')")
    logged_in.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    logged_in.page.locator("dialog[aria-modal=true]").wait_for()
    logged_in.page.set_viewport_size({"width": 1280, "height": 800})
    logged_in.page.locator("dialog:not([aria-modal])").wait_for()
    assert logged_in.page.evaluate("kept.isConnected")
    assert launcher(logged_in).get_attribute("aria-expanded") == "true"
    assert len(logged_in.posts) == 1


def test_two_of_them_sit_side_by_side(logged_in: Visitor) -> None:
    logged_in.open(CHAT + '{% chatkit "uploads" layout="floating" title="Files" %}')
    launcher(logged_in).nth(1).wait_for()
    one, other = (launcher(logged_in).nth(place).bounding_box() for place in range(2))
    assert one and other
    assert other["x"] + other["width"] <= one["x"]
    launcher(logged_in).nth(0).click()
    launcher(logged_in).nth(1).click()
    assert panel(logged_in).count() == 1
    assert panel(logged_in).get_attribute("aria-label") == "Files"
    box = panel(logged_in).bounding_box()
    assert box
    assert box["y"] + box["height"] <= one["y"]


def test_the_corner_is_where_lines_end(logged_in: Visitor) -> None:
    logged_in.open('{% load i18n %}{% language "ar" %}' + CHAT + "{% endlanguage %}")
    button = logged_in.page.locator(".launcher")
    button.click()
    for part in (button, panel(logged_in)):
        box = part.bounding_box()
        assert box
        assert box["x"] == 16


@pytest.mark.parametrize(
    ("accent", "icon"), [("#3f6b4f", "255, 255, 255"), ("#ffd400", "0, 0, 0"), ("hsl(210 90% 40%)", "255, 255, 255")]
)
def test_the_button_has_the_accent_and_an_icon_that_can_be_seen(accent: str, icon: str, logged_in: Visitor) -> None:
    logged_in.open(f'{{% chatkit "sales" layout="floating" accent="{accent}" %}}')
    launcher(logged_in).wait_for()
    same = """([button, accent]) => {
      const other = Object.assign(document.createElement("i"), { style: `color: ${accent}` });
      document.body.append(other);
      return getComputedStyle(button).backgroundColor === getComputedStyle(other).color;
    }"""
    button = launcher(logged_in).element_handle()
    assert logged_in.page.evaluate(same, [button, accent])
    assert logged_in.page.evaluate("button => getComputedStyle(button).color", button) == f"rgb({icon})"


def test_what_a_site_says_of_its_buttons_does_not_reach_it(logged_in: Visitor) -> None:
    logged_in.open("<style>button { width: 100%; padding: 2rem; background: red; border-radius: 0 }</style>" + CHAT)
    box = launcher(logged_in).bounding_box()
    assert box
    assert (box["width"], box["height"]) == (56, 56)


def test_it_is_not_printed(logged_in: Visitor) -> None:
    opened(logged_in)
    logged_in.page.emulate_media(media="print")
    assert launcher(logged_in).is_hidden()
    assert panel(logged_in).is_hidden()


def test_what_goes_wrong_is_said_in_the_panel_and_the_keyboard_keeps_its_place(logged_in: Visitor) -> None:
    logged_in.context.route("**/chatkit/sessions/", lambda route: route.abort())
    logged_in.open(CHAT)
    launcher(logged_in).press("Enter")
    assert "check your connection" in panel(logged_in).get_by_role("alert").inner_text()
    logged_in.page.keyboard.press("Tab")
    assert logged_in.page.evaluate("document.activeElement.textContent") == "Try again"
    logged_in.context.unroute("**/chatkit/sessions/")
    logged_in.page.keyboard.press("Enter")
    logged_in.wait_for_chats()
    assert logged_in.page.evaluate("!!document.activeElement.closest('dialog')")


def test_it_works_under_a_strict_content_security_policy(logged_in: Visitor) -> None:
    said: list[str] = []
    logged_in.page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened(logged_in, '{% chatkit "sales" layout="floating" accent="#3f6b4f" %}', strict="1")
    logged_in.page.keyboard.press("Escape")
    assert logged_in.page.evaluate("seen") == []
    assert said == []


def test_a_morph_leaves_it_as_it_was(logged_in: Visitor) -> None:
    opened(logged_in)
    logged_in.page.evaluate("document.querySelector('django-chatkit').innerHTML = '<noscript></noscript>'")
    logged_in.page.wait_for_function("apis.length === 2")
    logged_in.wait_for_chats()
    assert panel(logged_in).is_visible()
    assert logged_in.page.locator("django-chatkit > *").count() == 2
