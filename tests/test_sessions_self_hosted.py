"""Sessions of workflows that this site runs: issued, presented, reused, cancelled and expired without OpenAI.

None of it needs the SDK itself, only that it is there.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest
from django.test import TransactionTestCase
from django.utils import timezone

from django_chatkit import sessions, signals
from django_chatkit.conf import conf
from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow
from django_chatkit.sessions import backends

from .callers import Browser, a_user, a_workflow, chatkit
from .records import a_record, heard

pytestmark = pytest.mark.django_db

SECRET = re.compile(r"chatkit_secret_[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def installed(monkeypatch, settings):
    """The extra, and one agent; and no key, for nobody needs one."""
    for name in ("CHATKIT_OPENAI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(backends, "find_spec", lambda name: name)
    settings.DJANGO_CHATKIT = {"AGENTS": {"support": "project.agents.support"}, "THROTTLE_RATE": None}


@pytest.fixture
def workflow():
    return a_workflow(backend="self_hosted", agent="support", workflow_id="")


def issue(workflow, identifier="user-1", **more):
    return sessions.create_session(workflow, user_identifier=identifier, **more)


# Issuing


def test_a_secret_is_random_and_only_its_digest_is_kept(workflow):
    issued = [issue(workflow) for _ in range(20)]
    secrets = {str(one.client_secret) for one in issued}
    assert len(secrets) == 20
    assert all(SECRET.fullmatch(secret) for secret in secrets)  # 43 characters of 6 bits: 256 bits
    for one in issued:
        row = ChatSession.objects.values().get(pk=one.session.pk)
        assert row["secret_digest"] == hashlib.sha256(str(one.client_secret).encode()).hexdigest()
        assert str(one.client_secret) not in repr(row)
        assert str(one.client_secret) not in repr(one)


def test_the_record_says_what_really_runs(workflow):
    """With OpenAI's defaults where the workflow says nothing; but no traces, which take the conversation to OpenAI."""
    before = timezone.now()
    session = issue(workflow).session
    session.refresh_from_db()
    assert (session.backend, session.workflow_id, session.workflow_version) == ("self_hosted", "support", "")
    assert (session.max_requests_per_1_minute, session.tracing_enabled, session.state_variables) == (10, False, {})
    assert session.chatkit_configuration == {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
        "history": {"enabled": True, "recent_threads": None},
    }
    assert re.fullmatch("cksess_[0-9a-f]{32}", session.session_id)
    assert not session.is_local
    assert timedelta(seconds=598) <= session.expires_at - before <= timedelta(seconds=601)
    assert session.current_status == "active"


def test_everything_that_is_set_counts(workflow):
    Workflow.objects.update(
        tracing_enabled=True,
        expires_after=60,
        max_requests_per_1_minute=3,
        state_variables={"plan": "free", "seats": 1},
        client_state_variables=["page"],
        chatkit_configuration=ChatKitConfiguration.objects.create(
            name="P", file_upload_enabled=True, file_upload_max_file_size=2, history_enabled=False
        ),
    )
    workflow.refresh_from_db()
    session = issue(workflow, state_variables={"plan": "gold"}).session
    assert (session.tracing_enabled, session.max_requests_per_1_minute) == (True, 3)
    assert session.state_variables == {"plan": "gold", "seats": 1}
    assert session.chatkit_configuration["file_upload"] == {"enabled": True, "max_file_size": 2, "max_files": 10}
    assert session.chatkit_configuration["history"] == {"enabled": False, "recent_threads": None}
    assert (session.expires_at - timezone.now()).total_seconds() <= 60


