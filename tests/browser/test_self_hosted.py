"""A chat that this site runs, in Chromium: written, streamed, resumed, renamed, deleted, limited, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .own import OwnChat
from .server import Server
from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

pytestmark = pytest.mark.browser

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


@pytest.fixture
def chat(logged_in: Visitor) -> OwnChat:
    """The echo, opened by ``demo``, with a new thread at every page view."""
    return OwnChat.open(logged_in, '{% chatkit "own" resume=False %}')


def test_the_component_is_told_where_the_chat_is(chat: OwnChat, server: Server) -> None:
    api = chat.page.evaluate("JSON.parse(JSON.stringify(apis[0]))")
    assert api == {
        "url": f"{server.url}/chatkit/chat/own/",
        "domainKey": "local-dev",
        "uploadStrategy": {"type": "two_phase"},
    }
    assert chat.page.evaluate("typeof apis[0].fetch") == "function"


def test_an_answer_arrives_in_pieces(chat: OwnChat) -> None:
    chat.say("slowly one two three four five six")
    chat.answers.get_by_text("slowly one").wait_for()
    assert "six" not in chat.answers.inner_text()
    chat.answers.get_by_text("five six").wait_for()


def test_events_reach_the_page(chat: OwnChat) -> None:
    chat.page.evaluate("""() => {
      for (const name of ["thread.change", "response.start", "response.end"]) {
        addEventListener(`chatkit.${name}`, ({ type, detail }) => seen.push([type, typeof detail?.threadId]));
      }
    }""")
    chat.ask("Hello there")
    assert chat.page.evaluate("seen") == [
        ["chatkit.thread.change", "string"],
        ["chatkit.response.start", "undefined"],
        ["chatkit.response.end", "undefined"],
    ]


def asked_for(operation: str) -> Callable[[Response], bool]:
    """The answer to such a request: a reload must not overtake it."""
    return lambda response: operation in (response.request.post_data or "")


def test_a_thread_is_resumed_renamed_and_deleted(chat: OwnChat) -> None:
    chat.ask("Remember the number seven")
    chat.reload()
    assert chat.answers.count() == 0
    chat.open_history()
    chat.threads.first.click()
    chat.answers.get_by_text("Remember the number seven").wait_for()
    chat.ask("And eight")
    assert chat.answers.count() == 2

    chat.open_history()
    chat.page.get_by_role("button", name="Rename").first.click()
    chat.page.get_by_label("New title").fill("Numbers")
    with chat.page.expect_response(asked_for("threads.update")):
        chat.page.get_by_role("button", name="Save").click()
    chat.page.get_by_role("button", name="Numbers", exact=True).wait_for()
    chat.reload()
    chat.open_history()
    assert chat.threads.first.inner_text() == "Numbers"

    before = chat.threads.count()
    chat.page.get_by_role("button", name="Delete “Numbers”").click()
    with chat.page.expect_response(asked_for("threads.delete")):
        chat.page.get_by_role("button", name="Delete", exact=True).click()
    chat.page.get_by_role("button", name="Numbers", exact=True).wait_for(state="detached")
    chat.reload()
    chat.open_history()
    assert "Numbers" not in chat.threads.all_inner_texts()
    assert chat.threads.count() == before - 1


def test_who_leaves_in_the_middle_of_an_answer_finds_the_part_it_had(chat: OwnChat) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    chat.say(f"slowly {words}")
    chat.answers.get_by_text("word2").wait_for()
    chat.reload()
    chat.open_history()
    chat.threads.first.click()
    chat.answers.get_by_text("word2").wait_for()
    assert "word39" not in chat.answers.inner_text()
    chat.ask("Go on")


def test_stopping_keeps_what_was_said(chat: OwnChat) -> None:
    chat.say("slowly " + "stop me now please " * 20)
    chat.answers.get_by_text("stop me").wait_for()
    chat.page.get_by_role("button", name="Stop").click()
    chat.page.get_by_role("button", name="Send").wait_for()
    chat.ask("Next")
    assert chat.answers.count() == 2


def test_somebody_else_finds_nothing(chat: OwnChat, chromium: Browser, server: Server) -> None:
    chat.page.evaluate(
        "addEventListener('chatkit.thread.change', (event) => { window.thread = event.detail.threadId; })"
    )
    chat.ask("My secret plan")
    thread = chat.page.evaluate("thread")
    other = Visitor(chromium, server)
    other.log_in("mika")
    theirs = OwnChat.open(other, '{% chatkit "own" %}')
    theirs.page.get_by_role("button", name="Earlier chats").click()
    theirs.page.get_by_text("Nothing here yet.").wait_for()
    theirs = OwnChat.open(other, f'{{% chatkit "own" initial_thread="{thread}" %}}')
    theirs.page.get_by_text("This conversation cannot be opened.").wait_for()
    assert "secret plan" not in theirs.log.inner_text()
    assert other.uncaught == []
    other.close()


def test_a_page_may_open_with_a_thread(chat: OwnChat) -> None:
    chat.page.evaluate(
        "addEventListener('chatkit.thread.change', (event) => { window.thread = event.detail.threadId; })"
    )
    chat.ask("Where were we")
    thread = chat.page.evaluate("thread")
    again = OwnChat.open(chat.visitor, f'{{% chatkit "own" initial_thread="{thread}" %}}')
    again.answers.get_by_text("Where were we").wait_for()


def test_feedback_and_another_answer(logged_in: Visitor, server: Server) -> None:
    chat = OwnChat.open(logged_in, '{% chatkit "own" feedback=True retry=True %}')
    chat.ask("Rate me")
    chat.page.get_by_role("button", name="Bad answer").click()
    chat.page.locator("[aria-label='Bad answer'][aria-pressed=true]").wait_for()
    assert server.fetch("SELECT kind FROM django_chatkit_chatfeedback") == [("negative",)]
    chat.page.get_by_role("button", name="Answer again").click()
    chat.page.get_by_role("button", name="Good answer").wait_for()
    assert [text.strip() for text in chat.answers.all_inner_texts()] == ["Rate me"]
    chat.reload()
    chat.open_history()
    chat.threads.first.click()
    chat.answers.first.wait_for()
    assert [text.strip() for text in chat.answers.all_inner_texts()] == ["Rate me"]


# --- the rate limit ---


def test_who_sends_too_much_reads_in_the_chat_how_long_to_wait(logged_in: Visitor) -> None:
    chat = OwnChat.open(logged_in, '{% chatkit "few" %}')
    chat.ask("One")
    chat.ask("Two")
    chat.say("Three")
    told = chat.log.get_by_text("many messages. Please try again in").inner_text()
    seconds = int("".join(filter(str.isdigit, told)))
    assert 0 < seconds <= 60
    assert logged_in.alert.count() == 0
    assert chat.log.get_by_role("button", name="Try again").is_visible()
    # Reading costs nothing, and a new session does not help.
    chat.reload()
    chat.open_history()
    chat.threads.first.click()
    chat.answers.nth(1).wait_for()
    chat.say("Four")
    chat.log.get_by_text("many messages. Please try again in").wait_for()


def test_other_refusals_reach_the_component_as_they_are(chat: OwnChat) -> None:
    unknown = '{"type": "threads.get_by_id", "params": {"thread_id": "x"}}'
    script = "async (body) => (await apis[0].fetch(apis[0].url, { method: 'POST', body })).status"
    assert [chat.page.evaluate(script, body) for body in ("{", unknown)] == [400, 404]


# --- files ---


def attach(chat: OwnChat, *files: tuple[str, str, bytes]) -> None:
    given: Any = [{"name": name, "mimeType": kind, "buffer": content} for name, kind, content in files]
    chat.page.locator("input[type=file]").set_input_files(given)


@pytest.fixture
def files(logged_in: Visitor) -> OwnChat:
    """A chat that takes two files of a megabyte each."""
    return OwnChat.open(logged_in, '{% chatkit "files" %}')


def test_a_file_is_uploaded_and_shown(files: OwnChat, server: Server) -> None:
    uploads: list[Any] = []
    files.page.on("request", lambda request: uploads.append(request) if "/attachments/" in request.url else None)
    attach(files, ("plan.txt", "text/plain", b"Tea at four"), ("dot.png", "image/png", PNG))
    files.page.get_by_role("button", name="Remove dot.png").wait_for()
    files.page.get_by_role("button", name="Remove plan.txt").wait_for()
    sent = [request for request in uploads if request.method != "GET"]
    assert len(sent) == 2
    assert all("authorization" not in request.all_headers() for request in sent)
    files.ask("Look at these")
    assert files.log.get_by_text("plan.txt").is_visible()
    files.reload()
    files.open_history()
    files.threads.first.click()
    image = files.log.get_by_alt_text("dot.png")
    image.wait_for()
    files.page.wait_for_function("image => image.naturalWidth === 1", arg=image.element_handle())
    stored = Path(server.database).with_suffix(".files")
    assert sorted(path.stat().st_size for path in stored.rglob("*") if path.is_file()) == [11, len(PNG)]


def test_a_file_that_is_not_wanted_is_deleted(files: OwnChat, server: Server) -> None:
    before = server.fetch("SELECT count(*) FROM django_chatkit_chatattachment")
    attach(files, ("oops.txt", "text/plain", b"Not this one"))
    with files.page.expect_response("**/chatkit/chat/files/"):
        files.page.get_by_role("button", name="Remove oops.txt").click()
    files.page.wait_for_timeout(200)
    assert server.fetch("SELECT count(*) FROM django_chatkit_chatattachment") == before


def test_what_the_preset_does_not_allow_is_refused_before_it_is_sent(files: OwnChat) -> None:
    asked: list[str] = []
    files.page.on("request", lambda request: asked.append(request.url))
    attach(files, ("big.bin", "application/octet-stream", b"x" * (1024 * 1024 + 1)))
    assert "larger than 1 MB" in files.page.locator(".warning").inner_text()
    assert asked == []
    attach(files, *((f"{number}.txt", "text/plain", b"x") for number in range(3)))
    files.page.locator(".warning").get_by_text("No more than 2 files").wait_for()


def test_no_files_where_the_preset_takes_none(chat: OwnChat) -> None:
    assert chat.page.get_by_role("button", name="Attach a file").is_hidden()


# --- what the page offers ---


def test_no_history_is_offered_where_the_preset_keeps_none(logged_in: Visitor) -> None:
    chat = OwnChat.open(logged_in, '{% chatkit "forgetful" %}')
    chat.ask("Forget me")
    assert chat.page.get_by_role("button", name="Earlier chats").is_hidden()
    chat = OwnChat.open(logged_in, '{% chatkit "forgetful" history=True %}')
    chat.page.get_by_role("button", name="Earlier chats").click()
    chat.page.get_by_text("Nothing here yet.").wait_for()


def test_without_a_domain_key_the_console_says_what_is_missing(chat: OwnChat) -> None:
    said: list[str] = []
    chat.page.on("console", lambda message: said.append(message.text))
    chat.page.evaluate("""() => {
      const chat = document.querySelector("django-chatkit");
      const config = JSON.parse(chat.getAttribute("config"));
      delete config.domain_key;
      chat.setAttribute("config", JSON.stringify(config));
      document.body.append(chat);
    }""")
    assert "not set up correctly" in chat.visitor.alert.inner_text()
    assert any("DOMAIN_KEY" in text for text in said)


def test_it_works_under_a_strict_content_security_policy(logged_in: Visitor) -> None:
    chat = OwnChat.open(logged_in, '{% chatkit "own" %}', strict="1")
    chat.ask("Nothing inline")
    assert chat.page.evaluate("seen") == []


# --- the shop's own agent ---


def test_the_shop_answers_with_a_widget_whose_button_works(logged_in: Visitor) -> None:
    chat = OwnChat.open(logged_in, '{% chatkit "shop" %}')
    chat.say("Where is my parcel?")
    chat.log.get_by_role("heading", name="Order KM-1042").wait_for()
    chat.idle()
    chat.log.get_by_role("button", name="All my orders").click()
    chat.log.get_by_text("KM-1018").first.wait_for()
