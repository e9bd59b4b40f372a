"""Sites with several databases: a replica that lags behind, and this app's tables in a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connections, transaction

from django_chatkit import sessions, signals
from django_chatkit.models import ChatSession, ChatThread, Workflow

from ..behaviours import Exchange, normal
from ..callers import Browser, a_user, a_workflow
from ..fake_openai import FakeOpenAI
from ..records import ACTIVE, CANCELLED, EXPIRED, heard, records
from ..second_database import ALIAS, second_database

pytestmark = pytest.mark.django_db(transaction=True)


class ToReplica:
    """As Django's documentation has it: reads go to a replica, writes to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label == "django_chatkit" else "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


class Apart:
    """This app's tables are in a database of their own. Foreign keys take the users and groups along."""

    APPS = ("django_chatkit", "auth", "contenttypes")

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label in self.APPS else None

    db_for_write = db_for_read


class WithoutUsers(Apart):
    """What Django does not support: a foreign key to a user in another database."""

    APPS = ("django_chatkit",)

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


@pytest.fixture
def second(tmp_path: Path) -> Iterator[str]:
    with second_database(tmp_path) as alias:
        with connections[alias].schema_editor() as editor:
            for model in (ContentType, Permission, Group, LogEntry, ChatThread):
                editor.create_model(model)
        yield alias


# A replica that knows the workflows and none of the sessions


@pytest.fixture
def ada(second: str, openai: FakeOpenAI, settings: Any) -> Browser:
    workflow, user = a_workflow(), a_user()
    browser = Browser(user)
    for replicated in (workflow, user):
        type(replicated)._default_manager.using(second).bulk_create([replicated])
    settings.DATABASE_ROUTERS = ["tests.projects.test_routers.ToReplica"]
    return browser


def recorded(alias: str = "default") -> list[str]:
    return list(ChatSession.objects.using(alias).order_by("id").values_list("status", flat=True))


def test_a_session_is_handed_out_again_though_the_replica_does_not_know_it(ada: Browser, openai: FakeOpenAI) -> None:
    first, second = ada.issue(), ada.issue()
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert len(openai.sessions) == 1
    assert (recorded(), recorded(ALIAS)) == ([ACTIVE], [])


def test_it_can_be_cancelled_at_once_and_is_not_handed_out_again(ada: Browser, openai: FakeOpenAI) -> None:
    session_id = ada.issue().json()["id"]
    answer = ada.cancel(session_id)
    assert (answer.status_code, answer.json()["status"]) == (200, CANCELLED)
    assert ada.cancel(session_id).json()["status"] == CANCELLED
    assert openai.cancelled == [session_id]
    assert ada.issue().status_code == 201


def test_what_the_replica_takes_for_active_is_not_cancelled_twice(ada: Browser, openai: FakeOpenAI) -> None:
    session_id = ada.issue().json()["id"]
    ChatSession.objects.using(ALIAS).bulk_create(ChatSession.objects.using("default").all())
    ada.cancel(session_id)
    assert (recorded(), recorded(ALIAS)) == ([CANCELLED], [ACTIVE])
    assert ada.cancel(session_id).json()["status"] == CANCELLED
    assert openai.cancelled == [session_id]


def test_logging_out_cancels_what_the_replica_does_not_know(ada: Browser, openai: FakeOpenAI) -> None:
    session_id = ada.issue().json()["id"]
    ada.logout()
    assert openai.cancelled == [session_id]
    assert recorded() == [CANCELLED]


def test_lists_are_what_the_replica_knows(ada: Browser) -> None:
    """They are read where the site says. Nothing else depends on them."""
    session_id = ada.issue().json()["id"]
    assert ada.list().json()["results"] == []
    ChatSession.objects.using(ALIAS).bulk_create(ChatSession.objects.using("default").all())
    assert [one["id"] for one in ada.list().json()["results"]] == [session_id]


def test_commands_work_on_the_primary(ada: Browser, openai: FakeOpenAI) -> None:
    ada.issue()
    records(Workflow.objects.get(), 3, lives=-60)
    with heard(signals.sessions_expired) as told:
        call_command("expire_chatkit_sessions", stdout=StringIO())
    assert [(len(one["ids"]), one["using"]) for one in told] == [(3, "default")]
    call_command("cancel_chatkit_sessions", all=True, stdout=StringIO())
    assert recorded() == [CANCELLED] + [EXPIRED] * 3
    assert len(openai.cancelled) == 1


# A database of their own


@pytest.fixture
def apart(second: str, openai: FakeOpenAI, settings: Any) -> Browser:
    settings.DATABASE_ROUTERS = ["tests.projects.test_routers.Apart"]
    a_workflow()
    return Browser(a_user())


def test_everything_works_in_another_database(apart: Browser, openai: FakeOpenAI) -> None:
    open_now = []

    def looks(exchange: Exchange) -> bool:
        open_now.append([database.in_atomic_block for database in databases])
        return normal(exchange)

    databases = list(connections.all())  # of this thread: the fake OpenAI has another one
    openai.script(looks, looks)
    with heard(signals.session_created) as created, heard(signals.session_cancelled) as cancelled:
        issued = apart.issue().json()
        assert apart.issue().status_code == 200
        assert [one["id"] for one in apart.list().json()["results"]] == [issued["id"]]
        assert apart.cancel(issued["id"]).json()["status"] == CANCELLED
    assert open_now == [[False, False]] * 2
    assert [told[0]["session"]._state.db for told in (created, cancelled)] == [ALIAS] * 2
    assert (recorded("default"), recorded(ALIAS)) == ([], [CANCELLED])


def test_signals_wait_for_the_transaction_of_that_database(apart: Browser) -> None:
    apart.issue()
    with heard(signals.session_cancelled) as told:
        with transaction.atomic(using="default"):
            sessions.cancel_session(ChatSession.objects.get())
            assert len(told) == 1
        ChatSession.objects.update(status=ACTIVE)
        with transaction.atomic(using=ALIAS):
            sessions.cancel_session(ChatSession.objects.get())
            assert len(told) == 1
        assert len(told) == 2


def test_so_do_the_commands(apart: Browser) -> None:
    apart.issue()
    records(Workflow.objects.get(), 3, lives=-60)
    with heard(signals.sessions_expired) as told:
        call_command("expire_chatkit_sessions", database="default", stdout=StringIO())
        assert told == []
        call_command("expire_chatkit_sessions", database=ALIAS, delete_older_than=0, stdout=StringIO())
    assert [(len(one["ids"]), one["using"]) for one in told] == [(3, ALIAS)]
    assert recorded(ALIAS) == [ACTIVE]
    call_command("cancel_chatkit_sessions", user="ada", stdout=StringIO())
    assert recorded(ALIAS) == [CANCELLED]


def test_who_goes_leaves_records_there(apart: Browser) -> None:
    apart.issue()
    User.objects.all().delete()
    assert ChatSession.objects.get().user_id is None


def test_a_user_of_another_database_gets_nothing_that_is_not_recorded(
    second: str, openai: FakeOpenAI, settings: Any
) -> None:
    """Databases cannot check such a foreign key, so they refuse it, and what OpenAI has issued is cancelled."""
    settings.DATABASE_ROUTERS = ["tests.projects.test_routers.WithoutUsers"]
    a_workflow()
    answer = Browser(a_user()).issue()
    assert (answer.status_code, answer.json()["code"]) == (503, "not_saved")
    assert openai.cancelled == list(openai.sessions)
    assert recorded(ALIAS) == []
