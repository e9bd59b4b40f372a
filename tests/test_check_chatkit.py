from __future__ import annotations

import datetime
import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import post_save
from django.utils import timezone

from django_chatkit.models import ChatSession

from .behaviours import answer, error, hang_up, normal, silent
from .callers import a_workflow, chatkit
from .records import CANCELLED

pytestmark = pytest.mark.django_db

ISSUED = r"support: A session was issued in \d+\.\d+ s and cancelled\.\n"


def run(*arguments):
    out = io.StringIO()
    call_command("check_chatkit", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments):
    """The message and the exit status."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value), caught.value.returncode


@pytest.fixture
def clock(monkeypatch):
    """Sets the day."""
    return lambda *day: monkeypatch.setattr(timezone, "now", lambda: datetime.datetime(*day, tzinfo=datetime.UTC))


def test_success(openai):
    a_workflow()
    output = run()
    assert re.fullmatch(ISSUED, output)
    session = ChatSession.objects.get()
    assert openai.cancelled == [session.session_id]
    assert session.status == CANCELLED
    assert session.user_identifier.startswith("check-")
    assert session.user is None
    (secret,) = openai.secrets
    assert secret not in output


def test_each_check_is_somebody_else(openai):
    a_workflow()
    run()
    run()
    assert len(set(ChatSession.objects.values_list("user_identifier", flat=True))) == 2


def test_a_named_workflow(openai):
    a_workflow()
    a_workflow("sales")
    assert run("sales").startswith("sales: ")
    assert openai.requests[0].json["workflow"]["id"] == "wf_sales"


def test_the_default_workflow(openai, settings):
    a_workflow()
    a_workflow("sales")
    chatkit(settings, DEFAULT_WORKFLOW="sales")
    assert run().startswith("sales: ")


def test_no_such_workflow(openai):
    a_workflow(is_active=False)
    assert refused("support") == ("There is no active workflow 'support'.", 1)
    assert refused() == ("Name a workflow: there is no default one.", 1)
    assert openai.requests == []


def test_two_workflows_and_no_default(openai):
    a_workflow()
    a_workflow("sales")
    assert refused() == ("Name a workflow: there is no default one.", 1)


LEAKY = "Incorrect API key provided: sk-tests-default-key"

OURS = [
    (400, None, "OpenAI refuses a value (400)."),
    (401, "invalid_api_key", "OpenAI does not accept the API key (401)."),
    (403, None, "The API key may not do this (403)."),
    (404, "not_found", "Almost always the key belongs to another organization or project"),
    (409, "conflict", "OpenAI refuses the request. OpenAI answered 409 (conflict)."),
    (422, "conflict", "OpenAI refuses the request. OpenAI answered 422 (conflict)."),
    (302, "conflict", "OpenAI refuses the request. OpenAI answered 302 (conflict)."),
    (429, "insufficient_quota", "no credit left (429)."),
]


@pytest.mark.parametrize(("status", "code", "words"), OURS)
def test_what_this_site_must_mend(openai, clock, status, code, words):
    clock(2026, 11, 30)
    a_workflow()
    content = {"error": {"message": LEAKY, "type": "invalid_request_error", "code": code}}
    openai.script(answer(status, content, {"x-request-id": "req_1"}))
    message, returncode = refused()
    assert message.startswith("support: ")
    assert words in message
    assert message.endswith(" Request id: req_1.")
    assert returncode == 1
    assert "sk-tests" not in message


@pytest.mark.parametrize("status", [403, 404, 405, 410])
def test_hosted_workflows_are_closed(openai, clock, status):
    clock(2026, 12, 1)
    a_workflow()
    openai.script(error(status))
    message, returncode = refused()
    assert "OpenAI closed the workflows that it ran on 30 November 2026" in message
    assert f"OpenAI answered {status}" in message
    assert "set “run by” to “this site”" in message
    assert returncode == 1


def test_a_wrong_key_is_a_wrong_key_on_any_day(openai, clock):
    clock(2026, 12, 1)
    a_workflow()
    openai.script(error(401))
    assert "does not accept the API key (401)" in refused()[0]


def test_a_closed_workflow_that_still_works(openai, clock):
    clock(2026, 12, 1)
    a_workflow()
    assert re.fullmatch(ISSUED, run())


THEIRS = [
    ([error(429, "rate_limit_exceeded", {"retry-after": "30"})], "asks this account to slow down"),
    ([error(500, "oops")], "OpenAI answered 500 (oops). This is OpenAI's fault"),
    ([hang_up], "Check the network, the proxy variables and BASE_URL."),
    ([silent], "OpenAI did not answer in time."),
    ([answer(200, b"<html>Log in to this hotel's network")], "may answer in its place"),
    ([answer(200, {})], "lacks client_secret or expires_at. Something between"),
    ([normal, silent], "OpenAI did not answer in time."),
]


@pytest.mark.parametrize(("behaviours", "words"), THEIRS)
def test_what_others_must_mend(openai, settings, behaviours, words):
    patience = 0.3 if behaviours == [silent] else 2 if silent in behaviours else 15  # some are answered first
    chatkit(settings, TIMEOUT=(15, patience), MAX_RETRIES=0)
    a_workflow()
    openai.script(*behaviours)
    message, returncode = refused()
    assert words in message
    assert returncode == 2


def test_nobody_listens(openai, settings):
    a_workflow()
    chatkit(settings, BASE_URL="http://127.0.0.1:1/v1", MAX_RETRIES=0)
    message, returncode = refused()
    assert "could not be reached" in message
    assert returncode == 2


def test_no_key(openai, settings, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    a_workflow()
    chatkit(settings, API_KEY=None)
    message, returncode = refused()
    assert message.startswith("support: No OpenAI API key: set DJANGO_CHATKIT['API_KEY']")
    assert returncode == 1


def test_a_key_that_cannot_be_sent(openai, settings):
    a_workflow()
    chatkit(settings, API_KEY="sk-tests-default-key\n")
    message, returncode = refused()
    assert "characters that no HTTP header may hold" in message
    assert returncode == 1
    assert "sk-tests" not in message


def test_a_bad_hook(openai, settings):
    a_workflow()
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: {"plan": None})
    message, returncode = refused()
    assert "“plan”: a value is" in message
    assert returncode == 1


def test_a_hook_that_needs_a_user(openai, settings):
    a_workflow()
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: {"name": user.username})
    message, returncode = refused()
    assert "Does the function of the STATE_VARIABLES setting work without them? AttributeError: " in message
    assert " (tests.test_check_chatkit, line " in message
    assert returncode == 1


def test_a_database_that_takes_no_record(openai):
    def fail(**_kwargs):
        raise RuntimeError

    a_workflow()
    post_save.connect(fail, sender=ChatSession)
    try:
        message, returncode = refused()
    finally:
        post_save.disconnect(fail, sender=ChatSession)
    assert "the database did not take its record" in message
    assert "it was cancelled" in message
    assert returncode == 1
    assert openai.cancelled == list(openai.sessions)


def test_refused_when_cancelling(openai, clock):
    clock(2026, 11, 1)
    a_workflow()
    openai.script(normal, error(403))
    message, returncode = refused()
    assert "could not be cancelled; it expires by itself." in message
    assert "The API key may not do this (403)" in message
    assert returncode == 1
