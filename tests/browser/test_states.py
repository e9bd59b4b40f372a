"""States on the way to a chat and in the middle of one: slow, blank, logged out, offline, throttled; seen and heard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .server import OPENAI_SCRIPT
from .visitor import SESSIONS, Visitor, address, serve_standin

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "sales" %}'
#: Every text that a live region has held, with its role.
HEAR = """
  window.heard = [];
  const hear = (region) => {
    const text = region.getAttribute("aria-hidden") ? "" : region.textContent.trim();
    if (text) heard.push(`${region.getAttribute("role")}: ${text}`);
  };
  new MutationObserver((changes) => {
    const regions = changes.flatMap(({ target, addedNodes }) => [
      target.closest?.("[role=status], [role=alert]"),
      ...[...addedNodes].filter((node) => node.matches?.("[role=status], [role=alert]")),
      ...[...addedNodes].flatMap((node) => [...(node.querySelectorAll?.("[role=status], [role=alert]") ?? [])]),
    ]);
    for (const region of new Set(regions.filter(Boolean))) if (region.isConnected) hear(region);
  }).observe(document, { subtree: true, childList: true, characterData: true });
"""


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


@pytest.fixture
def listening(logged_in: Visitor) -> Visitor:
    """A visitor who hears what is announced."""
    logged_in.context.add_init_script(HEAR)
    return logged_in


def heard(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.page.evaluate("heard")
    return found


def refuse(visitor: Visitor, status: int, code: str, **headers: str) -> None:
    body = json.dumps({"detail": "An internal detail.", "code": code})
    visitor.context.route(SESSIONS, lambda route: route.fulfill(status=status, body=body, headers=headers))


def fail_refresh(visitor: Visitor) -> None:
    """The component asks for its next secret, and does not get one."""
    visitor.page.evaluate("apis.at(-1).getClientSecret('old').catch(() => null)")


# --- loading ---


@pytest.mark.parametrize(
    "keywords",
    ["", 'layout="page"', 'layout="floating"', 'height="300px"', 'layout="page" height="50vh"'],
)
@pytest.mark.parametrize("outcome", ["well", "badly"])
def test_nothing_on_the_page_jumps(keywords: str, outcome: str, logged_in: Visitor) -> None:
    logged_in.context.add_init_script("""
      window.jumps = [];
      const observer = new PerformanceObserver((list) => jumps.push(...list.getEntries()));
      observer.observe({ type: "layout-shift", buffered: true });
    """)
    if outcome == "badly":
        refuse(logged_in, 502, "upstream_error")
    held = logged_in.hold("**/django-chatkit/element.js*")
    logged_in.page.goto(address(f'{{% chatkit "sales" {keywords} %}}'), wait_until="commit")
    place = logged_in.page.locator("#after").bounding_box()
    logged_in.page.wait_for_timeout(300)
    held[0].continue_()
    if "floating" in keywords:
        logged_in.page.locator(".launcher").click()
    if outcome == "well":
        logged_in.wait_for_chats()
    else:
        logged_in.alert.wait_for()
    logged_in.page.wait_for_timeout(200)
    assert logged_in.page.locator("#after").bounding_box() == place
    assert logged_in.page.evaluate("jumps.length") == 0


def test_a_script_that_is_slow_is_called_slow(listening: Visitor) -> None:
    held = listening.hold(OPENAI_SCRIPT)
    listening.page.clock.install()
    listening.open(CHAT)
    listening.page.get_by_text("Loading the chat…").wait_for()
    listening.page.clock.fast_forward(5_000)
    listening.page.get_by_text("seems to be slow").wait_for()
    assert heard(listening) == [
        "status: Loading the chat…",
        "status: The chat is still loading. Your connection seems to be slow.",
    ]
    held[0].fallback()
    listening.wait_for_chats()
    assert listening.page.get_by_text("seems to be slow").is_hidden()


def test_a_script_that_hangs_can_be_loaded_again(listening: Visitor) -> None:
    listening.hold(OPENAI_SCRIPT)
    listening.page.clock.install()
    with listening.page.expect_response(SESSIONS) as answer:  # only the script hangs
        listening.open(CHAT)
    answer.value.finished()
    listening.page.get_by_text("Loading the chat…").wait_for()
    listening.page.clock.fast_forward(20_000)
    listening.alert.wait_for()
    listening.context.route(f"{OPENAI_SCRIPT}?attempt=2", serve_standin)
    listening.page.get_by_role("button", name="Try again").click()
    listening.wait_for_chats()
    assert [text for text in heard(listening) if text.startswith("alert")] == [
        "alert: The chat could not be loaded. A content blocker or your network may be in the way."
    ]


# --- a component that stays blank ---

BLANK = """
  customElements.define("openai-chatkit", class extends HTMLElement {
    setOptions() { window.mounted = true; }
  });
