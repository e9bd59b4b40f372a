"""The JavaScript of docs/pages.md does what the guide says."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from .own import OwnChat
from .server import OPENAI_SCRIPT
from .visitor import Visitor

pytestmark = pytest.mark.browser

GUIDE = (Path(__file__).parents[2] / "docs" / "pages.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^```js\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
HOOKS, APP, OWN_APP = SCRIPTS
#: The example project knows callers by passwords instead of tokens.
TOKEN = base64.b64encode(b"demo:demo").decode()
PAGE = f'<script src="{OPENAI_SCRIPT}"></script>'


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def run(visitor: Visitor, *blocks: str, workflow: str) -> None:
    """What a page without a template would have, in one module."""
    code = "\n".join(blocks).replace("Bearer ${token}", "Basic ${token}").replace('"support"', f'"{workflow}"')
    visitor.open(PAGE)
    visitor.page.evaluate(f'(async () => {{ const token = "{TOKEN}"; {code} }})()')


def test_a_plain_script_opens_the_chat(logged_in: Visitor) -> None:
    (button,) = re.findall(r'```html\n(<button type="button" id="ask">.*?)```', GUIDE, re.DOTALL)
    logged_in.open(button + '{% chatkit "sales" layout="floating" %}')
    logged_in.page.get_by_role("button", name="Ask us").click()
    logged_in.page.wait_for_function(
        "document.querySelector('openai-chatkit')?.shadowRoot.querySelector('textarea')?.value === 'Where is my order?'"
    )


def test_functions_are_added_to_the_options(logged_in: Visitor) -> None:
    keep = 'addEventListener("django-chatkit.options", ({ detail }) => { window.told = { options: detail }; });'
    logged_in.open(f"<script>{HOOKS}{keep}</script>" + '{% chatkit "sales" placeholder="Ask us" %}')
    logged_in.wait_for_chats()
    told = logged_in.page.evaluate("""async () => {
      window.addToCart = async (sku) => [sku];
      const { options } = window.told;
      return [await options.onClientTool({ name: "add_to_cart", params: { sku: "T1" } }),
        typeof options.widgets.onAction, typeof options.entities.onTagSearch, options.composer.placeholder];
    }""")
    assert told == [{"items": ["T1"]}, "function", "function", "Ask us"]


def test_a_single_page_app_needs_the_endpoint_alone(visitor: Visitor) -> None:
    run(visitor, APP, workflow="sales")
    visitor.page.locator("openai-chatkit[data-ready='hosted']").wait_for()
    (post,) = visitor.posts
    assert (post.status, post.body) == (201, {"workflow": "sales", "refresh": False})
    assert visitor.context.cookies() == []


def test_a_single_page_app_with_a_workflow_of_this_site(visitor: Visitor) -> None:
    visitor.page.set_default_timeout(30_000)
    app = re.sub(r"chatkit\.setOptions\(\{.*?^\}\);", OWN_APP.replace("\\", r"\\"), APP, flags=re.MULTILINE | re.DOTALL)
    run(visitor, app, workflow="own")
    visitor.page.locator("openai-chatkit[data-ready='self_hosted']").wait_for()
    OwnChat(visitor).ask("Hello there")
    assert visitor.context.cookies() == []
