from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.models import ChatSession, ChatThread, Workflow

from . import every_column
from .every_column import Row, rows
from .records import a_record
from .test_purge_chatkit_threads import use


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "django_chatkit", check=True, dry_run=True, verbosity=3)


@pytest.mark.django_db(transaction=True)
def test_the_migrations_can_be_undone_and_applied_again():
    tables = {
        model._meta.db_table for model in apps.get_app_config("django_chatkit").get_models(include_auto_created=True)
    }
    assert len(tables) == 8
    call_command("migrate", "django_chatkit", "zero", verbosity=0)
    try:
        assert not tables & set(connection.introspection.table_names())
    finally:
        call_command("migrate", "django_chatkit", verbosity=0)
    assert tables <= set(connection.introspection.table_names())


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_what_was_there_before_self_hosting_is_hosted():
    """The records of a site that is upgraded, and a way back without loss."""
    call_command("migrate", "django_chatkit", "0001", verbosity=0)
    try:
        old = MigrationExecutor(connection).loader.project_state(("django_chatkit", "0001_initial")).apps
        workflow = old.get_model("django_chatkit", "Workflow").objects.create(slug="s", name="S", workflow_id="wf_1")
        old.get_model("django_chatkit", "ChatSession").objects.create(
            session_id="cksess_1", workflow=workflow, workflow_id="wf_1", expires_at=timezone.now()
        )
        call_command("migrate", "django_chatkit", verbosity=0)
        session = ChatSession.objects.select_related("workflow").get()
        assert (session.backend, session.secret_digest) == ("hosted", "")
        assert (session.workflow.backend, session.workflow.agent) == ("hosted", "")
        session.full_clean(exclude=["user_key", "user_identifier"])
        call_command("migrate", "django_chatkit", "0001", verbosity=0)
        assert old.get_model("django_chatkit", "ChatSession").objects.count() == 1
    finally:
        call_command("migrate", "django_chatkit", verbosity=0)


# With data


#: The columns that each migration brought to a table that had been there before.
LOOK = {
    "django_chatkit_workflow": {
        *("accent", "color_scheme", "density", "radius", "layout"),
        *("title", "greeting", "placeholder", "disclaimer", "frame_title", "prompts"),
    }
}
SELF_HOSTED = {
    "django_chatkit_workflow": {"backend", "agent"},
    "django_chatkit_chatsession": {"backend", "secret_digest"},
}
TABLES_OF_SELF_HOSTED = {
    f"django_chatkit_{name}" for name in ("chatthread", "chatitem", "chatattachment", "chatfeedback")
}


@pytest.fixture
def latest(transactional_db: None) -> Iterator[None]:
    """However a test ends, the tables are those of the last migration afterwards."""
    yield
    every_column.delete_all()
    call_command("migrate", "django_chatkit", verbosity=0)


def migrate(*name: str) -> None:
    call_command("migrate", "django_chatkit", *name, verbosity=0)


def without(found: dict[str, list[Row]], *lost: dict[str, set[str]]) -> dict[str, list[Row]]:
    """The same rows without those columns."""
    columns = {(table, name) for each in lost for table, names in each.items() for name in names}
    return {
        table: [{name: value for name, value in row.items() if (table, name) not in columns} for row in table_rows]
        for table, table_rows in found.items()
    }


def test_every_column_is_tried(latest: None) -> None:
    every_column.a_hosted_site()
    every_column.a_self_hosted_site()
    assert every_column.unused_columns() == set()


@pytest.mark.services
def test_going_back_loses_what_the_older_schema_has_no_place_for_and_nothing_else(latest: None, settings: Any) -> None:
    use(settings, InMemoryStorage)
    every_column.a_hosted_site()
    every_column.a_self_hosted_site()
    before = rows()

    migrate("0002")
    assert rows() == without(before, LOOK)
    with pytest.raises(CommandError, match="there are 1 self-hosted workflows, 1 threads, 2 attachments"):
        migrate("0001")
    assert rows() == without(before, LOOK)
    migrate()
    assert without(rows(), LOOK) == without(before, LOOK)
    assert {(workflow.layout, workflow.prompts == []) for workflow in Workflow.objects.all()} == {("inline", True)}

    sessions.purge_threads(older_than=timedelta(0))
    with pytest.raises(CommandError, match="there are 1 self-hosted workflows\\."):
        migrate("0001")
    Workflow.objects.filter(slug="own").update(backend="hosted")
    hosted = {table: found for table, found in rows().items() if table not in TABLES_OF_SELF_HOSTED}
    migrate("0001")
    assert rows() == without(hosted, LOOK, SELF_HOSTED)
    migrate()
    assert without(rows(), LOOK, SELF_HOSTED) == {
        **without(hosted, LOOK, SELF_HOSTED),
        **{table: [] for table in TABLES_OF_SELF_HOSTED},
    }
    assert set(Workflow.objects.values_list("backend", "agent")) == {("hosted", "")}


@pytest.mark.services
def test_a_thread_of_a_workflow_that_has_moved_to_openai_is_not_dropped_either(latest: None) -> None:
    every_column.a_self_hosted_site()
    Workflow.objects.update(backend="hosted")
    with pytest.raises(CommandError, match="there are 1 threads, 2 attachments"):
        migrate("zero")
    assert ChatThread.objects.count() == 1


@pytest.mark.services
def test_a_long_table_is_not_written_anew_without_need(latest: None) -> None:
    """PostgreSQL adds the columns without touching a row. MariaDB copies a table to check a new constraint, and SQLite
    for each change; neither can do otherwise.
    """
    migrate("0001")
    old = MigrationExecutor(connection).loader.project_state(("django_chatkit", "0001_initial")).apps
    workflow = old.get_model("django_chatkit", "Workflow").objects.create(slug="s", name="S", workflow_id="wf_1")
    record = old.get_model("django_chatkit", "ChatSession")
    moment = timezone.now()
    record.objects.bulk_create(
        record(session_id=f"cksess_{number}", workflow=workflow, workflow_id="wf_1", expires_at=moment)
        for number in range(2000)
    )
    before, file = rows()["django_chatkit_chatsession"], _file_of("django_chatkit_chatsession")
    migrate()
    assert without(rows(), SELF_HOSTED)["django_chatkit_chatsession"] == before
    assert _file_of("django_chatkit_chatsession") == file
    ChatSession.objects.bulk_create([a_record(Workflow.objects.get(), session_id="late")])
    assert ChatSession.objects.filter(backend="hosted", secret_digest="").count() == 2001
    migrate("0001")
    assert _file_of("django_chatkit_chatsession") == file
    assert record.objects.count() == 2001


def _file_of(table: str) -> object:
    """What changes when PostgreSQL writes a table anew; elsewhere nothing."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(%s::regclass)", [table])
        return cursor.fetchone()[0]