"""


@pytest.fixture
def blank(listening: Visitor) -> Visitor:
    """A visitor whose component never says that it is ready."""
    body = {"body": BLANK, "content_type": "text/javascript"}
    listening.context.route(f"{OPENAI_SCRIPT}*", lambda route: route.fulfill(**body))
    listening.page.clock.install()
    listening.open(CHAT)
    listening.page.wait_for_function("window.mounted")
    return listening


def test_a_blank_widget_is_noticed_and_the_developer_told_why(blank: Visitor) -> None:
    blank.page.clock.fast_forward(19_000)
    assert blank.alert.count() == 0
    blank.page.clock.fast_forward(1_000)
    assert blank.alert.inner_text() == "The chat does not appear. Please try again."
    hint = blank.page.locator(".debug").inner_text()
    assert "domain allowlist" in hint
    assert "Content-Security-Policy" in hint
    assert not any("allowlist" in text for text in heard(blank))


def test_a_component_that_is_ready_late_takes_the_note_away(blank: Visitor) -> None:
    blank.page.clock.fast_forward(20_000)
    blank.alert.wait_for()
    blank.page.evaluate("document.querySelector('openai-chatkit').dispatchEvent(new CustomEvent('chatkit.ready'))")
    blank.alert.wait_for(state="hidden")


def test_trying_again_makes_a_new_component(blank: Visitor) -> None:
    blank.page.clock.fast_forward(20_000)
    blank.page.evaluate("window.first = document.querySelector('openai-chatkit'); mounted = false")
    blank.page.get_by_role("button", name="Try again").click()
    blank.page.wait_for_function("mounted")
    assert blank.page.evaluate("first.isConnected") is False


def test_nobody_else_reads_the_hints(logged_in: Visitor) -> None:
    refuse(logged_in, 503, "misconfigured")
    logged_in.open(CHAT)
    logged_in.page.get_by_text("check_chatkit").wait_for()
    logged_in.page.evaluate("""() => {
      const chat = document.querySelector("django-chatkit");
      const config = JSON.parse(chat.getAttribute("config"));
      for (const name of Object.keys(config.texts)) if (name.endsWith("_debug")) delete config.texts[name];
      chat.setAttribute("config", JSON.stringify(config));
      document.body.append(chat);
    }""")
    logged_in.alert.wait_for()
    assert logged_in.page.get_by_text("DEBUG").count() == 0


# --- logged out ---


def test_a_visitor_who_is_not_logged_in_finds_the_way_there_and_back(visitor: Visitor) -> None:
    visitor.open(CHAT, colour="green")
    assert visitor.alert.inner_text() == "Please log in to use the chat."
    before = visitor.page.url
    visitor.page.locator("django-chatkit").get_by_role("link", name="Log in").click()
    visitor.page.fill("[name=username]", "demo")
    visitor.page.fill("[name=password]", "demo")
    visitor.page.press("[name=password]", "Enter")
    visitor.page.wait_for_url(before)
    visitor.wait_for_chats()


def test_who_was_logged_out_meanwhile_is_told_so(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open(CHAT)
    visitor.wait_for_chats()
    visitor.log_out(visitor.new_page())
    fail_refresh(visitor)
    assert visitor.alert.inner_text() == "You have been logged out. Please log in again to go on."
    assert visitor.page.locator("django-chatkit").get_by_role("link", name="Log in").is_visible()
    assert visitor.page.locator("openai-chatkit").is_visible()


# --- offline ---


def test_offline_and_back_in_the_middle_of_a_chat(listening: Visitor) -> None:
    listening.page.clock.install()
    listening.open(CHAT)
    listening.wait_for_chats()
    listening.page.evaluate("window.kept = document.querySelector('openai-chatkit')")
    listening.context.set_offline(True)
    listening.page.get_by_text("You are offline").wait_for()
    listening.context.set_offline(False)
    listening.page.get_by_text("You are online again.").wait_for()
    listening.page.clock.fast_forward(4_000)
    listening.page.get_by_text("You are online again.").wait_for(state="hidden")
    assert listening.page.evaluate("kept.isConnected")
    assert heard(listening)[-2:] == [
        "status: You are offline. The chat goes on as soon as you are online again.",
        "status: You are online again.",
    ]


def test_what_failed_offline_is_tried_again_by_itself(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.context.set_offline(True)
    logged_in.page.evaluate(
        "{ const chat = document.querySelector('django-chatkit'); chat.replaceWith(chat.cloneNode()); }"
    )
    assert "You are offline" in logged_in.alert.inner_text()
    logged_in.context.set_offline(False)
    logged_in.wait_for_chats()
    assert logged_in.alert.count() == 0


def test_what_failed_for_another_reason_waits_for_a_click(logged_in: Visitor) -> None:
    refuse(logged_in, 403, "permission_denied")
    logged_in.open(CHAT)
    logged_in.alert.wait_for()
    logged_in.context.set_offline(True)
    logged_in.context.set_offline(False)
    logged_in.page.wait_for_timeout(200)
    assert "no access" in logged_in.alert.inner_text()
    assert len(logged_in.posts) == 1


# --- throttled ---


def test_who_is_throttled_sees_the_time_pass_and_hears_of_it_twice(listening: Visitor) -> None:
    refuse(listening, 429, "throttled", **{"Retry-After": "42"})
    listening.page.clock.install()
    listening.open(CHAT)
    listening.alert.wait_for()
    shown = listening.page.locator("django-chatkit p[aria-hidden]")
    assert "in 42 seconds" in shown.inner_text()
    listening.page.clock.run_for(2_000)
    assert "in 40 seconds" in shown.inner_text()
    listening.page.clock.run_for(39_000)
    assert "in 1 second." in shown.inner_text()
    listening.page.clock.run_for(1_000)
    listening.page.get_by_text("You can try again now.").wait_for()
    assert shown.count() == 0
    assert heard(listening) == [
        "status: Loading the chat…",
        "alert: You have opened many chats. Please try again in 42 seconds.",
        "status: You can try again now.",
    ]
    listening.context.unroute(SESSIONS)
    listening.page.get_by_role("button", name="Try again").click()
    listening.wait_for_chats()


def test_a_click_before_the_time_is_a_try_and_stops_the_clock(listening: Visitor) -> None:
    refuse(listening, 503, "upstream_rate_limited", **{"Retry-After": "30"})
    listening.page.clock.install()
    listening.open(CHAT)
    listening.alert.wait_for()
    listening.context.unroute(SESSIONS)
    listening.page.get_by_role("button", name="Try again").click()
    listening.wait_for_chats()
    listening.page.clock.run_for(40_000)
    assert "status: You can try again now." not in heard(listening)
