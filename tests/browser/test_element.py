"""``<django-chatkit>`` in Chromium: mounting, swapping, merging, refreshing, and what OpenAI's component is told."""

from __future__ import annotations

from typing import Any

import pytest

from .server import OPENAI_SCRIPT
from .visitor import SWAP, Visitor, address

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "support" %}'
#: A chat without a look of its own.
PLAIN = '{% chatkit "sales" %}'


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    # OpenAI's own address, at which the stand-in answers.
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def options(visitor: Visitor, source: str) -> dict[str, Any]:
    """What ``setOptions`` of the first component was called with last, functions left out."""
    visitor.context.add_init_script("""
      customElements.whenDefined("openai-chatkit").then((component) => {
        const { setOptions } = component.prototype;
        component.prototype.setOptions = function (options) {
          window.options = JSON.parse(JSON.stringify(options));
          setOptions.call(this, options);
        };
      });
    """)
    visitor.open(source)
    visitor.wait_for_chats()
    visitor.page.wait_for_load_state("networkidle")
    found: dict[str, Any] = visitor.page.evaluate("options")
    return found


# --- mounting ---


def test_the_secret_and_the_script_are_fetched_in_parallel(logged_in: Visitor) -> None:
    # The script is held back until the answer to the POST is there.
    held = logged_in.hold(OPENAI_SCRIPT)
    with logged_in.page.expect_response("**/chatkit/sessions/"):
        logged_in.open(CHAT)
    logged_in.page.get_by_role("status").wait_for()
    (route,) = held
    assert logged_in.page.locator("openai-chatkit").count() == 0
    route.fallback()
    logged_in.wait_for_chats()
    assert len(logged_in.posts) == 1


def test_several_chats_of_one_workflow_share_a_request_and_the_script(logged_in: Visitor) -> None:
    logged_in.open(CHAT * 3)
    assert set(logged_in.wait_for_chats(3)) == {logged_in.posts[0].fingerprint}
    assert len(logged_in.posts) == 1
    assert logged_in.page.locator(f"script[src='{OPENAI_SCRIPT}']").count() == 1


def test_chats_of_different_workflows_have_sessions_of_their_own(logged_in: Visitor) -> None:
    logged_in.open('{% chatkit "support" %}{% chatkit "sales" %}')
    assert len(set(logged_in.wait_for_chats(2))) == 2
    assert sorted(post.body["workflow"] for post in logged_in.posts) == ["sales", "support"]


def test_two_chats_give_a_new_visitor_one_identity(visitor: Visitor) -> None:
    """Asked for at the same time, each request would begin a Django session, and one of them would be lost."""
    held = visitor.hold("**/chatkit/sessions/")
    visitor.open('{% chatkit "open" %}{% chatkit "guests" %}')
    visitor.page.wait_for_timeout(500)
    assert len(held) == 1
    visitor.context.unroute("**/chatkit/sessions/")
    held[0].continue_()
    visitor.wait_for_chats(2)
    mine = visitor.page.evaluate("async () => (await (await fetch('/chatkit/sessions/')).json()).results")
    assert {session["workflow"] for session in mine} == {"open", "guests"}


def test_different_state_variables_are_different_requests(logged_in: Visitor) -> None:
    # The page's query, as a dictionary: "sales" leaves "topic" to the browser, and no more.
    source = '{% chatkit "sales" state_variables=request.GET.dict %}{% chatkit "sales" %}'
    logged_in.open(source, topic="prices")
    logged_in.alert.wait_for()
    logged_in.wait_for_chats(1)
    assert sorted(post.status for post in logged_in.posts) == [201, 400]


def test_the_default_workflow_is_the_servers_choice(logged_in: Visitor) -> None:
    logged_in.open("{% chatkit %}")
    logged_in.wait_for_chats()
    assert logged_in.posts[0].answer["workflow"] == "support"


def test_a_script_that_the_page_has_already_is_not_loaded_again(logged_in: Visitor) -> None:
    held = logged_in.hold(OPENAI_SCRIPT)
    with logged_in.page.expect_response("**/chatkit/sessions/"):
        logged_in.open(f'<script src="{OPENAI_SCRIPT}" async></script>{CHAT}')
    held[0].fallback()
    logged_in.wait_for_chats()
    assert logged_in.page.locator(f"script[src='{OPENAI_SCRIPT}']").count() == 1


