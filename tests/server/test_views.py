"""The endpoint, in this process: who may ask, what a request must be, and what goes wrong how."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from importlib.util import find_spec

import pytest
from chatkit import types
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.models import ChatFeedback, ChatItem, ChatSession, ChatThread, Workflow
from django_chatkit.server import processing
from django_chatkit.server import store as stores
from django_chatkit.sessions import backends
from django_chatkit.signals import feedback_given

from . import chat, full
from .chat import CHAT, Caller
from .issued import issue

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def me(issued):
    return Caller(issued)


@pytest.fixture
def everything(agents, workflow):
    """Somebody whose agent does all that the SDK knows."""
    agents["full"] = full.FullServer
    workflow.agent = "full"
    workflow.max_requests_per_1_minute = 100
    workflow.save()
    full.FullServer.heard.clear()
    return Caller(issue(workflow, "user-1"))


@pytest.fixture
def records(caplog):
    """What this app has logged."""
    caplog.set_level(logging.DEBUG)
    return lambda: [record for record in caplog.records if record.name == "django_chatkit"]


# Who asks


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {secret}",
        "{secret}",
        "Bearer {secret}x",
        "Bearer a b",
        "Bearer é",
        "Token {secret}",
    ],
)
def test_whoever_has_no_secret_is_a_stranger(issued, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.format(secret=issued.client_secret)}
    stranger = Caller(None, **headers)
    response = stranger.answer(chat.threads())
    assert response.status_code == 401
    assert response.json()["code"] == "authentication_failed"
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_not_case_sensitive(issued, scheme):
    assert Caller(None, Authorization=f"{scheme} {issued.client_secret}").ask(chat.threads())["data"] == []


def expire(issued):
    ChatSession.objects.filter(pk=issued.session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def change(**fields):
    return lambda issued: Workflow.objects.filter(pk=issued.session.workflow_pk).update(**fields)


ENDS = {
    "expired": expire,
    "cancelled": lambda issued: sessions.cancel_session(issued.session),
    "switched off": change(is_active=False),
    "run by OpenAI": change(backend="hosted", agent="", workflow_id="wf_1"),
    "renamed": change(slug="other"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_ends_with_the_next_request(issued, me, end):
    assert me.ask(chat.threads())["data"] == []
    end(issued)
    assert me.refused(chat.threads()) == (401, "authentication_failed")


def test_a_secret_is_for_its_workflow(workflow, issued):
    Workflow.objects.create(slug="sales", name="Sales", backend="self_hosted", agent="echo")
    assert Caller(issued, "/chatkit/chat/sales/").refused(chat.threads()) == (401, "authentication_failed")
    assert Caller(issued, "/chatkit/chat/nothing/").refused(chat.threads()) == (401, "authentication_failed")


def test_a_login_counts_for_nothing(issued, django_assert_num_queries):
    """Cookies are neither read nor set: the site's session is not touched."""
    client = AsyncClient(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username="ada"))
    post = chat.async_to_sync(client.post)
    refused = post(CHAT, chat.body(chat.threads()), content_type="application/json")
    assert (refused.status_code, refused.cookies, refused.headers.get("Vary")) == (401, {}, None)
    with django_assert_num_queries(2):  # the session by its secret, and the threads
        taken = post(CHAT, chat.body(chat.threads()), content_type="application/json", headers=issued.headers)
    assert (taken.status_code, taken.cookies, taken.headers.get("Vary")) == (200, {}, None)


