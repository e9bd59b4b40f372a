"""The stand-in for OpenAI's component refuses what the real one refuses, so that the other tests mean something."""

from __future__ import annotations

import pytest

from .visitor import Visitor, serve_standin

pytestmark = pytest.mark.browser

HOSTED = "getClientSecret: async () => 'ek_1'"


@pytest.fixture
def standin(visitor: Visitor) -> Visitor:
    """A page with the component alone, as ``window.chat``, and its errors in ``seen``."""
    visitor.context.route("**/standin.js", serve_standin)
    visitor.open('<script src="/standin.js"></script>')
    visitor.page.evaluate("""() => {
      window.chat = document.createElement("openai-chatkit");
      chat.addEventListener("chatkit.error", (event) => seen.push(event.detail.error.message));
    }""")
    return visitor


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("undefined", "api"),
        ("{}", "api"),
        ("{api: {}}", "api"),
        ("{api: {getClientSecret: 'ek_1'}}", "api"),
        (f"{{api: {{{HOSTED}, domainKey: 'local-dev'}}}}", "domainKey"),
        (f"{{api: {{{HOSTED}, url: '/chat/'}}}}", "api"),
        ("{api: {url: '/chat/'}}", "domainKey"),
        (f"{{api: {{{HOSTED}}}, height: '600px'}}", "height"),
        (f"{{api: {{{HOSTED}}}, theme: 'auto'}}", "theme"),
    ],
)
def test_wrong_options_throw(options: str, complaint: str, standin: Visitor) -> None:
    script = f"(() => {{ try {{ chat.setOptions({options}) }} catch (error) {{ return error.message }} }})()"
    assert complaint in standin.page.evaluate(script)
    assert complaint in standin.page.evaluate("seen[0]")


def test_options_are_replaced(standin: Visitor) -> None:
    standin.page.evaluate(
        f"chat.setOptions({{api: {{{HOSTED}}}, composer: {{placeholder: 'Ask', attachments: {{enabled: true}}}}}})"
    )
    standin.page.evaluate("document.body.append(chat)")
    standin.page.get_by_role("button", name="Attach a file").wait_for()
    standin.page.evaluate(f"chat.setOptions({{api: {{{HOSTED}}}}})")
    assert standin.page.get_by_placeholder("Message the AI").is_visible()
    assert standin.page.get_by_role("button", name="Attach a file").is_hidden()


def test_the_old_secret_again_is_an_error(standin: Visitor) -> None:
    standin.page.clock.install()
    standin.page.evaluate(f"chat.setOptions({{api: {{{HOSTED}}}}}); document.body.append(chat)")
    standin.page.clock.run_for(10)
    standin.wait_for_chats()
    standin.page.clock.fast_forward("09:31")
    standin.page.wait_for_function("seen.length === 1")
    assert "new secret" in standin.page.evaluate("seen[0]")


def test_once_removed_it_does_not_come_back(standin: Visitor) -> None:
    standin.page.evaluate(f"chat.setOptions({{api: {{{HOSTED}}}}}); document.body.append(chat)")
    standin.wait_for_chats()
    standin.page.evaluate("chat.remove(); document.body.append(chat)")
    assert standin.page.get_by_role("textbox").count() == 0