def test_it_works_under_a_strict_content_security_policy(logged_in: Visitor) -> None:
    logged_in.open(CHAT + '{% chatkit "sales" height="300px" %}', strict="1")
    logged_in.wait_for_chats(2)
    assert logged_in.page.evaluate("seen") == []
    assert logged_in.page.locator("django-chatkit").nth(1).bounding_box()["height"] == 300  # type: ignore[index]


def test_nothing_on_the_page_jumps(logged_in: Visitor) -> None:
    logged_in.context.add_init_script("""
      window.jumps = [];
      const observer = new PerformanceObserver((list) => jumps.push(...list.getEntries()));
      observer.observe({ type: "layout-shift", buffered: true });
    """)
    held = logged_in.hold("**/django-chatkit.js")
    logged_in.page.goto(address(CHAT), wait_until="commit")
    place = logged_in.page.locator("#after").bounding_box()
    logged_in.page.wait_for_timeout(200)
    held[0].continue_()
    logged_in.wait_for_chats()
    logged_in.page.wait_for_timeout(200)
    assert logged_in.page.locator("#after").bounding_box() == place
    assert logged_in.page.evaluate("jumps.length") == 0


# --- swapping ---


def test_a_chat_can_be_swapped_in_and_out(logged_in: Visitor) -> None:
    page = logged_in.page
    logged_in.open("No chat yet.")
    for _ in range(5):
        page.evaluate(SWAP, address(CHAT, part="1"))
        logged_in.wait_for_chats()
        page.evaluate("document.querySelector('main').replaceChildren()")
    assert page.locator("django-chatkit, openai-chatkit").count() == 0
    assert page.locator(f"script[src='{OPENAI_SCRIPT}']").count() == 1
    assert [post.status for post in logged_in.posts] == [201, 200, 200, 200, 200]


def test_what_is_swapped_out_leaves_nothing_behind(logged_in: Visitor) -> None:
    page = logged_in.page
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    page.evaluate("""() => {
      apis.length = 0;
      const chat = document.querySelector("django-chatkit");
      window.gone = [new WeakRef(chat), new WeakRef(chat.chatkit)];
      chat.remove();
    }""")
    for _ in range(20):
        page.wait_for_timeout(50)
        page.evaluate("gc()")
        if page.evaluate("gone.every((reference) => !reference.deref())"):
            return
    pytest.fail("The page still holds on to a chat that was removed.")


def test_a_chat_that_is_removed_while_it_loads_stays_away(logged_in: Visitor) -> None:
    held = logged_in.hold(OPENAI_SCRIPT)
    logged_in.open(CHAT)
    logged_in.page.evaluate("window.chat = document.querySelector('django-chatkit'); chat.remove()")
    held[0].fallback()
    logged_in.page.wait_for_function("!!customElements.get('openai-chatkit')")
    logged_in.page.wait_for_timeout(100)
    assert logged_in.page.evaluate("[chat.chatkit, chat.childNodes.length, apis.length]") == [None, 0, 0]