def test_no_middleware_of_the_site_stands_in_the_way(settings, me):
    """Neither CSRF, which the other tests of this module do not switch on, nor ``LoginRequiredMiddleware``."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert me.ask(chat.create()).text == "Hello there "


def test_atomic_requests_do_not_break_it(me, monkeypatch):
    """Of any database: a transaction would be open as long as the agent talks."""
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
    assert me.ask(chat.create()).text == "Hello there "


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_post_only(issued, method):
    response = getattr(Client(), method)(CHAT, headers=issued.headers)
    assert (response.status_code, response["Allow"]) == (405, "POST")


# What a request must be


def shout(text):
    return chat.body(chat.create(text))


MALFORMED = {
    "empty": b"",
    "broken off": b'{"type":',
    "two": b"{}{}",
    "out of the array": b"{}],[{}",
    "not UTF-8": b'{"type":"threads.list","params":{"after":"\xff"}}',
    "UTF-16": '{"type":"threads.list","params":{}}'.encode("utf-16"),
    "half a pair": b'{"type":"threads.get_by_id","params":{"thread_id":"\\ud800"}}',
    "NaN": b'{"type":"threads.list","params":{},"metadata":{"a":NaN}}',
    "infinity": b'{"type":"threads.list","params":{},"metadata":{"a":-Infinity}}',
    "deep": b'{"type":"threads.list","params":{},"metadata":{"a":' + b"[" * 110 + b"]" * 110 + b"}}",
    "deeper": b"[" * 500_000,
    "huge number": b'{"type":"threads.list","params":{"limit":' + b"9" * 9999 + b"}}",
}
WRONG = {
    "a list": b"[]",
    "a number": b"1",
    "nothing": b"{}",
    "unknown": b'{"type":"threads.explode","params":{}}',
    "without parameters": b'{"type":"threads.list"}',
    "without an id": b'{"type":"threads.get_by_id","params":{}}',
    "an order": b'{"type":"threads.list","params":{"order":"sideways"}}',
    "a limit": b'{"type":"threads.list","params":{"limit":"many"}}',
    "endless": b'{"type":"threads.list","params":{"limit":1e400}}',
    "feedback": b'{"type":"items.feedback","params":{"thread_id":"a","item_ids":["b"],"kind":"mixed"}}',
    "no input": b'{"type":"threads.create","params":{}}',
    "base64": b'{"type":"input.transcribe","params":{"audio_base64":"AAA","mime_type":"audio/webm"}}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_json_is_refused(me, body):
    assert me.refused(body) == (400, "parse_error")
    assert not ChatThread.objects.exists()


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_is_no_request_is_refused_with_a_reason(me, body):
    assert me.refused(body) == (400, "invalid")
    assert me.answer(body).json()["detail"]
    assert not ChatThread.objects.exists()


def test_the_reason_says_where(me):
    answer = me.answer(b'{"type":"threads.update","params":{"thread_id":7}}').json()
    assert answer["detail"] == (
        "threads.update.params.thread_id: Input should be a valid string. threads.update.params.title: Field required."
    )


def test_the_reason_repeats_nothing_long_and_nothing_private(me):
    private = "4111 1111 1111 1111 " * 1000
    bodies = [
        {"type": private, "params": {}},
        {"type": "threads.list", "params": {"order": private, "limit": private}},
        {"type": "threads.create", "params": {"input": {"content": [{"type": private}], "attachments": private}}},
    ]
    for body in bodies:
        answer = me.answer(json.dumps(body).encode())
        assert answer.status_code == 400
        assert "4111" not in answer.json()["detail"]
        assert len(answer.json()["detail"]) < 800
    keys = {"type": "threads.add_structured_input", "params": {"input": {"answers": {"k" * 9999: 1}}}}
    assert len(me.answer(json.dumps(keys).encode()).json()["detail"]) < 800


def test_unknown_fields_are_for_another_version_of_the_component(me):
    assert me.ask(b'{"type":"threads.list","params":{"shade":1},"colour":2}')["data"] == []


def test_a_large_request_is_refused(settings, me, issued):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert me.refused(shout("x" * 2000)) == (413, "too_large")
    assert Caller(None).refused(shout("x" * 2000)) == (401, "authentication_failed")
    assert not ChatThread.objects.exists()
    assert me.ask(shout("x" * 500)).text


def test_nul_travels_in_messages_but_never_in_ids(me):
    assert me.ask(chat.create("a\0b")).text == "a\0b "
    for wanted in (chat.get("a\0b"), chat.items("a", after="a\0b"), chat.feedback("a", "a\0"), chat.discard("\0")):
        assert me.refused(wanted) == (404, "not_found")


# All that can be asked


def test_every_request_type_has_a_test_here():
    """If the SDK gets another one, these tests must know it."""
    known = {
        kind.model_fields["type"].default for kind in [*types.StreamingReq.__args__, *types.NonStreamingReq.__args__]
    }
    assert known == {
        "threads.create",
        "threads.add_user_message",
        "threads.add_client_tool_output",
        "threads.add_structured_input",
        "threads.retry_after_item",
        "threads.custom_action",
        "threads.sync_custom_action",
        "threads.get_by_id",
        "threads.list",
        "threads.update",
        "threads.delete",
        "items.list",
        "items.feedback",
        "attachments.create",
        "attachments.delete",
        "input.transcribe",
    }


def test_a_conversation(everything):
    begun = everything.ask(chat.create("Good morning"))
    assert begun.text == "Good morning "
    thread = begun.thread_id
    question = everything.ask(chat.add(thread, "And on")).done[0]
    assert everything.ask(chat.retry(thread, question.id)).text == "And on "
    assert everything.ask(chat.rename(thread, "Mornings"))["title"] == "Mornings"
    loaded = types.Thread.model_validate(everything.ask(chat.get(thread)))
    assert loaded.title == "Mornings"
    assert [item.type for item in loaded.items.data] == ["user_message", "assistant_message"] * 2
    page = everything.ask(chat.items(thread, limit=1, order="asc"))
    assert page["data"][0]["id"] == loaded.items.data[0].id
    assert page["has_more"] is True
    assert [row["id"] for row in everything.ask(chat.threads())["data"]] == [thread]
    assert everything.ask(chat.delete(thread)) == {}
    assert everything.refused(chat.get(thread)) == (404, "not_found")
    assert not ChatItem.objects.exists()


def test_widgets_and_their_actions(everything):
    begun = everything.ask(chat.create("widget"))
    message, widget = begun.done
    assert everything.ask(chat.act(begun.thread_id, widget.id)).done[0].type == "widget"
    answer = everything.ask(chat.act_in_sync(begun.thread_id, widget.id))
    assert answer["updated_item"]["id"] == widget.id
    assert everything.ask(chat.act(begun.thread_id)).done[0].type == "widget"
    assert everything.ask(chat.act_in_sync(begun.thread_id)) == {}
    assert everything.refused(chat.act_in_sync(begun.thread_id, message.id)) == (400, "invalid")
    assert everything.ask(chat.act(begun.thread_id, message.id)).of(types.ErrorEvent)


def test_tools_of_the_browser(everything):
    begun = everything.ask(chat.create("tool"))
    assert begun.done[1].status == "pending"
    assert everything.ask(chat.tool_output(begun.thread_id, {"lat": 1.5})).text == "nothing "
    item = everything.ask(chat.items(begun.thread_id, order="asc"))["data"][1]
    assert (item["status"], item["output"]) == ("completed", {"lat": 1.5})
    assert everything.refused(chat.tool_output(begun.thread_id, {})) == (400, "invalid")


def test_questions(everything):
    begun = everything.ask(chat.create("question"))
    message, question = begun.done
    assert everything.ask(chat.answers(begun.thread_id, question.id, q1=["seven"])).text == "nothing "
    item = everything.ask(chat.items(begun.thread_id, order="asc"))["data"][1]
    assert (item["status"], item["inputs"][0]["answer"]["values"]) == ("answered", ["seven"])
    for again in (question.id, message.id):
        assert everything.refused(chat.answers(begun.thread_id, again, q1=["eight"])) == (400, "invalid")


def test_dictation(everything):
    assert everything.ask(chat.dictate()) == {"text": "3 bytes of audio/webm"}


def test_what_is_not_there(everything):
    begun = everything.ask(chat.create())
    thread, message = begun.thread_id, begun.done[1].id
    for wanted in (
        chat.get("thr_0"),
        chat.get(""),
        chat.add("thr_0"),
        chat.retry("thr_0", message),
        chat.retry(thread, "msg_0"),
        chat.act("thr_0"),
        chat.act(thread, "msg_0"),
        chat.act_in_sync("thr_0"),
        chat.act_in_sync(thread, "msg_0"),
        chat.tool_output("thr_0", 1),
        chat.answers("thr_0", message),
        chat.answers(thread, "msg_0"),
        chat.rename("thr_0", "New"),
        chat.delete("thr_0"),
        chat.feedback("thr_0", message),
        chat.feedback(thread, message, "msg_0"),
        chat.discard("atc_0"),
        chat.threads(after="thr_0"),
        chat.items(thread, after="msg_0"),
        chat.get("x" * 10_000),
    ):
        assert everything.refused(wanted) == (404, "not_found"), wanted


def test_only_what_a_visitor_said_can_be_answered_again(everything):
    begun = everything.ask(chat.create())
    assert everything.refused(chat.retry(begun.thread_id, begun.done[1].id)) == (400, "invalid")
    assert ChatItem.objects.count() == 2


# Feedback


def test_feedback_on_too_many_items(everything):
    assert everything.refused(chat.feedback("thr_1", *map(str, range(1001)))) == (400, "invalid")


def test_feedback_is_kept_whatever_the_agent_does(everything):
    begun = everything.ask(chat.create())
    item, heard = begun.done[1].id, []

    def hear(**given):
        heard.append(given)
        raise RuntimeError

    feedback_given.connect(hear)
    try:
        for kind in ("positive", "negative"):
            assert everything.ask(chat.feedback(begun.thread_id, item, kind=kind)) == {}
    finally:
        feedback_given.disconnect(hear)
    assert [(given["kind"], given["item_ids"], given["sender"]) for given in heard] == [
        ("positive", [item], ChatThread),
        ("negative", [item], ChatThread),
    ]
    assert heard[0]["thread"].thread_id == begun.thread_id
    assert heard[0]["session"].user_identifier == "user-1"
    assert [(row.item.item_id, row.kind) for row in ChatFeedback.objects.all()] == [(item, "negative")]
    assert full.FullServer.heard == [(begun.thread_id, [item], "positive"), (begun.thread_id, [item], "negative")]


# What goes wrong


def test_an_agent_that_is_not_in_the_settings(me, agents, records):
    del agents["echo"]
    assert me.refused(chat.create()) == (503, "misconfigured")
    (record,) = records()
    assert (record.status, record.code) == (503, "misconfigured")
    assert "'echo'" in record.getMessage()


def test_without_the_sdk(me, monkeypatch, records):
    monkeypatch.setattr(backends, "find_spec", lambda name: None if name == "chatkit" else find_spec(name))
    assert me.refused(chat.threads()) == (503, "misconfigured")
    assert "pip install" in records()[0].getMessage()


def test_an_agent_without_dictation(me, records):
    assert me.refused(chat.dictate()) == (503, "misconfigured")
    assert "input.transcribe" in records()[0].getMessage()


class Broken(stores.DjangoStore):
    async def load_threads(self, *args, **kwargs):
        raise KeyError("sk-secret")


def test_what_nobody_foresaw(me, monkeypatch, records):
    monkeypatch.setattr(processing, "DjangoStore", Broken)
    response = me.answer(chat.threads())
    assert response.status_code == 500
    assert response.json()["code"] == "error"
    assert "sk-secret" not in response.content.decode()
    (record,) = records()
    assert (record.status, record.code) == (500, "error")
    assert record.exc_info[0] is KeyError
    assert "sk-secret" not in record.getMessage()


def test_an_error_of_the_sites_own_code_is_not_the_visitors(everything, records):
    begun = everything.ask(chat.create("widget"))
    assert everything.refused(chat.act_in_sync(begun.thread_id, begun.done[1].id, fail=True)) == (500, "error")
    record = records()[-1]
    assert (record.exc_info, record.code) == (None, "error")
    assert "ValueError at " in record.getMessage()


def test_who_asks_for_what_is_not_there_fills_no_log(me, caplog):
    caplog.set_level(logging.DEBUG)
    assert me.refused(chat.add("thr_nothing", "Hello")) == (404, "not_found")
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == ["django.request"]


def test_an_error_of_the_database_is_not_the_visitors(me, monkeypatch):
    """Some of them are ``ValueError``s too: only plain ones are meant for visitors."""

    async def fail(*args, **kwargs):
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "secret")

    monkeypatch.setattr(stores.DjangoStore, "load_threads", fail)
    assert me.refused(chat.threads()) == (500, "error")


def test_a_request_that_breaks_off(me, monkeypatch):
    from django.core.handlers.asgi import ASGIRequest
    from django.http import UnreadablePostError

    def broken(self):
        raise UnreadablePostError

    monkeypatch.setattr(ASGIRequest, "body", property(broken))
    assert me.refused(chat.threads()) == (400, "parse_error")


# WSGI


def wsgi(issued, wanted):
    return Client().post(CHAT, chat.body(wanted), content_type="application/json", headers=issued.headers)


def test_under_wsgi_what_needs_no_stream_is_answered(issued, me):
    begun = me.ask(chat.create())
    assert wsgi(issued, chat.get(begun.thread_id)).json()["id"] == begun.thread_id
    assert wsgi(issued, chat.get("thr_0")).status_code == 404
    assert wsgi(issued, b"{").status_code == 400


def test_under_wsgi_the_log_says_what_streams_need(issued, records):
    answer = wsgi(issued, chat.create())
    assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
    assert "ASGI" in records()[0].getMessage()
    assert "uvicorn" in records()[0].getMessage()
    assert not ChatThread.objects.exists()
