"""The secret of a chat that this site runs: presented to the chat and to nobody else, and renewed once for all."""

from __future__ import annotations

from typing import Any

import pytest

from .own import OwnChat
from .server import Server
from .visitor import Visitor

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "own" %}'
ENDPOINT = "**/chatkit/chat/own/"
LIST = '{"type": "threads.list", "params": {}}'
#: The statuses of simultaneous requests for the list of threads: ``times`` of them, made by this chat of the page.
ASK = """([chat, times, body]) => Promise.all(Array.from({ length: times }, async () =>
  (await apis[chat].fetch(apis[chat].url, { method: "POST", body })).status))"""
ONCE = [0, 1, LIST]


@pytest.fixture
def chat(logged_in: Visitor) -> OwnChat:
    return OwnChat.open(logged_in, CHAT)


def expire(server: Server) -> None:
    """Every session that was issued so far is over."""
    server.execute("UPDATE django_chatkit_chatsession SET expires_at = '2020-01-01 00:00:00'")


def statuses(chat: OwnChat, times: int = 1, number: int = 0) -> list[int]:
    found: list[int] = chat.page.evaluate(ASK, [number, times, LIST])
    return found


def bodies(chat: OwnChat) -> list[dict[str, Any]]:
    return [post.body for post in chat.visitor.posts]


FIRST, REFRESH = {"workflow": "own"}, {"workflow": "own", "refresh": True}


def test_an_expired_session_is_renewed_unseen(logged_in: Visitor, server: Server) -> None:
    change = "UPDATE django_chatkit_workflow SET expires_after = ? WHERE slug = 'own'"
    server.execute(change, 1)
    chat = OwnChat.open(logged_in, CHAT)
    server.execute(change, None)
    chat.page.wait_for_timeout(1500)
    chat.ask("Are you still there")
    assert bodies(chat) == [FIRST, REFRESH]
    assert chat.visitor.alert.count() == 0
    chat.ask("And now")
    assert len(chat.visitor.posts) == 2


def test_a_session_that_was_cancelled_is_renewed(chat: OwnChat) -> None:
    session = chat.visitor.posts[0].answer["id"]
    cancel = """async (id) => (await fetch(`/chatkit/sessions/${id}/cancel/`, { method: "POST",
      headers: { "X-CSRFToken": document.cookie.split("csrftoken=")[1] } })).status"""
    assert chat.page.evaluate(cancel, session) == 200
    assert statuses(chat) == [200]
    assert bodies(chat) == [FIRST, REFRESH]


def test_simultaneous_requests_are_renewed_together(chat: OwnChat, server: Server) -> None:
    expire(server)
    assert statuses(chat, times=6) == [200] * 6
    assert bodies(chat) == [FIRST, REFRESH]


def test_a_request_that_is_refused_late_uses_what_another_one_got(chat: OwnChat, server: Server) -> None:
    expire(server)
    held: list[Any] = []
    chat.page.route(ENDPOINT, lambda route: held.append(route) if not held else route.fallback())
    chat.page.evaluate(f"(once) => {{ window.late = ({ASK})(once); }}", ONCE)
    chat.page.wait_for_timeout(100)
    assert statuses(chat) == [200]
    held[0].fallback()
    assert chat.page.evaluate("late") == [200]
    assert bodies(chat) == [FIRST, REFRESH]


def test_two_chats_of_a_page_share_a_new_secret(logged_in: Visitor, server: Server) -> None:
    logged_in.open(CHAT * 2)
    logged_in.page.wait_for_function("document.querySelectorAll('[data-ready=self_hosted]').length === 2")
    chat = OwnChat(logged_in)
    expire(server)
    assert statuses(chat, number=0) == [200]
    assert statuses(chat, number=1) == [200]
    assert bodies(chat) == [FIRST, REFRESH]


def test_a_secret_that_is_refused_twice_is_not_renewed_again(chat: OwnChat) -> None:
    chat.page.route(ENDPOINT, lambda route: route.fulfill(status=401))
    assert statuses(chat) == [401]
    assert bodies(chat) == [FIRST, REFRESH]


def test_who_has_logged_out_is_asked_to_log_in(visitor: Visitor) -> None:
    visitor.log_in()
    chat = OwnChat.open(visitor, CHAT)
    other = visitor.new_page()
    visitor.log_out(other)
    chat.say("Anybody there")
    assert "Please log in" in visitor.alert.inner_text()
    assert chat.page.get_by_role("textbox").is_visible()
    visitor.log_in(page=other)
    chat.page.locator("django-chatkit").get_by_role("button", name="Try again").last.click()
    visitor.alert.wait_for(state="detached")
    chat.answers.get_by_text("Anybody there").wait_for()  # what could not be sent has been sent again
    chat.idle()
    chat.ask("Back again")