def test_without_the_extra_it_says_how_to_install_it(workflow, monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with heard(signals.session_failed) as failed, pytest.raises(ChatKitNotConfigured) as caught:
        issue(workflow)
    assert "pip install 'django-openai-chatkit[server]'" in str(caught.value)
    assert failed == []  # as for a missing key: that is a mistake in the settings
    assert not ChatSession.objects.exists()


def test_an_agent_that_the_settings_lost(workflow, settings):
    chatkit(settings, AGENTS={"other": "a.b"})
    with pytest.raises(ChatKitNotConfigured, match="has no agent 'support'; it has: 'other'"):
        issue(workflow)
    chatkit(settings, AGENTS={})
    with pytest.raises(ChatKitNotConfigured, match="it has: none"):
        issue(workflow)


class Signals(TransactionTestCase):
    def test_the_same_signals_as_for_hosted_ones(self):
        workflow = a_workflow(backend="self_hosted", agent="support", workflow_id="")
        with heard(signals.session_created) as created, heard(signals.session_cancelled) as cancelled:
            session = sessions.cancel_session(issue(workflow).session)
        assert [one["session"] for one in (*created, *cancelled)] == [session, session]
        assert all(0 <= one["duration"] < 5 for one in (*created, *cancelled))


# Over HTTP


def test_the_answer_is_that_of_a_hosted_one_with_the_chats_address(workflow, openai, settings):
    chatkit(settings, API_KEY="sk-tests-1")
    hosted = a_workflow("sales")
    browser = Browser(a_user())
    own, other = browser.issue(workflow=workflow.slug), browser.issue(workflow=hosted.slug)
    assert (own.status_code, other.status_code) == (201, 201)
    assert own.json().keys() == other.json().keys()
    assert own["X-ChatKit-URL"] == "/chatkit/chat/support/"
    assert "X-ChatKit-URL" not in other
    assert SECRET.fullmatch(own.json()["client_secret"])
    assert own["Cache-Control"] == "no-store"
    assert len(openai.requests) == 1  # the hosted one


def test_a_reload_gets_the_same_secret_and_an_edit_a_new_one(workflow):
    browser = Browser(a_user())
    first, second = browser.issue(), browser.issue()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["client_secret"] == second.json()["client_secret"]
    assert second["X-ChatKit-URL"] == first["X-ChatKit-URL"]
    assert browser.issue(refresh=True).json()["client_secret"] != first.json()["client_secret"]
    browser.issue()
    Workflow.objects.update(max_requests_per_1_minute=3)
    assert browser.issue().status_code == 201


@pytest.mark.parametrize("change", [{"agent": "other"}, {"backend": "hosted", "workflow_id": "wf_support"}])
def test_a_workflow_that_moves_issues_new_sessions(workflow, settings, openai, change):
    chatkit(settings, AGENTS={"support": "a.b", "other": "a.c"}, API_KEY="sk-tests-1", BASE_URL=openai.url)
    browser = Browser(a_user())
    old = browser.issue().json()["client_secret"]
    Workflow.objects.update(**change)
    answer = browser.issue()
    assert answer.status_code == 201
    assert answer.json()["client_secret"] != old
    assert ("X-ChatKit-URL" in answer) is ("backend" not in change)


def test_misconfigured_is_a_503_that_tells_the_browser_nothing(workflow, settings, caplog):
    chatkit(settings, AGENTS={})
    answer = Browser(a_user()).issue()
    assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
    assert "AGENTS" not in answer.text
    assert "has no agent 'support'" in caplog.text


# Presenting


def test_a_secret_leads_to_its_session_in_one_query(workflow, django_assert_num_queries):
    user = a_user("ada")
    issued = sessions.create_session(workflow, user=user)
    issue(workflow)
    with django_assert_num_queries(1):
        found = sessions.session_of(str(issued.client_secret), "support")
        assert found == issued.session
        assert (found.user, found.workflow, found.workflow.chatkit_configuration) == (user, workflow, None)


@pytest.mark.parametrize("wrong", ["", "x", "chatkit_secret_", "ek_" + "0" * 64, "\0", "\ud800", "é" * 5000])
def test_a_wrong_secret_is_nothing(workflow, wrong):
    issue(workflow)
    assert sessions.session_of(wrong, "support") is None


def test_a_digest_is_no_secret(workflow):
    """Who reads the table cannot use what is there."""
    session = issue(workflow).session
    assert sessions.session_of(session.secret_digest, "support") is None
    assert sessions.session_of(session.session_id, "support") is None


LOST = {
    "cancelled": lambda session: sessions.cancel_session(session),
    "expired": lambda session: ChatSession.objects.update(expires_at=timezone.now()),
    "its user deactivated": lambda session: type(session.user).objects.update(is_active=False),
    "its workflow deactivated": lambda session: Workflow.objects.update(is_active=False),
    "its workflow moved to OpenAI": lambda session: Workflow.objects.update(backend="hosted", workflow_id="wf_1"),
    "its workflow renamed": lambda session: Workflow.objects.update(slug="renamed"),
    "its record deleted": lambda session: ChatSession.objects.all().delete(),
}


@pytest.mark.parametrize("how", LOST)
def test_a_secret_is_worth_nothing_any_more(workflow, how):
    issued = sessions.create_session(workflow, user=a_user("ada"))
    secret = str(issued.client_secret)
    assert sessions.session_of(secret, "support") is not None
    LOST[how](issued.session)
    assert sessions.session_of(secret, "support") is None


@pytest.mark.parametrize("slug", ["SUPPORT", "other", "support ", ""])
def test_a_secret_is_for_one_workflow(workflow, slug):
    a_workflow("other", backend="self_hosted", agent="support")
    assert sessions.session_of(str(issue(workflow).client_secret), slug) is None


def test_the_sessions_of_a_user_who_is_deleted_are_cancelled(workflow, openai, settings):
    """The record of a deleted user looks like a visitor's. Hosted sessions end by themselves: OpenAI is not asked."""
    chatkit(settings, API_KEY="sk-tests-1")
    user, hosted = a_user("ada"), a_workflow("sales")
    issued, other, theirs = (sessions.create_session(one, user=user) for one in (workflow, workflow, hosted))
    friends = sessions.create_session(workflow, user=a_user("bob"))
    user.delete()
    for one, status in ((issued, "cancelled"), (other, "cancelled"), (theirs, "active"), (friends, "active")):
        one.session.refresh_from_db()
        assert one.session.status == status
    assert sessions.session_of(str(issued.client_secret), "support") is None
    assert sessions.session_of(str(friends.client_secret), "support") == friends.session
    assert openai.cancelled == []


# Ending


def test_cancelling_asks_nobody_and_may_be_repeated(workflow):
    session = issue(workflow).session
    assert sessions.cancel_session(session).status == "cancelled"
    ended = session.ended_at
    assert sessions.cancel_session(session).ended_at == ended


def test_a_session_is_cancelled_where_it_was_issued(workflow, openai, settings):
    """The workflow has moved since."""
    chatkit(settings, API_KEY="sk-tests-1", BASE_URL=openai.url)
    own = issue(workflow).session
    Workflow.objects.update(backend="hosted", workflow_id="wf_1")
    workflow.refresh_from_db()
    hosted = issue(workflow).session
    Workflow.objects.update(backend="self_hosted")
    for session in ChatSession.objects.all():
        sessions.cancel_session(session)
    assert openai.cancelled == [hosted.session_id]
    assert set(ChatSession.objects.values_list("status", flat=True)) == {"cancelled"}
    assert own.session_id not in openai.cancelled


def test_expiring_and_deleting_are_the_same_for_both(workflow):
    issue(workflow)
    ChatSession.objects.update(expires_at=timezone.now() - timedelta(days=2))
    assert sessions.expire_sessions() == 1
    assert sessions.delete_sessions(older_than=timedelta(days=1)) == 1


# Settings


def test_an_agent_is_imported_when_it_is_asked_for(settings):
    chatkit(settings, AGENTS={"good": "tests.records.a_record", "object": issue, "bad": "tests.records.nothing"})
    assert conf.agent("good") is a_record
    assert conf.agent("object") is issue
    assert conf.agent_path("bad") == "tests.records.nothing"
    with pytest.raises(ChatKitNotConfigured, match=r"'tests\.records\.nothing' cannot be imported"):
        conf.agent("bad")
    with pytest.raises(ChatKitNotConfigured, match="has no agent 'none'; it has: 'good', 'object', 'bad'"):
        conf.agent("none")
