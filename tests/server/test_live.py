"""The endpoint as visitors reach it: through uvicorn and daphne, with a database that others use too."""

from __future__ import annotations

import base64
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx
import pytest
from chatkit import types

from . import chat
from .live import LiveServer, live_database, soon

SERVERS = ["uvicorn", "daphne"]


@pytest.fixture(scope="module")
def database(tmp_path_factory, django_db_blocker):
    with django_db_blocker.unblock(), live_database(tmp_path_factory.mktemp("live")) as name:
        yield name


@pytest.fixture(scope="module", params=SERVERS)
def server(request, database, tmp_path_factory):
    with LiveServer(request.param, database, tmp_path_factory.mktemp("log")) as server:
        yield server


@pytest.fixture(params=SERVERS)
def mortal(request, database, tmp_path):
    """A server that the test may end."""
    with LiveServer(request.param, database, tmp_path) as server:
        yield server


@pytest.fixture
def me(server):
    return server.visitor()


# All that can be asked


def test_a_conversation(me):
    begun = me.ask(chat.create("Good morning"))
    kinds = [type(event) for event in begun]
    kinds.remove(types.ThreadUpdatedEvent)  # the title comes when it has been saved, somewhere in the answer
    assert kinds == [
        types.ThreadCreatedEvent,
        types.ThreadItemDoneEvent,
        types.StreamOptionsEvent,
        types.ThreadItemAddedEvent,
        types.ThreadItemUpdatedEvent,
        types.ThreadItemUpdatedEvent,
        types.ThreadItemDoneEvent,
    ]
    thread = begun.thread_id
    question = me.ask(chat.add(thread, "And on")).done[0]
    assert me.ask(chat.retry(thread, question.id)).text == "And on "
    assert me.ask(chat.rename(thread, "Mornings"))["title"] == "Mornings"
    loaded = types.Thread.model_validate(me.ask(chat.get(thread)))
    assert (loaded.title, len(loaded.items.data)) == ("Mornings", 4)
    assert me.ask(chat.items(thread, limit=1))["has_more"] is True
    assert thread in [row["id"] for row in me.ask(chat.threads())["data"]]
    assert me.ask(chat.feedback(thread, begun.done[1].id)) == {}
    assert me.ask(chat.delete(thread)) == {}
    assert me.refused(chat.get(thread)) == (404, "not_found")


def test_widgets_tools_and_questions(me):
    begun = me.ask(chat.create("widget"))
    widget = begun.done[1]
    assert me.ask(chat.act(begun.thread_id, widget.id, size=1)).done[0].type == "widget"
    assert me.ask(chat.act_in_sync(begun.thread_id, widget.id))["updated_item"]["id"] == widget.id
    begun = me.ask(chat.create("tool"))
    assert me.ask(chat.tool_output(begun.thread_id, {"lat": 1.5})).text == "nothing "
    begun = me.ask(chat.create("question"))
    assert me.ask(chat.answers(begun.thread_id, begun.done[1].id, q1=["seven"])).text == "nothing "


def test_dictation(me):
    sound = base64.b64encode(b"sound" * 1000).decode()
    assert me.ask(chat.dictate(sound)) == {"text": "5000 bytes of audio/webm"}


def test_a_file_is_sent_and_talked_about(me):
    made = me.ask(chat.announce("a.txt", 5, "text/plain"))
    assert me.refused(chat.create("Look", (made["id"],))) == (400, "invalid")  # before the file is there
    descriptor = made["upload_descriptor"]
    sent = httpx.request(
        descriptor["method"], descriptor["url"], files={"file": ("a.txt", b"hello", "text/plain")}, timeout=20
    )
    assert sent.is_success, sent.text
    begun = me.ask(chat.create("Look", (made["id"],)))
    assert [attachment.id for attachment in begun.done[0].attachments] == [made["id"]]
    assert me.ask(chat.discard(made["id"])) == {}
    assert me.refused(chat.add(begun.thread_id, "Again", (made["id"],))) == (404, "not_found")


def test_what_is_refused(me, server):
    assert me.refused(b"{") == (400, "parse_error")
    assert me.refused(chat.add("thr_0")) == (404, "not_found")
    assert me.refused(chat.create("x" * 2_700_000)) == (413, "too_large")
    me.secret = "wrong"
    answer = me.answer(chat.threads())
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert httpx.get(f"{server.url}{me.path}", timeout=20).status_code == 405


def test_a_body_without_a_length_is_limited_too(me):
    def chunks():
        for _ in range(60):
            yield b" " * 50_000

    answer = me.post(chunks())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert me.post(iter([chat.body(chat.threads())])).status_code == 200


