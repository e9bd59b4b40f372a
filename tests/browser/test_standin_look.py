"""The stand-in for OpenAI's component shows its look, changes it, and opens threads as the real one does."""

from __future__ import annotations

from typing import Any

import pytest

from .visitor import Visitor

pytestmark = pytest.mark.browser

SHOW = """async ([options, secret]) => {
  const first = !chat.isConnected;
  const ready = new Promise((resolve) => chat.addEventListener("chatkit.ready", resolve));
  chat.setOptions({ ...options, api: { getClientSecret: async () => secret } });
  if (!first) return;
  for (const name of ["thread.change", "thread.load.start", "thread.load.end"]) {
    chat.addEventListener(`chatkit.${name}`, ({ type, detail }) => seen.push([type, detail.threadId]));
  }
  chat.style.height = "600px";
  document.body.append(chat);
  await ready;
}"""
MINE, THEIRS = "ek_1111111111111111_mine", "ek_2222222222222222_theirs"


def show(standin: Visitor, secret: str = MINE, **options: Any) -> None:
    """Set the options, and the first time put the component on the page."""
    standin.page.evaluate(SHOW, [options, secret])


def fresh(standin: Visitor) -> None:
    """Another component on the same page."""
    standin.page.evaluate("""() => {
      chat.remove();
      seen.length = 0;
      window.chat = document.createElement("openai-chatkit");
      chat.addEventListener("chatkit.error", (event) => seen.push(event.detail.error.message));
    }""")


def test_it_shows_the_look(standin: Visitor) -> None:
    prompts = [{"label": "Parcel", "prompt": "Where is it?", "icon": "lucide:truck"}, {"label": "Tea", "prompt": "Tea"}]
    show(
        standin,
        theme={"density": "compact", "radius": "sharp", "color": {"accent": {"primary": "#ffe08a", "level": 2}}},
        startScreen={"greeting": "Good day", "prompts": prompts},
        composer={"placeholder": "Ask away"},
        disclaimer={"text": "It may be **wrong**."},
        header={"title": {"text": "Help desk"}},
        frameTitle="Help desk chat",
    )
    page = standin.page
    frame = page.get_by_role("region", name="Help desk chat", exact=True)
    assert frame.get_by_role("heading", name="Good day").is_visible()
    assert frame.get_by_text("Help desk", exact=True).is_visible()
    assert frame.get_by_placeholder("Ask away").is_visible()
    assert frame.locator("footer strong").inner_text() == "wrong"
    assert frame.locator(".prompts [data-icon]").get_attribute("data-icon") == "lucide:truck"
    assert page.locator("openai-chatkit[data-density=compact][data-radius=sharp]").count() == 1
    send = frame.get_by_role("button", name="Send")
    colours = send.evaluate("(button) => [getComputedStyle(button).backgroundColor, getComputedStyle(button).color]")
    assert colours == ["rgb(255, 224, 138)", "rgb(17, 17, 17)"], "dark on a light accent"


def test_a_second_set_of_options_changes_the_look_and_keeps_the_conversation(standin: Visitor) -> None:
    show(standin, theme="light", startScreen={"greeting": "Good day"})
    show(standin, theme="dark", startScreen={"greeting": "Good evening"})
    assert standin.page.get_by_role("heading", name="Good evening").is_visible()
    assert standin.page.locator("openai-chatkit").get_attribute("data-color-scheme") == "dark"
    standin.page.evaluate("chat.sendUserMessage({ text: 'Hi' })")
    standin.page.get_by_text("answered over HTTP").wait_for()
    show(standin, theme="light")
    assert standin.page.locator(".user").count() == 1
    assert standin.page.get_by_role("heading").count() == 0


def test_a_prompt_sends_a_message(standin: Visitor) -> None:
    show(standin, startScreen={"prompts": [{"label": "Parcel", "prompt": "Where is it?", "icon": "map-pin"}]})
    standin.wait_for_chats()
    standin.page.get_by_role("button", name="Parcel").click()
    assert standin.page.locator(".user").inner_text() == "Where is it?"


def test_the_composer_can_be_filled_and_focused(standin: Visitor) -> None:
    show(standin)
    standin.page.evaluate("chat.setComposerValue({ text: 'A draft' }).then(() => chat.focusComposer())")
    assert standin.page.get_by_role("textbox").input_value() == "A draft"
    standin.page.keyboard.type("!")
    assert "!" in standin.page.get_by_role("textbox").input_value()


def test_a_thread_is_opened_again_and_by_its_owner_only(standin: Visitor) -> None:
    show(standin)
    standin.wait_for_chats()
    standin.page.evaluate("chat.sendUserMessage({ text: 'Hi' })")
    assert standin.page.evaluate("seen") == [["chatkit.thread.change", "cthr_standin"]]
    fresh(standin)
    show(standin, initialThread="cthr_standin")
    standin.page.locator(".user").wait_for()
    names = ["thread.load.start", "thread.change", "thread.load.end"]
    standin.page.wait_for_function("seen.length === 3")
    assert standin.page.evaluate("seen") == [[f"chatkit.{name}", "cthr_standin"] for name in names]
    fresh(standin)
    show(standin, secret=THEIRS, initialThread="cthr_standin")
    standin.page.get_by_text("This conversation cannot be opened.").wait_for()
    standin.page.wait_for_function("seen.length === 3")
    assert "No such thread." in standin.page.evaluate("seen")


def test_a_thread_can_be_chosen_and_left(standin: Visitor) -> None:
    show(standin)
    standin.wait_for_chats()
    standin.page.evaluate("chat.sendUserMessage({ text: 'Hi' })")
    standin.page.evaluate("chat.setThreadId(null)")
    assert standin.page.locator(".user").count() == 0
    standin.page.evaluate("chat.setThreadId('cthr_standin')")
    assert standin.page.locator(".user").inner_text() == "Hi"
    standin.page.evaluate("chat.setThreadId('cthr_other')")
    assert standin.page.evaluate("seen.includes('No such thread.')")
