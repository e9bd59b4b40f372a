from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.exceptions import ChatKitError, ChatKitNotConfigured, ChatKitServerError
from django_chatkit.models import ChatSession
from django_chatkit.signals import session_cancelled, session_created, session_failed, sessions_expired

from .behaviours import after, answer, error, hang_up
from .callers import a_workflow, chatkit
from .records import CANCELLED, EXPIRED, heard, records

pytestmark = pytest.mark.django_db(transaction=True)

ALL = (session_created, session_cancelled, session_failed, sessions_expired)


def failing(**_kwargs):
    raise RuntimeError("A receiver of the project fails.")


def create(workflow=None):
    return sessions.create_session(workflow or a_workflow(), user_identifier="x")


def test_created(openai):
    openai.script(after(0.1))
    with heard(session_created) as created:
        result = create()
    (arrived,) = created
    assert set(arrived) == {"sender", "session", "duration"}
    assert arrived["sender"] is ChatSession
    assert arrived["session"] == result.session
    assert 0.1 <= arrived["duration"] < 5
    assert result.client_secret not in repr(arrived)
    assert result.client_secret not in repr(vars(arrived["session"]))


def test_created_comes_with_the_commit(openai):
    with heard(session_created) as created:
        with transaction.atomic():
            create()
            assert created == []
        assert len(created) == 1


def test_created_is_not_said_of_what_was_rolled_back(openai):
    with heard(session_created) as created, pytest.raises(ZeroDivisionError), transaction.atomic():
        create()
        1 / 0  # noqa: B018
    assert created == []
    assert not ChatSession.objects.exists()


def test_cancelled(openai):
    session = create().session
    openai.script(after(0.1))
    with heard(session_cancelled) as cancelled:
        sessions.cancel_session(session)
    (arrived,) = cancelled
    assert set(arrived) == {"sender", "session", "duration"}
    assert arrived["sender"] is ChatSession
    assert arrived["session"] is session
    assert 0.1 <= arrived["duration"] < 5


def test_receivers_see_what_has_become_of_it(openai):
    session = create().session
    seen = []

    def look(session, **_kwargs):
        seen.append((session.status, session.ended_at is not None, ChatSession.objects.get(pk=session.pk).status))

    session_cancelled.connect(look)
    sessions.cancel_session(session)
    session_cancelled.disconnect(look)
    assert seen == [(CANCELLED, True, CANCELLED)]


def test_cancelled_comes_with_the_commit(openai):
    session = create().session
    with heard(session_cancelled) as cancelled:
        with transaction.atomic():
            sessions.cancel_session(session)
            assert cancelled == []
        assert len(cancelled) == 1


def test_cancelled_without_asking_openai(openai):
    openai.script(answer(200, {"client_secret": "ek_1", "expires_at": 4_000_000_000}))
    session = create().session
    with heard(session_cancelled) as cancelled:
        sessions.cancel_session(session)
    assert cancelled[0]["duration"] == 0.0


FAILURES = [(error(500), ChatKitServerError), (hang_up, ChatKitError), (answer(200, []), ChatKitError)]


@pytest.mark.parametrize(("behaviour", "kind"), FAILURES)
def test_failed(openai, behaviour, kind):
    workflow = a_workflow()
    openai.script(after(0.1, behaviour))
    with heard(session_failed) as failed, heard(session_created) as created, pytest.raises(kind) as caught:
        create(workflow)
    (arrived,) = failed
    assert set(arrived) == {"sender", "workflow", "error", "duration"}
    assert (arrived["sender"], arrived["workflow"], arrived["error"]) == (ChatSession, workflow, caught.value)
    assert 0.1 <= arrived["duration"] < 5
    assert created == []


def test_failed_is_sent_at_once(openai):
    openai.script(error(500))
    with heard(session_failed) as failed, transaction.atomic():
        with pytest.raises(ChatKitServerError):
            create()
        assert len(failed) == 1


def test_failed_is_not_said_of_a_mistake_in_the_settings(openai, settings):
    chatkit(settings, API_KEY="not a key")
    with heard(session_failed) as failed, pytest.raises(ChatKitNotConfigured):
        create()
    assert failed == []


def test_a_refused_cancellation_is_not_announced(openai):
    session = create().session
    openai.script(error(404))
    with heard(session_cancelled) as cancelled, heard(session_failed) as failed, pytest.raises(ChatKitError):
        sessions.cancel_session(session)
    assert cancelled == failed == []


def test_expired_once_per_batch():
    rows = records(a_workflow(), 5, lives=-60)
    with heard(sessions_expired) as expired:
        assert sessions.expire_sessions(batch_size=2) == 5
    assert all(set(arrived) == {"sender", "ids", "using"} for arrived in expired)
    assert all((arrived["sender"], arrived["using"]) == (ChatSession, "default") for arrived in expired)
    first, second, third, fourth, fifth = (row.pk for row in rows)
    assert [arrived["ids"] for arrived in expired] == [[first, second], [third, fourth], [fifth]]


def test_expired_comes_with_the_commit_of_its_batch():
    records(a_workflow(), 4, lives=-60)
    seen = []

    def look(ids, **_kwargs):
        seen.append((len(ids), ChatSession.objects.filter(status=EXPIRED).count()))

    sessions_expired.connect(look)
    sessions.expire_sessions(batch_size=2)
    sessions_expired.disconnect(look)
    assert seen == [(2, 2), (2, 4)]


def test_nothing_to_expire_is_not_announced():
    records(a_workflow(), 1)
    with heard(sessions_expired) as expired:
        assert sessions.expire_sessions() == 0
    assert expired == []


def test_deleting_is_not_announced():
    records(a_workflow(), 2, lives=-90_000, status=EXPIRED, ended_at=timezone.now() - timedelta(days=2))
    with heard(sessions_expired) as expired:
        assert sessions.delete_sessions(older_than=timedelta(days=1)) == 2
    assert expired == []


@pytest.mark.parametrize("signal", ALL)
def test_a_failing_receiver_harms_nobody(openai, signal, caplog):
    """Neither those who called, nor the receivers after it."""
    records(a_workflow("old"), 1, lives=-60)
    signal.connect(failing)
    try:
        with heard(signal) as arrived, caplog.at_level(logging.ERROR, "django.dispatch"):
            session = create().session
            sessions.cancel_session(session)
            sessions.expire_sessions()
            openai.script(error(500))
            with pytest.raises(ChatKitServerError):
                create(session.workflow)
    finally:
        signal.disconnect(failing)
    assert len(arrived) == 1
    assert ["A receiver of the project fails" in record.getMessage() for record in caplog.records] == [True]
    assert {CANCELLED, EXPIRED} == set(ChatSession.objects.values_list("status", flat=True))
