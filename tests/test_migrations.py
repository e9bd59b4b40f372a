from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from django_chatkit.models import ChatSession


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