def test_a_request_that_works_again_takes_the_note_away(visitor: Visitor) -> None:
    visitor.log_in()
    chat = OwnChat.open(visitor, CHAT)
    other = visitor.new_page()
    visitor.log_out(other)
    chat.page.evaluate(f"(once) => ({ASK})(once).catch(() => null)", ONCE)
    assert "Please log in" in visitor.alert.inner_text()
    visitor.log_in(page=other)
    assert statuses(chat) == [200]
    assert visitor.alert.count() == 0


@pytest.mark.parametrize(
    "request_",
    [
        "[url, { method: 'POST', body }]",
        "[new URL(url), { method: 'POST', body }]",
        "[new URL(url).pathname, { method: 'POST', body }]",
        "[new Request(url, { method: 'POST', body })]",
        "[new Request(url, { method: 'POST' }), { body }]",
        "[url, { method: 'POST', body: new Blob([body]) }]",
        "[url, { method: 'POST', body: new TextEncoder().encode(body) }]",
        "[url, { method: 'POST', body: new Blob([body]).stream(), duplex: 'half' }]",
    ],
)
def test_every_kind_of_request_is_repeated_with_its_body(request_: str, chat: OwnChat, server: Server) -> None:
    expire(server)
    script = f"""async (body) => {{
      const {{ url, fetch }} = apis[0];
      const response = await fetch(...{request_});
      return [response.status, Object.keys(await response.json()).includes("data")];
    }}"""
    assert chat.page.evaluate(script, LIST) == [200, True]
    assert bodies(chat) == [FIRST, REFRESH]


def test_a_form_is_repeated_with_its_boundary(chat: OwnChat) -> None:
    sent: list[tuple[str, str]] = []

    def answer(route: Any) -> None:
        sent.append((route.request.headers["content-type"], route.request.post_data))
        route.fulfill(status=401 if len(sent) == 1 else 200)

    chat.page.route(ENDPOINT, answer)
    chat.page.evaluate("""async () => {
      const body = new FormData();
      body.append("file", new Blob(["abc"]), "a.txt");
      await apis[0].fetch(apis[0].url, { method: "POST", body });
    }""")
    first, second = sent
    assert first == second
    assert first[0].startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize(
    "address",
    [
        "/chatkit/chat/",
        "/chatkit/chat/own/attachments/",
        "/chatkit/chat/files/",
        "https://elsewhere.example/chatkit/chat/own/",
        "https://cdn.platform.openai.com/chatkit/chat/own/",
    ],
)
def test_the_secret_is_shown_to_the_chat_only(address: str, chat: OwnChat) -> None:
    seen: list[str | None] = []

    def answer(route: Any) -> None:
        seen.append(route.request.headers.get("authorization"))
        route.fulfill(status=200, headers={"Access-Control-Allow-Origin": "*"})

    chat.page.route(lambda url: url.endswith(address), answer)
    for method in ("GET", "POST"):
        chat.page.evaluate("([address, method]) => apis[0].fetch(address, { method })", [address, method])
    assert seen == [None, None]
    chat.page.route(f"{ENDPOINT}?*", answer)
    chat.page.evaluate("apis[0].fetch(apis[0].url + '?really=1#here', { method: 'POST', body: '{}' })")
    assert str(seen[2]).startswith("Bearer chatkit_secret_")


def test_a_redirect_is_not_followed_with_the_secret(chat: OwnChat) -> None:
    went: list[str] = []
    chat.page.on("request", lambda request: went.append(request.url))
    chat.page.route(ENDPOINT, lambda route: route.fulfill(status=307, headers={"Location": "/elsewhere/"}))
    failure = f"(once) => ({ASK})(once).catch((error) => error.name)"
    assert chat.page.evaluate(failure, ONCE) == "TypeError"
    assert not any("elsewhere" in url for url in went)


def test_the_page_can_still_stop_a_request(chat: OwnChat) -> None:
    held = chat.visitor.hold(ENDPOINT)
    name = chat.page.evaluate("""async () => {
      const stopper = new AbortController();
      setTimeout(() => stopper.abort(), 200);
      const { url, fetch } = apis[0];
      return fetch(url, { method: "POST", body: "{}", signal: stopper.signal }).catch((error) => error.name);
    }""")
    assert (name, len(held)) == ("AbortError", 1)
