"""The stand-in for OpenAI's component speaks ChatKit's protocol with a server."""

from __future__ import annotations

import pytest

from .server import OPENAI_SCRIPT
from .visitor import Visitor

pytestmark = pytest.mark.browser

MODULES = OPENAI_SCRIPT.removesuffix("chatkit.js")
EVENTS = (
    'data: {"type": "a", "text": "Grüße, 你好 🍵"}\n\n'
    ": a comment\n\n"
    'data: {"type": "b",\r\ndata: "text": "two lines"}\r\n\r\n'
    'event: message\ndata:{"type": "c"}\n\n'
    'data: {"type": "cut off'
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_wherever_the_chunks_are_cut(size: int, standin: Visitor) -> None:
    found = standin.page.evaluate(
        """async ([modules, text, size]) => {
          const { eventsOf } = await import(`${modules}self_hosted.js`);
          const bytes = new TextEncoder().encode(text);
          const body = new ReadableStream({
            start(stream) {
              for (let at = 0; at < bytes.length; at += size) stream.enqueue(bytes.slice(at, at + size));
              stream.close();
            },
          });
          const events = [];
          for await (const event of eventsOf(body)) events.push(event);
          return events;
        }""",
        [MODULES, EVENTS, size],
    )
    assert found == [
        {"type": "a", "text": "Grüße, 你好 🍵"},
        {"type": "b", "text": "two lines"},
        {"type": "c"},
    ]


def converse(standin: Visitor, *events: object, **options: object) -> None:
    """Send a message to a server that answers with these events, and with none to what follows."""
    standin.page.evaluate(
        """async ([events, options]) => {
          window.asked = [];
          const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
          const fetch = async (url, { body }) => new Response(asked.push(JSON.parse(body)) === 1 ? text : "");
          chat.setOptions({ ...options, api: { url: "/chat/", domainKey: "local-dev", fetch } });
          chat.style.height = "600px";
          document.body.append(chat);
          await new Promise((resolve) => chat.addEventListener("chatkit.ready", resolve));
          await chat.sendUserMessage({ text: "Hi" });
        }""",
        [events, options],
    )


def item(kind: str, **fields: object) -> dict[str, object]:
    return {"type": "thread.item.done", "item": {"id": kind, "type": kind, "thread_id": "thr_1", **fields}}


BEGUN = (
    {"type": "thread.created", "thread": {"id": "thr_1", "title": "Tea", "items": {"data": []}}},
    item("user_message", content=[{"type": "input_text", "text": "Hi"}], attachments=[], inference_options={}),
    {"type": "stream_options", "stream_options": {"allow_cancel": True}},
)


def test_what_somebody_wrote_never_becomes_markup(standin: Visitor) -> None:
    hostile = "<img src=x onerror=seen.push(1)> [go](javascript:seen.push(2)) **<script>seen.push(3)</script>**"
    text = {"type": "Markdown", "value": hostile}
    image = {"type": "Image", "src": "javascript:seen.push(4)"}
    converse(
        standin,
        *BEGUN,
        item("assistant_message", content=[{"type": "output_text", "text": hostile, "annotations": []}]),
        item("widget", widget={"type": "Card", "children": [text, image]}),
    )
    assert standin.page.get_by_role("log").locator("script, [onerror], [href], [src^=javascript]").count() == 0
    assert standin.page.get_by_text("<script>").count() == 2
    assert standin.page.evaluate("seen") == []


def test_a_refused_message_is_sent_again_as_it_was(standin: Visitor) -> None:
    converse(standin, {"type": "error", "code": "custom", "message": "Wait a little.", "allow_retry": True})
    standin.page.get_by_text("Wait a little.").wait_for()
    standin.page.get_by_role("button", name="Try again").click()
    standin.page.wait_for_function("asked.length === 2")
    first, second = standin.page.evaluate("asked")
    assert first == second
    assert first["type"] == "threads.create"


def test_an_answer_that_failed_is_made_anew(standin: Visitor) -> None:
    converse(standin, *BEGUN, {"type": "error", "code": "stream.error", "allow_retry": True})
    standin.page.get_by_role("button", name="Try again").click()
    standin.page.wait_for_function("asked.length === 2")
    assert standin.page.evaluate("asked[1]") == {
        "type": "threads.retry_after_item",
        "params": {"thread_id": "thr_1", "item_id": "user_message"},
    }


def test_an_error_that_may_not_be_retried_offers_nothing(standin: Visitor) -> None:
    converse(standin, *BEGUN, {"type": "error", "code": "custom", "message": "No.", "allow_retry": False})
    standin.page.get_by_text("No.", exact=True).wait_for()
    assert standin.page.get_by_role("button", name="Try again").count() == 0


def test_text_grows_and_widgets_change(standin: Visitor) -> None:
    part = "assistant_message.content_part"
    card = {"type": "Card", "children": [{"type": "Text", "id": "state", "value": "Packing"}]}
    converse(
        standin,
        *BEGUN,
        {"type": "thread.item.added", "item": {"id": "m", "type": "assistant_message", "content": []}},
        *(
            {"type": "thread.item.updated", "item_id": "m", "update": update}
            for update in (
                {"type": f"{part}.text_delta", "content_index": 0, "delta": "Your **tea** "},
                {"type": f"{part}.text_delta", "content_index": 0, "delta": "is on its way."},
            )
        ),
        item("widget", widget=card),
        {
            "type": "thread.item.updated",
            "item_id": "widget",
            "update": {
                "type": "widget.streaming_text.value_delta",
                "component_id": "state",
                "delta": "…",
                "done": True,
            },
        },
        {"type": "progress_update", "text": "Looking it up"},
        {"type": "notice", "level": "warning", "title": "Strike", "message": "Parcels are late."},
    )
    log = standin.page.get_by_role("log")
    assert log.locator(".assistant").inner_text() == "Your tea is on its way."
    assert log.get_by_text("Packing…").is_visible()
    assert log.get_by_text("Parcels are late.").is_visible()
    assert log.get_by_text("Looking it up").count() == 0, "the turn is over"


def test_a_tool_of_the_page_is_called_and_its_answer_sent(standin: Visitor) -> None:
    standin.page.evaluate("""() => {
      const { setOptions } = chat;
      const onClientTool = ({ name, params }) => ({ name, got: params.a });
      chat.setOptions = (options) => setOptions.call(chat, { ...options, onClientTool });
    }""")
    converse(
        standin,
        *BEGUN,
        item("client_tool_call", status="pending", call_id="c", name="where", arguments={"a": 1}),
    )
    standin.page.wait_for_function("asked.length >= 2")
    assert standin.page.evaluate("asked[1]") == {
        "type": "threads.add_client_tool_output",
        "params": {"thread_id": "thr_1", "result": {"name": "where", "got": 1}},
    }


def test_questions_are_answered(standin: Visitor) -> None:
    options = [{"value": "green"}, {"value": "black"}]
    question = {"id": "q", "type": "multiple_choice", "question": "Which tea?", "options": options, "multiple": False}
    converse(standin, *BEGUN, item("structured_input", status="pending", inputs=[question]))
    standin.page.get_by_label("black").check()
    standin.page.locator(".widget").get_by_role("button", name="Send").click()
    standin.page.wait_for_function("asked.length === 2")
    assert standin.page.evaluate("asked[1].params") == {
        "thread_id": "thr_1",
        "item_id": "structured_input",
        "input": {"status": "answered", "answers": {"q": {"values": ["black"]}}},
    }
