from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "django_chatkit", check=True, dry_run=True, verbosity=3)


@pytest.mark.django_db(transaction=True)
def test_the_migrations_can_be_undone_and_applied_again():
    tables = {
        model._meta.db_table for model in apps.get_app_config("django_chatkit").get_models(include_auto_created=True)
    }
    assert len(tables) == 4
    call_command("migrate", "django_chatkit", "zero", verbosity=0)
    try:
        assert not tables & set(connection.introspection.table_names())
    finally:
        call_command("migrate", "django_chatkit", verbosity=0)
    assert tables <= set(connection.introspection.table_names())
