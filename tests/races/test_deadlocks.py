"""Transactions of the project lock records in an order of their own: a database ends the deadlock, the app goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction

from django_chatkit import sessions
from django_chatkit.models import ChatSession, Workflow
from tests.callers import a_workflow
from tests.fake_openai import FakeOpenAI
from tests.records import CANCELLED, EXPIRED, records, statuses

from .processes import PATIENCE

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.services]

#: How many others wait for a lock. SQLite has one lock, which the project has.
WAITING = {
    "sqlite": "SELECT 1",
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks "
    "WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx JOIN information_schema.processlist "
    "ON id = trx_mysql_thread_id WHERE db = database() AND trx_state = 'LOCK WAIT'",
}
#: The lock that a reader takes of an index alone, where there is such a thing.
READING = {
    "sqlite": "UPDATE django_chatkit_chatsession SET request_id = 'x' WHERE id = %s",
    "postgresql": "SELECT id FROM django_chatkit_chatsession WHERE id = %s FOR SHARE",
    "mysql": "SELECT id FROM django_chatkit_chatsession FORCE INDEX (chatkit_session_expiry) "
    "WHERE status = 'active' AND id = %s LOCK IN SHARE MODE",
}


def in_another_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def execute(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() if cursor.description else None


def somebody_waits() -> None:
    end = time.monotonic() + PATIENCE
    while not execute(WAITING[connection.vendor])[0]:
        assert time.monotonic() < end, "Nobody waits."
        time.sleep(0.2)  # MariaDB looks again only after a tenth of a second in which nobody asked


def set_request_id(record: ChatSession) -> None:
    ChatSession.objects.filter(pk=record.pk).update(request_id="x")


@contextlib.contextmanager
def a_long_transaction() -> Any:
    """It has done so much already that a database would rather roll back another one. If not, this one gives way."""
    with contextlib.suppress(OperationalError), transaction.atomic():
        if connection.vendor == "postgresql":  # who finds the deadlock is rolled back: not this one
            execute("SET LOCAL deadlock_timeout = '5s'")
        User.objects.bulk_create(User(username=f"user{number}") for number in range(300))
        yield


def test_expiring() -> None:
    """The project's transaction has the second record, waits for the first one, and whoever expires the opposite."""
    workflow = a_workflow()
    records(workflow, 300)
    first, second = records(workflow, 1, lives=-90)[0], records(workflow, 1, lives=-60)[0]
    with ThreadPoolExecutor(1) as others:
        with a_long_transaction():
            set_request_id(second)
            expiring = others.submit(in_another_thread, sessions.expire_sessions)
            somebody_waits()
            set_request_id(first)
        assert expiring.result(PATIENCE) == 2
    assert statuses().count(EXPIRED) == 2


def test_cancelling(openai: FakeOpenAI) -> None:
    """MariaDB locks a record and its place in an index one after the other: what this one has, the other one wants."""
    workflow = a_workflow()
    records(workflow, 300)
    session = sessions.create_session(workflow, user_identifier="x").session
    with ThreadPoolExecutor(1) as others:
        with a_long_transaction():
            execute(READING[connection.vendor], session.pk)
            cancelling = others.submit(in_another_thread, lambda: sessions.cancel_session(session))
            somebody_waits()
            set_request_id(session)
        assert cancelling.result(PATIENCE).status == CANCELLED
    assert statuses().count(CANCELLED) == len(openai.cancelled) == 1


def test_issuing(openai: FakeOpenAI) -> None:
    """The new record waits for its workflow, which the project has; the project for all records, the new one too."""
    workflow = a_workflow()
    records(workflow, 300)
    with ThreadPoolExecutor(1) as others:
        with a_long_transaction():
            Workflow.objects.select_for_update().get()
            issue = partial(sessions.create_session, workflow, user_identifier="x")
            issuing = others.submit(in_another_thread, issue)
            somebody_waits()
            list(ChatSession.objects.select_for_update())
        issued = issuing.result(PATIENCE).session
    assert ChatSession.objects.get(session_id__in=openai.sessions) == issued
    assert openai.cancelled == []
