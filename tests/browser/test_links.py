"""Links and the page's own code open a chat with a prompt or a thread; neither speaks in the visitor's name."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from .own import OwnChat
from .server import OPENAI_SCRIPT
from .visitor import Visitor, address

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "sales" %}'
FLOATING = '{% chatkit "sales" layout="floating" %}'
PROMPT = 'Where is "my" order & <b>why</b>? 🫖'


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def fragment(**wish: str) -> str:
    return "#chatkit?" + urlencode(wish)


def link(**wish: str) -> str:
    return f'<a href="{fragment(**wish)}">Ask</a>'


def wait_for_text(visitor: Visitor, text: str = PROMPT, chat: int = 0) -> None:
    visitor.page.wait_for_function(
        "([text, chat]) => document.querySelectorAll('openai-chatkit')[chat]"
        "?.shadowRoot.querySelector('textarea')?.value === text",
        arg=[text, chat],
    )


@pytest.mark.parametrize("source", [CHAT, FLOATING], ids=["inline", "floating"])
def test_a_link_from_another_page_fills_the_composer(source: str, logged_in: Visitor) -> None:
    logged_in.page.goto(address(source) + fragment(prompt=PROMPT))
    wait_for_text(logged_in)
    logged_in.page.wait_for_function("document.activeElement.localName === 'openai-chatkit'")
    assert "#" not in logged_in.page.url
    # It was not sent: that is the visitor's to do.
    assert logged_in.page.get_by_role("log").get_by_text("order").count() == 0
    logged_in.page.reload()
    logged_in.wait_for_chats()
    assert logged_in.page.get_by_role("textbox").input_value() == ""


def test_a_link_on_the_page_works_twice(logged_in: Visitor) -> None:
    logged_in.open(link(prompt=PROMPT) + FLOATING)
    for _ in range(2):
        logged_in.page.get_by_role("link", name="Ask").click()
        wait_for_text(logged_in)
        logged_in.page.get_by_role("textbox").fill("")
        logged_in.page.get_by_role("button", name="Close the chat").click()
    assert len(logged_in.posts) == 1


def test_a_link_without_a_wish_opens_the_chat(logged_in: Visitor) -> None:
    logged_in.open('<a href="#chatkit">Ask</a>' + FLOATING)
    logged_in.page.get_by_role("link", name="Ask").click()
    logged_in.wait_for_chats()
    assert logged_in.page.get_by_role("dialog").is_visible()


def test_a_link_to_a_chat_further_down_brings_it_into_view(logged_in: Visitor) -> None:
    logged_in.open(link(prompt=PROMPT) + "<p>Long</p>" * 100 + CHAT)
    logged_in.wait_for_chats()
    logged_in.page.get_by_role("link", name="Ask").click()
    wait_for_text(logged_in)
    logged_in.page.wait_for_function(
        "document.querySelector('django-chatkit').getBoundingClientRect().bottom <= innerHeight + 1"
    )


def test_a_link_may_name_the_workflow(logged_in: Visitor) -> None:
    logged_in.open(link(prompt=PROMPT, workflow="sales") + '{% chatkit "uploads" %}' + CHAT)
    logged_in.wait_for_chats(2)
    logged_in.page.get_by_role("link", name="Ask").click()
    wait_for_text(logged_in, chat=1)
    assert logged_in.page.get_by_role("textbox").first.input_value() == ""


def test_a_link_for_another_workflow_is_left_alone(logged_in: Visitor) -> None:
    logged_in.page.goto(address(CHAT) + fragment(prompt=PROMPT, workflow="uploads"))
    logged_in.wait_for_chats()
    assert logged_in.page.url.endswith("workflow=uploads")
    assert logged_in.page.get_by_role("textbox").input_value() == ""


def test_a_link_for_a_workflow_opens_the_chat_that_names_none(logged_in: Visitor) -> None:
    logged_in.page.goto(address("{% chatkit %}") + fragment(prompt=PROMPT, workflow="support"))
    wait_for_text(logged_in)


def test_other_fragments_are_not_ours(logged_in: Visitor) -> None:
    logged_in.page.goto(address(CHAT) + "#chatkits?prompt=x")
    logged_in.wait_for_chats()
    assert logged_in.page.url.endswith("#chatkits?prompt=x")


def test_a_link_opens_a_thread(logged_in: Visitor) -> None:
    chat = OwnChat.open(logged_in, '{% chatkit "own" %}')
    chat.page.evaluate(
        "addEventListener('chatkit.thread.change', ({ detail }) => { window.thread = detail.threadId; })"
    )
    chat.ask("Where were we")
    thread = chat.page.evaluate("thread")
    chat.page.get_by_role("button", name="New chat").click()
    chat.answers.first.wait_for(state="detached")
    chat.page.evaluate("hash => { location.hash = hash; }", fragment(thread=thread, prompt="And now"))
    chat.answers.get_by_text("Where were we").wait_for()
    wait_for_text(logged_in, "And now")
    # From another page, before there is a chat.
    chat.page.goto("/")
    chat.page.goto(address('{% chatkit "own" layout="floating" %}') + fragment(thread=thread))
    chat.answers.get_by_text("Where were we").wait_for()


def test_a_link_to_a_thread_that_is_gone_shows_a_new_one(logged_in: Visitor) -> None:
    logged_in.page.set_default_timeout(30_000)
    logged_in.page.goto(address('{% chatkit "own" %}') + fragment(thread="thr_gone"))
    logged_in.page.get_by_role("heading", name="What can I help with today?").wait_for()
    assert logged_in.page.get_by_text("cannot be opened").count() == 0


@pytest.mark.parametrize("source", [CHAT, FLOATING], ids=["inline", "floating"])
def test_the_pages_own_code_opens_it_with_a_prompt(source: str, logged_in: Visitor) -> None:
    # Before there is a chat, and with one.
    logged_in.open(source)
    for text in ("First", "Second"):
        logged_in.page.evaluate("prompt => document.querySelector('django-chatkit').open({ prompt })", text)
        wait_for_text(logged_in, text)
