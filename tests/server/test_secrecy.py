"""The canary test of self-hosted chats: a session's secret goes through everything, and is seen nowhere."""

from __future__ import annotations

import logging

import pytest

from django_chatkit import sessions
from django_chatkit.models import ChatKitConfiguration
from django_chatkit.server import delivery, processing
from django_chatkit.server.files import StorageFailed

from ..canaries import Diary, database, places
from . import chat, full
from .chat import Caller
from .files import MEMORY
from .issued import issue
from .sending import Sender, form, raw

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def secret(workflow, agents, settings):
    """Of a session that may do everything."""
    settings.STORAGES = {**settings.STORAGES, "default": MEMORY}
    agents["full"] = full.FullServer
    workflow.agent = "full"
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="files", file_upload_enabled=True)
    workflow.save()
    return issue(workflow, "user-1").client_secret


@pytest.fixture
def headers(secret):
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def me(headers):
    return Caller(None, **headers)


@pytest.fixture
def send():
    return Sender("asgi")


@pytest.fixture(autouse=True)
def diary(secret, monkeypatch):
    """Listens to every logger, and in the end looks for the secret in what they said and in every table."""
    diary, root = Diary(), logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    root.addHandler(diary)
    yield diary
    root.removeHandler(diary)
    assert places(diary.text, [secret]) == []
    assert places(database(), [secret]) == []


def fails(*args, **kwargs):
    raise RuntimeError("The database is not there.")


def test_what_goes_well(me, send, headers):
    begun = me.ask(chat.create("widget"))
    me.ask(chat.add(begun.thread_id, "Hello"))
    me.ask(chat.act_in_sync(begun.thread_id, begun.done[1].id))
    url = me.ask(chat.announce())["upload_descriptor"]["url"]
    assert send("PUT", url, **raw(b"abc")).status_code == 200
    assert send("POST", f"{chat.CHAT}attachments/", headers=headers, **form(b"abc")).status_code == 201


def test_what_is_refused(me, workflow):
    assert me.refused(b"{") == (400, "parse_error")
    assert me.refused(chat.add("thr_0")) == (404, "not_found")
    workflow.is_active = False
    workflow.save()
    assert me.refused(chat.threads()) == (401, "authentication_failed")


def test_an_agent_that_fails(me, agents, settings):
    settings.DEBUG = True

    async def broken(thread, item, context):
        fails(thread, item, context)
        yield

    agents["full"] = broken
    assert me.ask(chat.create())[-2].type == "error"


def test_a_database_that_fails(me, monkeypatch, diary):
    monkeypatch.setattr(sessions, "session_of", fails)
    assert me.refused(chat.threads()) == (500, "error")
    assert "_session_of" in diary.text


@pytest.mark.parametrize("place", ["server_for", "DjangoStore", "parsed"])
def test_a_request_that_fails(me, monkeypatch, diary, place):
    monkeypatch.setattr(processing, place, fails)
    assert me.refused(chat.threads()) == (500, "error")
    assert "_processed" in diary.text or place == "parsed"  # the frames have been looked at


def test_code_of_the_site_that_fails(me):
    begun = me.ask(chat.create("widget"))
    assert me.refused(chat.act_in_sync(begun.thread_id, begun.done[1].id, fail=True)) == (500, "error")


@pytest.mark.parametrize("place", ["session_of", "record_of", "opened"])
def test_a_file_that_cannot_be_delivered(me, send, headers, monkeypatch, place):
    known = me.ask(chat.announce())
    assert send("PUT", known["upload_descriptor"]["url"], **raw(b"abc")).status_code == 200
    monkeypatch.setattr(delivery, place, fails)
    send.client.raise_request_exception = False
    assert send("GET", f"{chat.CHAT}attachments/{known['id']}/", headers=headers).status_code == 500


def test_a_file_that_cannot_be_stored(send, headers, monkeypatch):
    def full_disk(content):
        raise StorageFailed

    monkeypatch.setattr("django_chatkit.server.uploads.store", full_disk)
    response = send("POST", f"{chat.CHAT}attachments/", headers=headers, **form(b"abc"))
    assert response.status_code == 503


def test_what_objects_say_of_themselves(workflow, me):
    issued = sessions.create_session(workflow, user_identifier="user-2")
    shown = repr(issued) + repr(issued.session) + repr(vars(issued.session)) + str(issued.session)
    assert places(shown, [str(issued.client_secret)]) == []
    me.ask(chat.threads())
