"""OpenAI issued a session, and the database does not take its record."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.models.signals import post_save, pre_save

from django_chatkit import sessions
from django_chatkit.exceptions import SessionNotSaved
from django_chatkit.models import ChatSession
from django_chatkit.sessions import issuing
from django_chatkit.signals import session_created, session_failed

from .behaviours import after, answer, error, normal, silent
from .callers import a_user, a_workflow, chatkit
from .records import a_record, heard

TABLE = ChatSession._meta.db_table


@contextmanager
def no_table():
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {TABLE}_away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE}_away RENAME TO {TABLE}")


@contextmanager
def failing_receiver(signal):
    def fail(**_kwargs):
        raise RuntimeError("sk-tests-default-key is what this receiver likes to say")

    signal.connect(fail, sender=ChatSession, weak=False)
    try:
        yield
    finally:
        signal.disconnect(fail, sender=ChatSession)


@contextmanager
def no_user():
    """The user is deleted after having been read; PostgreSQL and SQLite only notice when the record is committed."""
    User.objects.filter(username="ada")._raw_delete("default")
    yield


@contextmanager
def no_key():
    def forget(instance, **_kwargs):
        instance.user_key = None

    pre_save.connect(forget, sender=ChatSession, weak=False)
    try:
        yield
    finally:
        pre_save.disconnect(forget, sender=ChatSession)


OBSTACLES = [
    (no_table, DatabaseError),
    (no_user, IntegrityError),
    (no_key, IntegrityError),
    (lambda: failing_receiver(pre_save), RuntimeError),
    (lambda: failing_receiver(post_save), RuntimeError),
]
IDS = ["no table", "no user", "NOT NULL", "pre_save", "post_save"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("obstacle", "cause"), OBSTACLES, ids=IDS)
def test_nothing_is_left_behind(openai, obstacle, cause):
    workflow, user = a_workflow(), a_user()
    with (
        heard(session_failed) as failures,
        heard(session_created) as created,
        obstacle(),
        pytest.raises(SessionNotSaved) as caught,
    ):
        sessions.create_session(workflow, user=user)
    assert isinstance(caught.value.__cause__, cause)
    assert openai.cancelled == list(openai.sessions)
    assert len(openai.cancelled) == 1
    assert not ChatSession.objects.exists()
    assert created == []
    (failure,) = failures
    assert (failure["workflow"], failure["error"]) == (workflow, caught.value)
    assert not connection.in_atomic_block


@pytest.mark.django_db
def test_what_the_error_says(openai):
    with failing_receiver(post_save), pytest.raises(SessionNotSaved) as caught:
        sessions.create_session(a_workflow(), user_identifier="x")
    assert str(caught.value) == "The session could not be saved (RuntimeError); it was cancelled."
    assert caught.value.request_id.startswith("req_")


@pytest.mark.django_db
def test_an_id_that_exists_already(openai):
    workflow = a_workflow()
    a_record(workflow, session_id="cksess_1").save()
    openai.script(answer(200, {"id": "cksess_1", "client_secret": "ek_1", "expires_at": 4_000_000_000}))
    with pytest.raises(SessionNotSaved) as caught:
        sessions.create_session(workflow, user_identifier="x")
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert openai.requests[-1].path.endswith("/cksess_1/cancel")
    assert ChatSession.objects.count() == 1


@pytest.mark.django_db
def test_the_callers_transaction_goes_on(openai):
    workflow = a_workflow()
    with transaction.atomic():
        a_record(workflow).save()
        with failing_receiver(post_save), pytest.raises(SessionNotSaved):
            sessions.create_session(workflow, user_identifier="x")
        a_record(workflow).save()
    assert ChatSession.objects.count() == 2


@pytest.mark.django_db
def test_without_an_id_it_cannot_be_cancelled(openai):
    openai.script(answer(200, {"client_secret": "ek_1", "expires_at": 4_000_000_000}))
    with failing_receiver(post_save), pytest.raises(SessionNotSaved, match="it has no id, so it expires by itself"):
        sessions.create_session(a_workflow(), user_identifier="x")
    assert len(openai.requests) == 1


@pytest.mark.django_db
def test_cancelling_may_fail_too(openai):
    openai.script(normal, error(404, "not_found"))
    with failing_receiver(post_save), pytest.raises(SessionNotSaved) as caught:
        sessions.create_session(a_workflow(), user_identifier="x")
    assert "it could not be cancelled either (OpenAI answered 404 (not_found).)" in str(caught.value)


@pytest.mark.django_db
def test_cancelling_takes_little_time(openai, settings, monkeypatch):
    chatkit(settings, TIMEOUT=60, DEADLINE=60)
    assert issuing.BRIEF_DEADLINE == 2
    monkeypatch.setattr(issuing, "BRIEF_DEADLINE", 0.2)
    openai.script(normal, silent, silent, silent)
    started = time.monotonic()
    with failing_receiver(post_save), pytest.raises(SessionNotSaved, match="could not be cancelled either"):
        sessions.create_session(a_workflow(), user_identifier="x")
    assert time.monotonic() - started < 10


@pytest.mark.django_db
def test_the_duration_is_that_of_issuing(openai):
    """Cancelling begins after it, and is not part of it."""
    cancelling = []

    def cancelled_slowly(exchange):
        cancelling.append(time.monotonic())
        return after(0.5)(exchange)

    openai.script(after(0.2), cancelled_slowly)
    workflow, started = a_workflow(), time.monotonic()
    with heard(session_failed) as failures, failing_receiver(post_save), pytest.raises(SessionNotSaved):
        sessions.create_session(workflow, user_identifier="x")
    assert 0.2 <= failures[0]["duration"] <= cancelling[0] - started


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_meanwhile(openai):
    ours, open_ones = connections["default"], []

    def watch(exchange):
        open_ones.append(ours.in_atomic_block)
        return normal(exchange)

    openai.script(watch, watch)
    with failing_receiver(post_save), pytest.raises(SessionNotSaved):
        sessions.create_session(a_workflow(), user_identifier="x")
    assert open_ones == [False, False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signal", [pre_save, post_save], ids=["before", "after"])
def test_what_a_receiver_wrote_goes_with_the_record(openai, signal):
    """A receiver locks and writes in the transaction of the record, which fails."""

    def write(instance, **_kwargs):
        list(User.objects.select_for_update())
        User.objects.create(username="written")
        instance.session_id = "cksess_1"
        if signal is post_save:
            raise IntegrityError

    workflow = a_workflow()
    a_record(workflow, session_id="cksess_1").save()
    signal.connect(write, sender=ChatSession)
    try:
        with pytest.raises(SessionNotSaved) as caught:
            sessions.create_session(workflow, user_identifier="x")
    finally:
        signal.disconnect(write, sender=ChatSession)
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert (ChatSession.objects.count(), User.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_without_receivers_a_record_is_one_statement(openai, django_assert_num_queries):
    prepared = sessions.prepare_session(a_workflow(), user_identifier="x")
    with django_assert_num_queries(1):
        sessions.issue_session(prepared)
