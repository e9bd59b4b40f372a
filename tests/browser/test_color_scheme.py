"""Light or dark: as the workflow says, as the visitor's device is, or as the page is; and when that changes."""

from __future__ import annotations

from typing import Any

import pytest

from .server import OPENAI_SCRIPT
from .visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def opened(visitor: Visitor, keywords: str = "", page: str = "normal", device: Any = "light") -> None:
    visitor.page.emulate_media(color_scheme=device)
    style = f"<style>:root {{ color-scheme: {page} }} :root[data-theme=dark] {{ color-scheme: dark }}</style>"
    visitor.open(f'{style}{{% chatkit "sales" radius="sharp" {keywords} %}}')
    visitor.wait_for_chats()


def scheme(visitor: Visitor) -> Any:
    """Of the component, as it was told."""
    return visitor.page.locator("openai-chatkit").get_attribute("data-color-scheme")


def wait_for_scheme(visitor: Visitor, expected: str) -> None:
    visitor.page.locator(f"openai-chatkit[data-color-scheme={expected}]").wait_for()


@pytest.mark.parametrize(
    ("page", "device", "expected"),
    [
        ("normal", "dark", "light"),
        ("light", "dark", "light"),
        ("dark", "light", "dark"),
        ("light dark", "dark", "dark"),
        ("light dark", "light", "light"),
    ],
)
def test_the_chat_is_as_dark_as_its_page(page: str, device: str, expected: str, logged_in: Visitor) -> None:
    opened(logged_in, page=page, device=device)
    assert scheme(logged_in) == expected


@pytest.mark.parametrize("page", ["normal", "light", "dark", "light dark"])
@pytest.mark.parametrize("wanted", ["light", "dark"])
def test_a_scheme_that_is_fixed_wins(wanted: str, page: str, logged_in: Visitor) -> None:
    opened(logged_in, f'color_scheme="{wanted}"', page)
    assert scheme(logged_in) == wanted
    logged_in.page.emulate_media(color_scheme="dark")
    logged_in.page.wait_for_timeout(100)
    assert scheme(logged_in) == wanted


@pytest.mark.parametrize(("keywords", "page"), [('color_scheme="auto"', "light"), ("", "light dark")])
def test_it_follows_the_device_while_the_page_is_open(keywords: str, page: str, logged_in: Visitor) -> None:
    opened(logged_in, keywords, page)
    assert scheme(logged_in) == "light"
    logged_in.page.evaluate("""() => {
      const chat = document.querySelector("openai-chatkit");
      const { setOptions } = chat;
      window.told = [];
      chat.setOptions = function (options) { told.push(options); setOptions.call(this, options); };
    }""")
    logged_in.page.emulate_media(color_scheme="dark")
    wait_for_scheme(logged_in, "dark")
    logged_in.page.emulate_media(color_scheme="light")
    wait_for_scheme(logged_in, "light")
    # Each time once, and with all options: the component forgets what it is not told again.
    (dark, light) = logged_in.page.evaluate("told.map((options) => [options.theme, Object.keys(options).sort()])")
    assert dark[0] == {"radius": "sharp", "colorScheme": "dark"}
    assert light[0] == {"radius": "sharp", "colorScheme": "light"}
    assert dark[1] == ["api", "locale", "theme"]
    assert logged_in.page.evaluate("told[0].api === apis[0]")


def test_it_follows_a_page_with_a_switch(logged_in: Visitor) -> None:
    opened(logged_in, page="light")
    logged_in.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    wait_for_scheme(logged_in, "dark")
    logged_in.page.evaluate("delete document.documentElement.dataset.theme")
    wait_for_scheme(logged_in, "light")


def test_what_the_pages_own_code_says_stays(logged_in: Visitor) -> None:
    logged_in.context.add_init_script(
        "addEventListener('django-chatkit.options', ({ detail }) => { detail.theme = { colorScheme: 'dark' }; })"
    )
    opened(logged_in, 'color_scheme="auto"')
    for device in ("dark", "light"):
        logged_in.page.emulate_media(color_scheme=device)
        logged_in.page.wait_for_timeout(100)
        assert scheme(logged_in) == "dark"


def test_a_chat_that_was_removed_follows_nothing(logged_in: Visitor) -> None:
    opened(logged_in, 'color_scheme="auto"')
    logged_in.page.evaluate("window.gone = document.querySelector('django-chatkit'); gone.remove()")
    logged_in.page.emulate_media(color_scheme="dark")
    logged_in.page.wait_for_timeout(100)
    assert logged_in.page.evaluate("gone.style.colorScheme") == "light dark"
    assert logged_in.page.evaluate("[gone.chatkit, gone.childNodes.length]") == [None, 0]


def test_what_is_said_before_is_as_dark_as_the_chat(logged_in: Visitor) -> None:
    logged_in.hold(OPENAI_SCRIPT)
    logged_in.page.emulate_media(color_scheme="light")
    logged_in.open('{% chatkit "sales" color_scheme="dark" %}')
    note = logged_in.page.get_by_role("status").locator("..")
    assert note.evaluate("note => getComputedStyle(note).colorScheme") == "dark"
