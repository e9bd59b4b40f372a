"""Whatever somebody writes into the look arrives at the component as it was written, and nothing of it executes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .visitor import Visitor

pytestmark = pytest.mark.browser

#: By what is odd about them.
TEXTS = {
    "quotes": "\"double\" 'single' `backtick` &quot; &#39; &amp;",
    "script": "</script><script>pwned()</script>",
    "comment": "<!--<script>--> ]]> -->",
    "image": "<img src=x onerror=pwned()>",
    "attribute": '" onfocus="pwned()" autofocus x="',
    "element": '"></django-chatkit><iframe srcdoc="<script>parent.pwned()</script>"></iframe>',
    "link": "[here](javascript:pwned()) <a href='javascript:pwned()'>there</a>",
    "template": "{{ 7|add:7 }} {% now 'Y' %} {# gone #} ${pwned()} #{pwned()}",
    "emoji": "🍵 👩🏽‍🔬 👨‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 e\u0301",
    "right to left": "مرحبا بك في المتجر שלום \u202eevil\u202c \u200f",
    "backslashes": '\\ \\n \\u003c \\\\\\ \\"',
    "separators": "one\u2028two\u2029three\u0085four\ufefffive\u00a0six",
    "newline": "\n",
    "lines": "\r\n one \t two\r three \n",
    "ten thousand": "<ä🍵>" * 2500,
}
KEYWORDS = ("greeting", "placeholder", "disclaimer", "title", "frame_title")
WATCH = """
  window.executed = 0;
  window.pwned = () => { window.executed += 1; };
  window.options = [];
  addEventListener("django-chatkit.options", (event) => options.push(JSON.parse(JSON.stringify(event.detail))));
"""


@pytest.fixture
def wary(logged_in: Visitor) -> Visitor:
    """Somebody who would notice whatever a text executes."""
    logged_in.context.add_init_script(WATCH)
    logged_in.page.on("dialog", lambda dialog: logged_in.uncaught.append(f"a dialog: {dialog.message}"))
    return logged_in


def prompts(text: str) -> list[dict[str, str]]:
    """A prompt whose label is one line at least, as the models want it."""
    text = text if text.strip() else f"x{text}x"
    return [{"label": text, "prompt": text, "icon": "lucide:cup-soda"}]


def look(text: str) -> dict[str, Any]:
    return {**dict.fromkeys(KEYWORDS, text), "prompts": prompts(text)}


def expected(text: str) -> dict[str, Any]:
    return {
        "startScreen": {"greeting": text, "prompts": prompts(text)},
        "composer": {"placeholder": text},
        "disclaimer": {"text": text},
        "header": {"title": {"text": text}},
        "frameTitle": text,
    }


@pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))
def test_texts_arrive_from_the_workflow_and_from_the_tag(text: str, wary: Visitor) -> None:
    set_look(wary, "sales", look("of the workflow"))
    set_look(wary, "guests", look(text))
    keywords = " ".join(f"{name}=other.{name}" for name in look(text))
    wary.open(f'{{% chatkit "guests" %}}{{% chatkit "sales" {keywords} %}}', other="guests")
    wary.wait_for_chats(2)
    for options in wary.page.evaluate("options"):
        assert {name: options[name] for name in expected(text)} == expected(text)
    assert wary.page.get_by_role("heading").all_text_contents() == [text, text]
    assert wary.page.evaluate("[executed, options.length]") == [0, 2]
    check_markup(wary)


def check_markup(visitor: Visitor) -> None:
    """The page is what it was: no text has become markup."""
    assert visitor.page.locator("#after").inner_text() == "After the chat."
    assert visitor.page.locator("iframe, img, main > :not(link, script, django-chatkit)").count() == 0
    assert visitor.page.locator("script:not([src]), [onerror], [onfocus], [href^=javascript]").count() == 0


def set_look(visitor: Visitor, slug: str, values: dict[str, Any]) -> None:
    """As the admin would save it."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    stored = [json.dumps(value) if isinstance(value, list) else value for value in values.values()]
    visitor.server.execute(f"UPDATE django_chatkit_workflow SET {assignments} WHERE slug = ?", *stored, slug)
