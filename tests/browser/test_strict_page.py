"""A page with a strict Content-Security-Policy, three chats, and htmx that swaps one of them in and out."""

from __future__ import annotations

from typing import Any

import pytest

from .server import OPENAI_SCRIPT
from .test_swaps import HTMX
from .visitor import Visitor, address, serve

pytestmark = pytest.mark.browser

TIMES = 20
#: htmx without what a strict policy forbids: its inline style sheet and what it evaluates.
CONFIG = '{"includeIndicatorStyles": false, "allowEval": false}'
PAGE = f"""
<meta name="htmx-config" content='{CONFIG}'>
<script src="/htmx.js" nonce="{{{{ csp_nonce }}}}"></script>
{{% chatkit "support" %}}
{{% chatkit "open" layout="floating" %}}
<button hx-get="{address('{% chatkit "sales" %}', part="1", strict="1")}" hx-target="#place">In</button>
<button hx-get="{address("Nothing here.", part="1", strict="1")}" hx-target="#place">Out</button>
<div id="place"></div>
"""


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


@pytest.fixture
def strict(logged_in: Visitor) -> Visitor:
    """Somebody on that page, who notes what its console complains of."""
    logged_in.context.route("**/htmx.js", serve(HTMX))
    logged_in.page.on("console", lambda message: message.type in {"error", "warning"} and note(logged_in, message.text))
    logged_in.open(PAGE, strict="1")
    logged_in.page.locator("django-chatkit openai-chatkit[data-ready]").first.wait_for()
    return logged_in


def note(visitor: Visitor, text: str) -> None:
    visitor.uncaught.append(text)


def swap(visitor: Visitor) -> None:
    """One of the chats in, until it works, and out."""
    visitor.page.get_by_role("button", name="In", exact=True).click()
    visitor.page.locator("#place openai-chatkit[data-ready]").wait_for()
    visitor.page.get_by_role("button", name="Out", exact=True).click()
    visitor.page.get_by_text("Nothing here.").wait_for()


def held(visitor: Visitor) -> dict[str, float]:
    """What the page holds on to, once there is no garbage: nodes and listeners of all its elements."""
    visitor.page.evaluate("() => { apis.length = 0; }")
    client = visitor.context.new_cdp_session(visitor.page)
    for _ in range(3):  # what is freed may free more
        client.send("HeapProfiler.collectGarbage")
    counters: dict[str, float] = client.send("Memory.getDOMCounters")
    client.detach()
    return counters


def test_twenty_swaps_leave_nothing_behind(strict: Visitor) -> None:
    for _ in range(3):  # whatever is made once for all times
        swap(strict)
    before = held(strict)
    for _ in range(TIMES):
        swap(strict)
    after = held(strict)
    assert (after["nodes"], after["jsEventListeners"]) == (before["nodes"], before["jsEventListeners"])
    assert strict.page.evaluate("seen") == [], "what the policy refused"
    assert strict.uncaught == []
    assert strict.page.locator(f"script[src='{OPENAI_SCRIPT}']").count() == 1
    assert strict.page.locator("script[src*='django-chatkit.js']").count() == 1
    assert strict.page.locator("#place openai-chatkit").count() == 0
