"""Rows in every table of this app that use every column, and what a database has of them."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.utils import timezone

from django_chatkit.models import (
    ChatAttachment,
    ChatFeedback,
    ChatItem,
    ChatKitConfiguration,
    ChatSession,
    ChatThread,
    Workflow,
)

#: A row of a table, by column.
Row = dict[str, Any]


def a_hosted_site() -> None:
    """Rows in every table that hosted workflows have."""
    configuration = ChatKitConfiguration.objects.create(
        name="Préset 🙂",
        automatic_thread_titling_enabled=True,
        file_upload_enabled=True,
        file_upload_max_file_size=512,
        file_upload_max_files=3,
        history_enabled=False,
        history_recent_threads=7,
    )
    workflow = Workflow.objects.create(
        slug="hosted", workflow_id="wf_hosted", version="2", **_workflow(configuration), **_look()
    )
    workflow.groups.add(Group.objects.create(name="guests"))
    Workflow.objects.create(slug="plain", name="Plain", workflow_id="wf_plain")
    for status in ChatSession.Status.values:
        ChatSession.objects.create(workflow=workflow, **_session(status))


def a_self_hosted_site() -> None:
    """Rows in every table that workflows have which this site runs."""
    workflow = Workflow.objects.create(
        slug="own", name="Own", backend="self_hosted", agent="support", workflow_id="wf_before"
    )
    fields = {"backend": "self_hosted", "secret_digest": "d" * 64, "workflow_id": "support"}
    ChatSession.objects.create(workflow=workflow, **{**_session("active"), **fields})
    owner = {"user_identifier": "1", "user_key": "k" * 64}
    thread = ChatThread.objects.create(
        workflow=workflow, thread_id="thr_1", user=User.objects.first(), payload='{"id": "thr_1"}', **owner
    )
    item = ChatItem.objects.create(thread=thread, item_id="msg_1", payload='{"text": "Grüße 🙂"}', is_draft=True)
    ChatFeedback.objects.create(item=item, kind="negative")
    for number, where in enumerate((thread, None)):
        ChatAttachment.objects.create(
            workflow=workflow,
            thread=where,
            attachment_id=f"atc_{number}",
            user_key="k" * 64,
            payload='{"id": "atc"}',
            file=f"chatkit/{number}",
            size=2**40,
        )


def _workflow(configuration: ChatKitConfiguration) -> dict[str, Any]:
    return {
        "name": "Hosted é",
        "state_variables": {"plan": "pro", "seats": 3, "ratio": 0.5, "beta": True},
        "client_state_variables": ["page"],
        "tracing_enabled": False,
        "chatkit_configuration": configuration,
        "expires_after": 300,
        "max_requests_per_1_minute": 4,
        "api_key": "other",
        "allow_anonymous": True,
        "is_active": False,
    }


def _look() -> dict[str, Any]:
    return {
        "accent": "#1f7a4d",
        "color_scheme": "dark",
        "density": "compact",
        "radius": "soft",
        "layout": "floating",
        "title": "T",
        "greeting": "G",
        "placeholder": "P",
        "disclaimer": "D",
        "frame_title": "F",
        "prompts": [{"label": "L", "prompt": "P"}],
    }


def _session(status: str) -> dict[str, Any]:
    user, _ = User.objects.get_or_create(username="ada")
    return {
        "session_id": f"cksess_{status}_{ChatSession.objects.count()}",
        "user": user,
        "user_identifier": f"user-{user.pk}",
        "user_key": "u" * 64,
        "login_key": "l" * 32,
        "workflow_id": "wf_hosted",
        "workflow_version": "2",
        "tracing_enabled": True,
        "state_variables": {"plan": "pro"},
        "chatkit_configuration": {"history": {"enabled": False}},
        "max_requests_per_1_minute": 4,
        "status": status,
        "expires_at": timezone.now(),
        "ended_at": None if status == "active" else timezone.now(),
        "request_id": "req_1",
    }


def rows() -> dict[str, list[Row]]:
    """All that this app's tables hold now, as the database says it, by table."""
    models = apps.get_app_config("django_chatkit").get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models} & set(connection.introspection.table_names())
    return {table: _rows(table) for table in sorted(tables)}


def _rows(table: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY id")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def unused_columns() -> set[str]:
    """Columns that hold the same in all rows: nothing, or what they hold if nothing is said."""
    return {
        f"{table}.{name}"
        for table, found in rows().items()
        for name in (found[0] if found else {"": None})
        if all(row[name] in (None, "", "{}", "[]") for row in found)
    }


def delete_all() -> None:
    """Empty this app's tables, whatever they are like now: then no migration refuses to be undone."""
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        for table in rows():
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
