"""The visitor's last thread of a tab is opened again: for the same user, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from .own import OwnChat
from .visitor import Visitor

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "own" %}'
THREADS = "Object.keys(sessionStorage).filter((key) => key.includes('.thread:'))"
#: What the component was told to begin with.
WATCH = """
  window.begun = [];
  addEventListener("django-chatkit.options", (event) => begun.push(event.detail.initialThread ?? null));
"""


@pytest.fixture
def talking(logged_in: Visitor) -> OwnChat:
    """``demo`` has said something."""
    logged_in.context.add_init_script(WATCH)
    chat = OwnChat.open(logged_in, CHAT)
    chat.ask("Remember the number seven")
    return chat


def begun(chat: OwnChat) -> Any:
    return chat.page.evaluate("begun[0]")


def test_a_reload_brings_it_back(talking: OwnChat) -> None:
    assert begun(talking) is None
    talking.reload()
    talking.answers.get_by_text("Remember the number seven").wait_for()
    talking.ask("And eight")
    assert talking.answers.count() == 2


def test_so_does_the_next_page(talking: OwnChat) -> None:
    talking.page.goto("/")
    again = OwnChat.open(talking.visitor, "<h1>Another page</h1>" + CHAT)
    again.answers.get_by_text("Remember the number seven").wait_for()


def test_a_new_chat_stays_new(talking: OwnChat) -> None:
    talking.page.get_by_role("button", name="New chat").click()
    talking.answers.first.wait_for(state="detached")
    talking.reload()
    assert begun(talking) is None


def test_another_tab_begins_anew(talking: OwnChat) -> None:
    tab = talking.visitor.new_page()
    tab.goto(talking.page.url)
    tab.wait_for_function("window.begun?.length === 1")
    assert tab.evaluate("begun") == [None]


@pytest.mark.parametrize("source", ['{% chatkit "own" resume=False %}', '{% chatkit "own" initial_thread="thr_x" %}'])
def test_the_page_may_decide_otherwise(source: str, talking: OwnChat) -> None:
    again = OwnChat.open(talking.visitor, source)
    assert begun(again) == ("thr_x" if "thr_x" in source else None)


def test_the_pages_own_code_may_decide_otherwise(talking: OwnChat) -> None:
    talking.visitor.context.add_init_script(
        "addEventListener('django-chatkit.options', (event) => { event.detail.initialThread = null; }, true)"
    )
    talking.reload()
    assert begun(talking) is None


def test_it_is_remembered_for_each_workflow_and_element(talking: OwnChat) -> None:
    source = CHAT + '{% chatkit "forgetful" %}'
    talking.visitor.open(source)
    talking.page.wait_for_function("begun.length === 2")
    assert sorted(map(bool, talking.page.evaluate("begun"))) == [False, True]
    talking.page.evaluate("""() => {
      const chat = document.querySelector("django-chatkit");
      const other = Object.assign(chat.cloneNode(), { id: "other" });
      begun.length = 0;
      chat.replaceWith(other);
    }""")
    talking.page.wait_for_function("begun.length === 1")
    assert begun(talking) is None


def test_a_history_that_is_not_kept_is_not_resumed(logged_in: Visitor) -> None:
    logged_in.context.add_init_script(WATCH)
    chat = OwnChat.open(logged_in, '{% chatkit "forgetful" %}')
    chat.ask("Forget me")
    assert chat.page.evaluate(THREADS) == []
    chat.reload()
    assert begun(chat) is None


def test_somebody_else_in_the_same_tab_sees_nothing_of_it(visitor: Visitor) -> None:
    visitor.context.add_init_script(WATCH)
    visitor.log_in()
    chat = OwnChat.open(visitor, CHAT)
    chat.ask("My secret plan")
    visitor.log_out()
    visitor.log_in("mika")
    chat = OwnChat.open(visitor, CHAT)
    chat.ask("Hello")
    assert begun(chat) is None
    assert "secret plan" not in chat.log.inner_text()
    visitor.log_out()
    visitor.log_in()
    chat = OwnChat.open(visitor, CHAT)
    chat.answers.get_by_text("My secret plan").wait_for()
    assert "Hello" not in chat.log.inner_text()


def test_who_becomes_somebody_else_in_another_tab_sees_nothing_of_it_either(visitor: Visitor) -> None:
    visitor.log_in()
    chat = OwnChat.open(visitor, CHAT)
    chat.ask("My secret plan")
    tab = visitor.new_page()
    visitor.log_out(tab)
    visitor.log_in("mika", tab)
    chat.say("Who am I")
    chat.page.wait_for_function("apis.length === 2")
    chat.page.locator("openai-chatkit[data-ready=self_hosted]").wait_for()
    assert chat.answers.count() == 0
    chat.ask("Hello")


def test_the_key_tells_nothing_of_the_user(talking: OwnChat) -> None:
    (key,) = talking.page.evaluate(THREADS)
    assert "demo" not in key
    assert "own" in key


def test_a_thread_that_is_gone_is_forgotten(talking: OwnChat) -> None:
    talking.page.evaluate(f"sessionStorage.setItem({THREADS}[0], 'thr_gone')")
    talking.reload()
    assert begun(talking) == "thr_gone"
    talking.page.wait_for_function(f"{THREADS}.length === 0")
    talking.page.get_by_role("heading", name="What can I help with today?").wait_for()
    assert talking.page.get_by_text("cannot be opened").count() == 0
    talking.ask("A new beginning")
    talking.reload()
    talking.answers.get_by_text("A new beginning").wait_for()


def test_a_tab_that_remembers_nothing_has_a_chat(logged_in: Visitor) -> None:
    logged_in.context.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('', 'SecurityError'); } })"
    )
    chat = OwnChat.open(logged_in, CHAT)
    chat.ask("Remember nothing")
    chat.reload()
    assert chat.answers.count() == 0
