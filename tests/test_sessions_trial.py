"""Trying a workflow out, as the command and the admin do. What is wrong in which words is in test_check_chatkit."""

from __future__ import annotations

import pytest

from django_chatkit import sessions
from django_chatkit.diagnosis import Diagnosis
from django_chatkit.models import ChatSession, Workflow
from django_chatkit.sessions import Trial

from .behaviours import answer, error, normal
from .callers import a_user, a_workflow, chatkit
from .fake_openai import full_answer
from .records import CANCELLED, a_request

pytestmark = pytest.mark.django_db


def test_a_trial_is_a_real_session_of_nobody(openai, settings):
    called = []
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: called.append((user, request)) or {})
    administrator = a_user()
    request = a_request(administrator)
    trial = sessions.try_workflow(a_workflow(), request=request)
    assert called == [(administrator, request)]
    record = ChatSession.objects.get()
    assert trial.session == record
    assert (record.user, record.login_key, record.status) == (None, "", CANCELLED)
    assert record.user_identifier.startswith("check-")
    assert openai.requests[0].json["user"] == record.user_identifier
    assert openai.cancelled == [record.session_id]
    assert trial.seconds > 0
    assert trial.problems == ()


def test_the_namespace_is_kept(openai, settings):
    chatkit(settings, USER_NAMESPACE="staging")
    sessions.try_workflow(a_workflow())
    assert ChatSession.objects.get().user_identifier.startswith("staging:check-")


def test_no_secret_is_in_it(openai):
    trial = sessions.try_workflow(a_workflow())
    assert openai.secrets[0] not in repr(vars(trial)) + repr(vars(trial.session))


def test_what_could_not_be_cancelled_is_shown_all_the_same(openai, settings):
    chatkit(settings, MAX_RETRIES=0)
    openai.script(normal, error(500))
    trial = sessions.try_workflow(a_workflow())
    assert trial.session.status == "active"
    assert trial.findings[0].endswith(" s.")
    assert "could not be cancelled; it expires by itself. OpenAI answered 500" in trial.problems[0].text
    assert trial.returncode == 2


def test_an_answer_without_an_id(openai):
    content = full_answer({"user": "x", "workflow": {"id": "wf_1"}})
    del content["id"]
    openai.script(answer(200, content))
    trial = sessions.try_workflow(a_workflow())
    assert trial.session.is_local
    assert trial.problems == ()
    assert trial.findings[0].endswith("OpenAI gave it no id: it expires by itself.")
    assert openai.cancelled == []


def test_a_function_of_the_site_that_fails(openai, settings):
    def fail(workflow, user=None, request=None):
        raise LookupError("no plan")

    chatkit(settings, STATE_VARIABLES=fail)
    workflow = a_workflow()
    (problem,) = sessions.try_workflow(workflow, request=a_request(a_user())).problems
    assert problem.ours
    assert "settings name failed" in problem.text
    assert "LookupError: no plan (tests.test_sessions_trial, line " in problem.text
    assert "without a user and a request" in sessions.try_workflow(workflow).problems[0].text
    assert openai.requests == []
    assert not ChatSession.objects.exists()


@pytest.mark.parametrize(
    ("faults", "returncode"), [([], 0), ([True], 1), ([False], 2), ([False, True], 1), ([False, False], 2)]
)
def test_the_exit_status(faults, returncode):
    assert Trial(Workflow(), problems=tuple(Diagnosis("", ours) for ours in faults)).returncode == returncode


def test_a_self_hosted_workflow_without_the_extra(monkeypatch, settings):
    chatkit(settings, AGENTS={"echo": "tests.server.echo.respond"})
    monkeypatch.setattr("django_chatkit.sessions.backends.find_spec", lambda name: None)
    workflow = a_workflow(backend="self_hosted", agent="echo")
    (problem,) = sessions.try_workflow(workflow, request=a_request(a_user())).problems
    assert "pip install 'django-openai-chatkit[server]'" in problem.text
