"""What a project tests beyond the guide: threads, a live server, signals, settings, asynchronous views."""

import json
import logging
import threading
import urllib.request

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.test import AsyncClient, override_settings

from django_chatkit import sessions
from django_chatkit.models import Workflow
from django_chatkit.signals import session_created, session_failed
from django_chatkit.testing import fake_chatkit


@pytest.fixture
def workflow(db):
    return Workflow.objects.create(
        slug="support", name="Support", workflow_id="wf_support", api_key="eu", allow_anonymous=True
    )


def post(client, **fields):
    return client.post("/chatkit/sessions/", fields, content_type="application/json")


def test_the_named_key_is_used(settings, chatkit, client, workflow):
    assert post(client).status_code == 201
    assert chatkit.requests[0].headers["OpenAI-Organization"] == "org-eu"
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "API_KEYS": {}}
    assert post(client, refresh=True).json()["code"] == "misconfigured"


def test_the_project_is_as_it_was(settings, workflow, client):
    assert settings.DJANGO_CHATKIT["THROTTLE_RATE"] == "3/min"
    assert post(client).json()["code"] == "misconfigured"  # there is no key in the environment


def test_reuse(chatkit, client, workflow):
    first, second = post(client), post(client)
    assert (first.status_code, second.status_code) == (201, 200)
    assert len(chatkit.sessions) == 1
    with override_settings(DJANGO_CHATKIT={"REUSE_SESSIONS": False, "API_KEYS": {"eu": "sk-any"}}):
        assert post(client).status_code == 201


def test_threads(chatkit, workflow):
    from django_chatkit.client import ChatKitClient

    def issue():
        ChatKitClient("sk-mine").create_session(user="u", workflow={"id": "wf"})

    threads = [threading.Thread(target=issue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(chatkit.secrets)) == 8


@pytest.mark.django_db(transaction=True)
def test_a_live_server(chatkit, live_server, workflow):
    headers = {"Content-Type": "application/json", "X-CSRFToken": "c" * 32, "Cookie": f"csrftoken={'c' * 32}"}
    request = urllib.request.Request(f"{live_server.url}/chatkit/sessions/", b"{}", headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert json.load(answer)["client_secret"] == chatkit.secrets[0]


def test_an_async_client(chatkit, workflow):
    answer = async_to_sync(AsyncClient().post)("/chatkit/sessions/", {}, content_type="application/json")
    assert answer.status_code == 201


def test_signals(chatkit, workflow, django_capture_on_commit_callbacks):
    told = []

    def listen(signal, **_):
        told.append(signal)

    for signal in (session_created, session_failed):
        signal.connect(listen)
    with django_capture_on_commit_callbacks(execute=True):
        sessions.create_session(workflow, user_identifier="u1")
    chatkit.fail("upstream_error")
    with pytest.raises(Exception, match="500"):
        sessions.create_session(workflow, user_identifier="u1")
    for signal in (session_created, session_failed):
        signal.disconnect(listen)
    assert told == [session_created, session_failed]


def test_no_secret_is_logged(chatkit, client, workflow, caplog):
    caplog.set_level(logging.DEBUG)
    post(client)
    chatkit.fail("misconfigured")
    assert post(client, refresh=True).status_code == 503
    assert "misconfigured" in caplog.text
    assert not [secret for secret in chatkit.secrets if secret in caplog.text]


def test_check_chatkit(chatkit, workflow, capsys):
    call_command("check_chatkit", "support")
    assert len(chatkit.cancelled) == 1
    chatkit.fail("upstream_timeout")
    with pytest.raises(BaseException) as caught:
        call_command("check_chatkit", "support")
    assert getattr(caught.value, "returncode", getattr(caught.value, "code", None)) == 2


def test_a_block_in_the_middle(client, workflow):
    with fake_chatkit() as outer:
        with fake_chatkit(THROTTLE_RATE="0/min") as inner:
            assert post(client).json()["code"] == "throttled"
        assert post(client).status_code == 201
    assert (len(outer.requests), len(inner.requests)) == (1, 0)
