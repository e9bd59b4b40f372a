"""The example project in Chromium: from the login to the chat, and back after whatever goes wrong."""

from __future__ import annotations

import pytest

from .server import Server
from .visitor import Visitor

pytestmark = pytest.mark.browser

LOCAL_SCRIPT = "**/openai_standin/chatkit.js*"


def open_chat(visitor: Visitor, name: str = "demo") -> str:
    """Log in, open the page; the fingerprint of the secret."""
    visitor.log_in(name)
    visitor.page.goto("/chat/")
    return visitor.wait_for_chats()[0]


def test_the_component_gets_a_secret_from_a_real_post(visitor: Visitor, server: Server) -> None:
    before = server.upstream_calls()
    shown = open_chat(visitor)
    (post,) = visitor.posts
    assert (post.status, post.body) == (201, {"workflow": "support"})
    assert post.fingerprint == shown
    assert server.upstream_calls() == before + 1


def test_a_typed_message_is_answered(visitor: Visitor) -> None:
    open_chat(visitor)
    visitor.page.get_by_role("textbox").fill("Which tea after lunch?")
    visitor.page.get_by_role("button", name="Send").click()
    visitor.page.get_by_text("recorded and answered over HTTP.").wait_for()


def test_a_reload_gets_the_same_secret_without_an_upstream_call(visitor: Visitor, server: Server) -> None:
    shown = open_chat(visitor)
    before = server.upstream_calls()
    visitor.page.reload()
    assert visitor.wait_for_chats() == [shown]
    assert [post.status for post in visitor.posts] == [201, 200]
    assert server.upstream_calls() == before


def test_an_expiring_secret_is_replaced(visitor: Visitor) -> None:
    visitor.page.clock.install()
    shown = open_chat(visitor)
    visitor.page.clock.fast_forward("09:31")
    visitor.page.locator("openai-chatkit[data-secrets='2']").wait_for()
    first, second = visitor.posts
    assert (second.status, second.body) == (201, {"workflow": "support", "refresh": True})
    assert second.answer["client_secret"] != first.answer["client_secret"]
    assert visitor.wait_for_chats() == [second.fingerprint] != [shown]


def test_get_client_secret_never_returns_the_old_one(visitor: Visitor) -> None:
    open_chat(visitor)
    old = visitor.posts[0].answer["client_secret"]
    new = visitor.ask(old)
    assert new != old
    assert visitor.ask(new) not in {old, new}


def test_another_user_gets_another_secret(visitor: Visitor) -> None:
    first = open_chat(visitor, "demo")
    visitor.log_out()
    second = open_chat(visitor, "mika")
    visitor.log_out()
    third = open_chat(visitor, "demo")
    assert len({first, second, third}) == 3


def test_a_blocked_script_is_said_and_recovered_from(visitor: Visitor) -> None:
    visitor.context.route(LOCAL_SCRIPT, lambda route: route.abort())
    visitor.log_in()
    visitor.page.goto("/chat/")
    assert "could not be loaded" in visitor.alert.inner_text()
    visitor.context.unroute(LOCAL_SCRIPT)
    visitor.page.get_by_role("button", name="Try again").click()
    visitor.wait_for_chats()
    assert visitor.alert.count() == 0


def test_a_failing_upstream_is_said_and_recovered_from(visitor: Visitor, server: Server) -> None:
    change = "UPDATE django_chatkit_workflow SET workflow_id = ? WHERE slug = 'support'"
    server.execute(change, "wf_unknown_to_openai")
    visitor.log_in()
    visitor.page.goto("/chat/")
    assert "not set up correctly" in visitor.alert.inner_text()
    assert visitor.posts[0].status == 503
    server.execute(change, "wf_demo_support")
    visitor.page.get_by_role("button", name="Try again").click()
    visitor.wait_for_chats()
    assert visitor.alert.count() == 0


def test_the_help_page_offers_a_chat_to_those_who_log_in(visitor: Visitor) -> None:
    visitor.page.goto("/")
    visitor.page.get_by_role("button", name="Open the chat").click()
    visitor.page.get_by_role("dialog").get_by_role("link", name="Log in").click()
    visitor.page.wait_for_url("/accounts/login/?next=*")
    visitor.page.fill("[name=username]", "demo")
    visitor.page.fill("[name=password]", "demo")
    visitor.page.press("[name=password]", "Enter")
    visitor.page.wait_for_url("/")
    visitor.wait_for_chats()
    assert visitor.page.get_by_role("dialog").get_by_role("textbox").is_visible(), "it was open, and is again"


def test_the_visitor_chooses_the_chats_language(visitor: Visitor) -> None:
    visitor.page.goto("/")
    visitor.page.get_by_role("combobox").select_option("ar")
    visitor.page.get_by_role("button", name="Change").click()
    visitor.page.locator("django-chatkit[lang=ar][dir=rtl] button[aria-expanded=false]").click()
    visitor.page.get_by_role("dialog").get_by_role("link").wait_for()
    assert visitor.page.get_by_role("dialog").get_by_role("link").inner_text() != "Log in"
