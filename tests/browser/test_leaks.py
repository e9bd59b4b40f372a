"""Chats that come and go, on pages whose own scripts run before and after ours: nothing stays behind."""

from __future__ import annotations

from typing import Any

import pytest

from .server import OPENAI_SCRIPT
from .visitor import SWAP, Visitor, address

pytestmark = pytest.mark.browser

CHATS = '{% chatkit "sales" %}{% chatkit "sales" layout="floating" color_scheme="auto" %}'
#: Listeners of what outlives an element, counted as they come and go: most go with a signal.
COUNT = """
  window.listeners = 0;
  for (const target of [window, document, MediaQueryList.prototype]) {
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = function (type, listener, options) {
      if (!type.startsWith("chatkit") && options?.signal) {
        listeners += 1;
        options.signal.addEventListener("abort", () => { listeners -= 1; });
      } else if (["online", "offline", "hashchange", "change", "keydown"].includes(type)) listeners += 1;
      return addEventListener.call(this, type, listener, options);
    };
  }
"""


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def test_twenty_swaps_leave_no_listener_and_no_element(logged_in: Visitor) -> None:
    page = logged_in.page
    logged_in.context.add_init_script(COUNT)
    tools = logged_in.context.new_cdp_session(page)
    tools.send("Performance.enable")

    def counted() -> dict[str, float]:
        page.evaluate("{ document.querySelector('main').replaceChildren(); apis.length = 0; }")
        for _ in range(3):
            tools.send("HeapProfiler.collectGarbage")
        metrics = {metric["name"]: metric["value"] for metric in tools.send("Performance.getMetrics")["metrics"]}
        return {"nodes": metrics["Nodes"], "listeners": metrics["JSEventListeners"]}

    def swap() -> None:
        page.evaluate(SWAP, address(CHATS, part="1"))
        page.locator(".launcher").click()
        logged_in.wait_for_chats(2)
        page.evaluate("document.querySelector('main').replaceChildren()")

    logged_in.open("No chat yet.")
    swap()
    before = counted()
    for _ in range(20):
        swap()
    after = counted()
    assert page.evaluate("listeners") == 0
    assert after["listeners"] <= before["listeners"] + 5
    assert after["nodes"] <= before["nodes"] + 20
    assert page.locator(f"script[src='{OPENAI_SCRIPT}']").count() == 1
    assert page.locator("django-chatkit, openai-chatkit, dialog").count() == 0


def test_a_plain_script_may_run_before_the_module_and_after_it(logged_in: Visitor) -> None:
    """The hooks that the module's head shows."""
    hooks = """<script>
      window.chat = document.querySelector("django-chatkit");
      window.noted = [chat.chatkit ?? null];
      document.addEventListener("django-chatkit.options", ({ target, detail }) => {
        noted.push(target === chat);
        detail.onClientTool = async ({ name, params }) => ({ name, ...params });
        detail.widgets = { onAction: async (action, item) => target.chatkit.sendCustomAction(action, item.id) };
        detail.entities = { onTagSearch: async (query) => [{ id: "1", title: query }] };
        window.told = detail;
      });
      document.addEventListener("chatkit.ready", ({ target }) => noted.push(target === chat.chatkit));
    </script>"""
    logged_in.open('{% chatkit "sales" %}' + hooks)
    logged_in.wait_for_chats()
    assert logged_in.page.evaluate("noted") == [None, True, True]
    assert logged_in.page.evaluate("told.onClientTool({ name: 'cart', params: { id: 7 } })") == {
        "name": "cart",
        "id": 7,
    }
    assert logged_in.page.evaluate("told.entities.onTagSearch('tea')") == [{"id": "1", "title": "tea"}]
    # Long after: the same element, its methods and its component are there.
    assert logged_in.page.evaluate("[typeof chat.open, typeof chat.close, chat.chatkit.localName]") == [
        "function",
        "function",
        "openai-chatkit",
    ]


def test_an_element_that_a_script_makes_is_a_chat_too(logged_in: Visitor) -> None:
    logged_in.open('{% chatkit "sales" %}')
    logged_in.wait_for_chats()
    logged_in.page.evaluate("""() => {
      const chat = document.createElement("django-chatkit");
      document.body.append(chat); // without a config it is nothing yet
      chat.remove();
      chat.setAttribute("config", document.querySelector("django-chatkit").getAttribute("config"));
      document.body.append(chat);
    }""")
    logged_in.wait_for_chats(2)