@pytest.mark.parametrize(
    "move",
    [
        "document.body.append(chat)",
        "{ chat.remove(); document.body.append(chat); }",
        "{ chat.remove(); setTimeout(() => document.body.append(chat)); }",
        "{ const copy = chat.cloneNode(true); chat.remove(); document.body.append(copy); }",
        "{ const copy = document.body.cloneNode(true); document.body.replaceWith(copy); }",
        "{ const html = document.body.innerHTML; document.body.innerHTML = html; }",
    ],
)
def test_a_chat_survives(move: str, logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.page.evaluate(f"chat => {move}", logged_in.page.query_selector("django-chatkit"))
    logged_in.page.wait_for_function("apis.length === 2")
    logged_in.wait_for_chats()
    children = "[...document.querySelector('django-chatkit').children].map((child) => child.localName)"
    assert logged_in.page.evaluate(children) == ["openai-chatkit", "div"]
    assert logged_in.page.get_by_role("textbox").is_visible()


def test_a_chat_survives_a_morph_that_removes_what_the_server_did_not_send(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.page.evaluate("document.querySelector('openai-chatkit').remove()")
    logged_in.page.wait_for_function("apis.length === 2")
    logged_in.wait_for_chats()
    logged_in.page.evaluate("document.querySelector('django-chatkit').innerHTML = '<noscript></noscript>'")
    logged_in.page.wait_for_function("apis.length === 3")
    logged_in.wait_for_chats()
    logged_in.page.wait_for_timeout(100)
    assert logged_in.page.evaluate("apis.length") == 3


def test_the_back_button_brings_a_working_chat(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.page.goto("/")
    logged_in.page.go_back()
    logged_in.wait_for_chats()
    assert logged_in.page.get_by_role("textbox").is_visible()


# --- secrets ---


def test_the_first_secret_is_asked_for_once_and_the_next_one_anew(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    again = logged_in.ask(None)
    assert [post.body for post in logged_in.posts] == [{"workflow": "support"}] * 2
    assert again == logged_in.posts[1].answer["client_secret"]


def test_simultaneous_refreshes_are_one_request(logged_in: Visitor) -> None:
    logged_in.open(CHAT * 2)
    logged_in.wait_for_chats(2)
    old = logged_in.posts[0].answer["client_secret"]
    new = logged_in.page.evaluate("(old) => Promise.all(apis.map((api) => api.getClientSecret(old)))", old)
    assert [post.body for post in logged_in.posts[1:]] == [{"workflow": "support", "refresh": True}]
    assert set(new) == {logged_in.posts[1].answer["client_secret"]} != {old}


def test_a_refresh_is_never_merged_with_a_first_request(logged_in: Visitor) -> None:
    logged_in.open(CHAT * 2)
    logged_in.wait_for_chats(2)
    old = logged_in.posts[0].answer["client_secret"]
    script = "(old) => Promise.all([apis[0].getClientSecret(null), apis[1].getClientSecret(old)])"
    first, second = logged_in.page.evaluate(script, old)
    assert (first, second == old) == (old, False)


# --- for the page's own code ---


def test_the_component_and_its_events_are_at_hand(logged_in: Visitor) -> None:
    logged_in.context.add_init_script("""
      for (const name of ["ready", "thread.change", "response.start", "response.end"]) {
        addEventListener(`chatkit.${name}`, (event) => seen.push([event.type, event.target.localName, event.detail]));
      }
    """)
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.page.evaluate("document.querySelector('django-chatkit').chatkit.sendUserMessage({text: 'Hi'})")
    assert logged_in.page.evaluate("seen") == [
        ["chatkit.ready", "openai-chatkit", None],
        ["chatkit.thread.change", "django-chatkit", {"threadId": "cthr_standin"}],
        ["chatkit.response.start", "django-chatkit", None],
        ["chatkit.response.end", "django-chatkit", None],
    ]


def test_the_page_can_add_functions_to_the_options(logged_in: Visitor) -> None:
    logged_in.context.add_init_script("""
      addEventListener("django-chatkit.options", (event) => {
        event.detail.startScreen = { greeting: "From the page" };
        event.detail.onClientTool = () => ({});
      });
    """)
    logged_in.open(CHAT)
    logged_in.page.get_by_role("heading", name="From the page").wait_for()


# --- the options ---


def test_keywords_reach_the_component(logged_in: Visitor) -> None:
    keywords = 'greeting="Good day" placeholder="Ask away" color_scheme="dark" locale="de" title="Help"'
    assert options(logged_in, f'{{% chatkit "sales" {keywords} %}}') == {
        "api": {},
        "locale": "de",
        "theme": {"colorScheme": "dark"},
        "frameTitle": "Help",
        "header": {"title": {"text": "Help"}},
        "startScreen": {"greeting": "Good day"},
        "composer": {"placeholder": "Ask away"},
    }
    assert logged_in.page.get_by_role("heading", name="Good day").is_visible()


def test_files_are_taken_where_the_session_takes_them(logged_in: Visitor) -> None:
    found = options(logged_in, '{% chatkit "uploads" placeholder="Ask" %}')
    assert found["composer"] == {
        "placeholder": "Ask",
        "attachments": {"enabled": True, "maxSize": 20 * 1024 * 1024, "maxCount": 3},
    }
    assert logged_in.page.get_by_role("button", name="Attach a file").is_visible()


def test_no_files_are_taken_where_the_session_takes_none(logged_in: Visitor) -> None:
    assert "composer" not in options(logged_in, PLAIN)
    assert logged_in.page.get_by_role("button", name="Attach a file").is_hidden()
