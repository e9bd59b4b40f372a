"""What ``<django-chatkit>`` says when something cannot be had, and how "try again" brings it back."""

from __future__ import annotations

from typing import Any

import pytest

from .server import OPENAI_SCRIPT
from .visitor import SESSIONS, Visitor, serve_standin

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "support" %}'
#: Without prompts to start with, whose buttons would be in the way of ours.
PLAIN = '{% chatkit "sales" %}'


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def open_with_a_clock(visitor: Visitor) -> None:
    """Open a chat that has its session and lacks its script, on a page whose time the test moves."""
    visitor.page.clock.install()
    with visitor.page.expect_response(SESSIONS):
        visitor.open(CHAT)
    visitor.page.get_by_role("status").wait_for()


def try_again(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Try again").first.click()


@pytest.mark.parametrize(
    ("status", "code", "headers", "text"),
    [
        (401, "not_authenticated", {}, "Please log in"),
        (403, "not_authenticated", {}, "Please log in"),
        (403, "authentication_failed", {}, "Please log in again"),
        (403, "permission_denied", {}, "no access"),
        (403, "csrf_failed", {}, "out of date"),
        (400, "parse_error", {}, "reload the page"),
        (400, "", {}, "reload the page"),
        (413, "body_too_large", {}, "more than the chat can take"),
        (413, "", {}, "more than the chat can take"),
        (404, "workflow_not_found", {}, "not available at the moment"),
        (429, "throttled", {"Retry-After": "42"}, "many chats. Please try again in 42 seconds"),
        (429, "throttled", {"Retry-After": "1"}, "in 1 second."),
        (429, "throttled", {"Retry-After": "600"}, "in 10 minutes"),
        (429, "throttled", {}, "in 60 seconds"),
        (503, "upstream_rate_limited", {"Retry-After": "7"}, "Too many people are chatting right now"),
        (503, "upstream_rate_limited", {}, "in 60 seconds"),
        (503, "misconfigured", {}, "not set up correctly"),
        (502, "upstream_error", {}, "has a problem"),
        (504, "upstream_timeout", {}, "too long to answer"),
        (503, "not_saved", {}, "could not be started"),
        (500, "", {}, "not available right now"),
        (200, "", {}, "not available right now"),
    ],
)
def test_every_refusal_is_said_in_words(
    status: int, code: str, headers: dict[str, str], text: str, logged_in: Visitor
) -> None:
    logged_in.answer(status, code, **headers)
    logged_in.open(PLAIN)
    said = logged_in.alert.inner_text()
    assert text in said
    assert "internal" not in said
    assert logged_in.page.locator("openai-chatkit").count() == 0
    logged_in.context.unroute(SESSIONS)
    try_again(logged_in)
    logged_in.wait_for_chats()
    assert logged_in.alert.count() == 0


@pytest.mark.parametrize(("status", "text"), [(200, "not available"), (401, "Please log in")])
def test_an_answer_that_is_not_json_is_a_failure(status: int, text: str, logged_in: Visitor) -> None:
    page = "<h1>The proxy's own page</h1>"
    logged_in.context.route(SESSIONS, lambda route: route.fulfill(status=status, body=page))
    logged_in.open(CHAT)
    assert text in logged_in.alert.inner_text()


def test_a_broken_connection_is_said_and_recovered_from(logged_in: Visitor) -> None:
    logged_in.context.route(SESSIONS, lambda route: route.abort())
    logged_in.open(CHAT)
    assert "check your connection" in logged_in.alert.inner_text()
    logged_in.context.unroute(SESSIONS)
    try_again(logged_in)
    logged_in.wait_for_chats()


def test_a_server_that_never_answers_is_given_up(logged_in: Visitor) -> None:
    logged_in.hold(SESSIONS)
    logged_in.page.clock.install()
    logged_in.open(CHAT)
    logged_in.page.wait_for_function("!!customElements.get('openai-chatkit')")
    logged_in.page.clock.fast_forward(20_000)
    assert "check your connection" in logged_in.alert.inner_text()


def test_a_visitor_who_is_not_logged_in_is_asked_to(visitor: Visitor) -> None:
    visitor.open(CHAT)
    assert "Please log in" in visitor.alert.inner_text()
    visitor.log_in(page=visitor.new_page())
    try_again(visitor)
    visitor.wait_for_chats()


def test_a_workflow_for_everybody_needs_no_login(visitor: Visitor) -> None:
    visitor.open('{% chatkit "open" %}')
    visitor.wait_for_chats()


def test_a_blocked_script_is_loaded_again(logged_in: Visitor) -> None:
    logged_in.context.route(f"{OPENAI_SCRIPT}*", lambda route: route.abort())
    logged_in.open(CHAT)
    for _ in range(2):
        assert "could not be loaded" in logged_in.alert.inner_text()
        with logged_in.page.expect_request(f"{OPENAI_SCRIPT}*"):
            try_again(logged_in)
    assert "could not be loaded" in logged_in.alert.inner_text()
    logged_in.context.route(f"{OPENAI_SCRIPT}*", serve_standin)
    try_again(logged_in)
    logged_in.wait_for_chats()
    assert logged_in.page.locator(f"script[src^='{OPENAI_SCRIPT}']").count() == 1


def test_a_chat_that_is_swapped_in_later_tries_again_by_itself(logged_in: Visitor) -> None:
    logged_in.context.route(f"{OPENAI_SCRIPT}*", lambda route: route.abort())
    logged_in.open(CHAT)
    logged_in.alert.wait_for()
    logged_in.context.route(f"{OPENAI_SCRIPT}*", serve_standin)
    logged_in.page.evaluate(
        "{ const chat = document.querySelector('django-chatkit'); chat.replaceWith(chat.cloneNode()); }"
    )
    logged_in.wait_for_chats()


def test_a_script_that_never_comes_is_said_and_loaded_again(logged_in: Visitor) -> None:
    held = logged_in.hold(OPENAI_SCRIPT)
    open_with_a_clock(logged_in)
    logged_in.page.clock.fast_forward(19_000)
    assert logged_in.alert.count() == 0
    logged_in.page.clock.fast_forward(1_000)
    assert "could not be loaded" in logged_in.alert.inner_text()
    logged_in.context.route(f"{OPENAI_SCRIPT}?attempt=2", serve_standin)
    try_again(logged_in)
    logged_in.wait_for_chats()
    assert len(held) == 1


def test_a_script_that_comes_late_needs_no_click(logged_in: Visitor) -> None:
    held = logged_in.hold(OPENAI_SCRIPT)
    open_with_a_clock(logged_in)
    logged_in.page.clock.fast_forward(20_000)
    logged_in.alert.wait_for()
    held[0].fallback()
    logged_in.wait_for_chats()
    assert logged_in.alert.count() == 0


def test_a_script_that_defines_nothing_is_noticed(logged_in: Visitor) -> None:
    logged_in.context.route(OPENAI_SCRIPT, lambda route: route.fulfill(body="", content_type="text/javascript"))
    open_with_a_clock(logged_in)
    logged_in.page.clock.fast_forward(20_000)
    assert "could not be loaded" in logged_in.alert.inner_text()


def test_options_that_the_component_refuses_are_a_failure(logged_in: Visitor) -> None:
    logged_in.context.add_init_script(
        "addEventListener('django-chatkit.options', (event) => { event.detail.nonsense = true; });"
    )
    logged_in.open(CHAT)
    assert "not available" in logged_in.alert.inner_text()
    assert logged_in.page.locator("openai-chatkit").count() == 0


def test_one_click_is_for_every_chat_of_the_page(logged_in: Visitor) -> None:
    block = f"{OPENAI_SCRIPT}*"
    logged_in.context.route(block, lambda route: route.abort())
    logged_in.open('{% chatkit "support" %}{% chatkit "sales" %}')
    logged_in.alert.nth(1).wait_for()
    logged_in.context.route(block, serve_standin)
    try_again(logged_in)
    logged_in.wait_for_chats(2)
    assert logged_in.alert.count() == 0


def test_a_chat_that_works_again_is_left_alone_by_the_click_of_another(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.answer(502, "upstream_error")
    logged_in.page.evaluate("apis[0].getClientSecret('old').catch(() => null)")
    logged_in.context.unroute(SESSIONS)
    logged_in.ask("old")
    logged_in.page.evaluate("""() => {
      window.kept = document.querySelector("openai-chatkit");
      const other = document.querySelector("django-chatkit").cloneNode();
      other.setAttribute("config", other.getAttribute("config").replace("support", "missing"));
      document.body.append(other);
    }""")
    logged_in.alert.wait_for()
    with logged_in.page.expect_response(SESSIONS):
        try_again(logged_in)
    logged_in.alert.wait_for()
    assert [post.body["workflow"] for post in logged_in.posts[-2:]] == ["missing", "missing"]
    assert logged_in.page.evaluate("kept.isConnected")


def test_a_failed_refresh_throws_and_leaves_the_conversation_readable(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.answer(502, "upstream_error")
    failed = logged_in.page.evaluate("apis[0].getClientSecret('old').then(() => null, (error) => error.name)")
    assert failed == "Error"
    assert "has a problem" in logged_in.alert.inner_text()
    assert logged_in.page.get_by_role("textbox").is_visible()
    # The component asks again by itself: then there is nothing left to say.
    logged_in.context.unroute(SESSIONS)
    assert logged_in.ask("old")
    assert logged_in.alert.count() == 0


def test_after_a_failed_refresh_the_click_brings_a_new_chat(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.answer(502, "upstream_error")
    logged_in.page.evaluate("apis[0].getClientSecret('old').catch(() => null)")
    logged_in.context.unroute(SESSIONS)
    try_again(logged_in)
    logged_in.page.wait_for_function("apis.length === 2")
    logged_in.wait_for_chats()
    assert logged_in.alert.count() == 0


def test_the_keyboard_keeps_its_place(logged_in: Visitor) -> None:
    logged_in.context.route(SESSIONS, lambda route: route.abort())
    logged_in.open(CHAT)
    logged_in.alert.wait_for()
    logged_in.page.keyboard.press("Tab")
    logged_in.page.keyboard.press("Enter")
    logged_in.page.wait_for_function("document.activeElement.localName === 'django-chatkit'")
