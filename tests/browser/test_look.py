"""The look of a chat: typed into the admin, carried to the component as its options, and overridden by the tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ADMIN = "/admin/django_chatkit/workflow/"
CHOICES = {"color_scheme": "dark", "radius": "sharp", "density": "spacious", "layout": "inline"}
TEXTS = {
    "accent": "#1f7a4d",
    "greeting": "Welcome to the shop",
    "placeholder": "Ask away",
    "disclaimer": "A program **answers**.",
    "title": "Shop",
    "frame_title": "Chat of the shop",
}
PROMPTS = [
    {"label": "Parcel", "prompt": "Where is my parcel?", "icon": "lucide:truck"},
    {"label": "Tea", "prompt": "Two lines\nof tea", "icon": "lightbulb"},
    {"label": "Plain", "prompt": "Without an icon"},
]
OPTIONS = {
    "theme": {
        "colorScheme": "dark",
        "radius": "sharp",
        "density": "spacious",
        "color": {"accent": {"primary": "#1f7a4d", "level": 1}},
    },
    "startScreen": {"greeting": "Welcome to the shop", "prompts": PROMPTS},
    "composer": {"placeholder": "Ask away"},
    "disclaimer": {"text": "A program **answers**."},
    "header": {"title": {"text": "Shop"}},
    "frameTitle": "Chat of the shop",
}
WATCH = """
  window.options = [];
  addEventListener("django-chatkit.options", (event) => options.push(JSON.parse(JSON.stringify(event.detail))));
"""


@pytest.fixture
def administrator(visitor: Visitor) -> Visitor:
    visitor.context.add_init_script(WATCH)
    visitor.log_in("admin")
    return visitor


def fill_look(page: Page) -> None:
    """Every field of the look, as somebody would."""
    for name, value in CHOICES.items():
        page.locator(f"[name={name}]").select_option(value)
    for name, value in TEXTS.items():
        page.locator(f"[name={name}]").fill(value)
    rows = page.get_by_role("group", name="Starter prompts").locator("tbody tr")
    for row, prompt in enumerate(PROMPTS):
        for name, value in prompt.items():
            rows.nth(row).locator(f"[name$=-{name}]").fill(value)


def edit(visitor: Visitor) -> None:
    """Open the form of the workflow *Sales*, fill the look in, and save."""
    visitor.page.goto(ADMIN)
    visitor.page.get_by_role("link", name="Sales", exact=True).click()
    fill_look(visitor.page)
    visitor.page.get_by_role("button", name="Save", exact=True).click()
    visitor.page.locator(".messagelist .success").wait_for()


def told(visitor: Visitor, source: str) -> dict[str, Any]:
    """What the component is told about its look on a page with this tag."""
    visitor.open(source)
    visitor.wait_for_chats()
    (options,) = visitor.page.evaluate("options")
    return {name: value for name, value in options.items() if name not in {"api", "locale"}}


def test_what_is_typed_into_the_admin_arrives_and_the_tag_overrides_it(administrator: Visitor) -> None:
    edit(administrator)
    assert told(administrator, '{% chatkit "sales" %}') == OPTIONS
    chat = administrator.page.locator("openai-chatkit")
    assert administrator.page.get_by_role("region", name="Chat of the shop").is_visible()
    assert chat.get_attribute("data-density") == "spacious"
    overridden = told(administrator, '{% chatkit "sales" greeting="Hello" radius="pill" color_scheme="light" %}')
    theme = {**OPTIONS["theme"], "radius": "pill", "colorScheme": "light"}  # type: ignore[dict-item]
    greeting = {"greeting": "Hello", "prompts": PROMPTS}
    assert overridden == {**OPTIONS, "theme": theme, "startScreen": greeting}


def test_the_form_refuses_what_the_component_would(administrator: Visitor) -> None:
    page = administrator.page
    page.goto(ADMIN)
    page.get_by_role("link", name="Open to all", exact=True).click()
    page.locator("[name=accent]").fill("green")
    row = page.get_by_role("group", name="Starter prompts").locator("tbody tr").first
    row.locator("[name$=-label]").fill("Tea")
    row.locator("[name$=-icon]").fill("teapot")
    page.get_by_role("button", name="Save", exact=True).click()
    assert "such as #1f7a4d" in page.locator(".field-accent").inner_text()
    assert "no such icon" in row.inner_text()
    assert "Write the message" in row.inner_text()
    assert page.locator("[name=accent]").input_value() == "green"


@pytest.mark.parametrize(
    ("language", "locale", "direction"),
    [("de", "de", "ltr"), ("pt-br", "pt-BR", "ltr"), ("zh-hans", "zh-CN", "ltr"), ("ar", "ar", "rtl")],
)
def test_the_chat_speaks_the_pages_language(language: str, locale: str, direction: str, logged_in: Visitor) -> None:
    logged_in.context.add_init_script(WATCH)
    logged_in.context.set_extra_http_headers({"Accept-Language": language})
    logged_in.open('{% chatkit "support" %}')
    logged_in.wait_for_chats()
    assert logged_in.page.evaluate("options[0].locale") == locale
    assert logged_in.page.locator(f"django-chatkit[lang={language}][dir={direction}]").count() == 1