def test_so_many_requests_a_minute_even_all_at_once(server):
    who = {"user": f"hasty-{server.kind}", "agent": "echo", "rate": 5}
    me = server.visitor(**who)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(me.answer, [chat.create("Hello")] * 12))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7
    waits = {int(answer.headers["Retry-After"]) for answer in answers if answer.status_code == 429}
    assert all(0 < wait <= 60 for wait in waits)
    again = server.visitor(**who)  # a new session is no new minute
    assert again.refused(chat.create("Hello")) == (429, "throttled")
    assert len(again.ask(chat.threads())["data"]) == 5  # reading is free
    who["user"] = f"patient-{server.kind}"
    assert server.visitor(**who).ask(chat.create("Hello")).text == "Hello "


# Streaming


def test_the_first_event_arrives_before_the_last_exists(me):
    with me.listening(chat.create("say this very slowly please")) as events:
        first = next(events)
        begun = time.monotonic()
        times = [time.monotonic() - begun for event in events if event.type == "thread.item.updated"]
    assert first.type == "thread.created"
    assert len(times) == 5
    assert all(later - sooner > 0.15 for sooner, later in pairwise(times))


def test_who_leaves_finds_the_part_that_there_was(me, server):
    with me.listening(chat.create("one two slowly " + "more " * 200)) as events:
        thread = next(events).thread.id
        heard = [event for event, _ in zip(events, range(6), strict=False)]
    assert [event.type for event in heard].count("thread.item.updated") >= 2
    soon(lambda: server.held()["streams"] == 0)
    items = me.ask(chat.items(thread, order="asc"))["data"]
    assert [item["type"] for item in items] == ["user_message", "assistant_message"]
    assert items[1]["content"][0]["text"].startswith("one two slowly ")
    assert len(items[1]["content"][0]["text"]) < 100
    assert server.held()["drafts"] == 0
    assert me.ask(chat.add(thread, "Where were we")).text == "Where were we "


def test_whoever_leaves_before_the_agent_says_anything_stops_it_too(server):
    me = server.visitor(agent="endless")
    with me.listening(chat.create("hm")) as events:
        next(events)
    soon(lambda: server.held()["streams"] == 0)


def test_a_browser_that_does_not_read_holds_the_agent_back(mortal):
    """Where the server tells: daphne takes what it is given."""
    me = mortal.visitor(agent="flood")
    with me.listening(chat.create("go")) as events:
        next(events)
        time.sleep(1)
        running = mortal.held()["streams"]
        assert running == 1 if mortal.kind == "uvicorn" else running in (0, 1)
    soon(lambda: mortal.held()["streams"] == 0)


# Servers that end


def test_a_server_that_is_killed_leaves_a_thread_that_goes_on(mortal):
    me = mortal.visitor()
    with pytest.raises(httpx.HTTPError), me.listening(chat.create("slowly " + "and so on " * 30)) as events:
        thread = next(events).thread.id
        soon(lambda: mortal.held()["drafts"])
        mortal.kill()
        list(events)
    mortal.start()
    items = me.ask(chat.items(thread, order="asc"))["data"]
    assert [item["type"] for item in items] == ["user_message", "assistant_message"]
    assert items[1]["content"][0]["text"].startswith("slowly and so")
    assert me.ask(chat.get(thread))["id"] == thread
    assert me.ask(chat.add(thread, "Go on")).text == "Go on "
    assert me.ask(chat.delete(thread)) == {}


def test_a_server_that_shuts_down_lets_answers_end(database, tmp_path):
    with LiveServer("uvicorn", database, tmp_path) as server:
        me = server.visitor()
        with me.listening(chat.create("say this slowly before you go")) as events:
            next(events)
            server.send(signal.SIGTERM)
            rest = chat.Events(events)
        assert rest.text == "say this slowly before you go "
        server.wait()


@pytest.mark.parametrize(("kind", "options"), [("uvicorn", ("--timeout-graceful-shutdown", "1")), ("daphne", ())])
def test_a_server_that_shuts_down_in_haste_keeps_what_it_had_saved(database, tmp_path, kind, options):
    """Neither gives its streams the time to save the last words."""
    with LiveServer(kind, database, tmp_path, *options) as server:
        me = server.visitor()
        with pytest.raises(httpx.HTTPError), me.listening(chat.create("now slowly " + "on " * 99)) as events:
            thread = next(events).thread.id
            soon(lambda: server.held()["drafts"])
            server.send(signal.SIGTERM)
            list(events)
        server.wait()
        server.start()
        items = me.ask(chat.items(thread, order="asc"))["data"]
        assert items[1]["content"][0]["text"].startswith("now slowly on ")
        assert me.ask(chat.add(thread, "Go on")).text == "Go on "
        assert me.ask(chat.delete(thread)) == {}
