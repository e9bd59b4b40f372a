"""The rows that the pages are made of, and those who look at them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from django_chatkit.identity import Owner
from django_chatkit.models import ChatItem, ChatSession, ChatThread, Workflow
from tests.benchmarks.rows import TABLE, analyze, fill

THREADS = ChatThread._meta.db_table
#: A day's part of a year of sessions was issued within the last 24 hours.
DAYS = 365
#: Sessions to one thread, and items of a thread.
PER_THREAD, ITEMS = 10, 2
#: Both name and identifier, so that a search finds what either has.
FREQUENT = "frequent"


def fill_all(count: int) -> None:
    """``count`` sessions, one in a hundred of them of one user, and a tenth as many threads, in place of what was."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLE}, {THREADS}, {User._meta.db_table} RESTART IDENTITY CASCADE")
    fill(count - count // 100, stale=count // DAYS, fresh=count // 10_000 + 300, days=DAYS)
    frequent, _made = User.objects.get_or_create(username=FREQUENT)
    _copy_sessions(count // 100, Owner(frequent, FREQUENT))
    analyze()
    _fill_threads(count // PER_THREAD)


def _copy_sessions(count: int, owner: Owner) -> None:
    """Of one user instead of many, at the same times."""
    columns = [field.column for field in ChatSession._meta.concrete_fields if not field.primary_key]
    theirs = {"session_id": "session_id || '-f'", "user_id": "%s", "user_identifier": "%s", "user_key": "%s"}
    values = ", ".join(theirs.get(column, column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} ({', '.join(columns)}) SELECT {values} FROM {TABLE} WHERE id %% 97 = 0 LIMIT {count}",
            [owner.account.pk, owner.identifier, owner.key],
        )


def _fill_threads(count: int) -> None:
    """Of the users in turn, last used at moments that are spread over the year; ``ITEMS`` in each."""
    first, users = User.objects.earliest("pk").pk, User.objects.exclude(username=FREQUENT).count()
    workflows = list(Workflow.objects.order_by("pk").values_list("pk", flat=True))
    thread, item = json.dumps({"title": "A question"}), json.dumps({"type": "assistant_message", "content": []})
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off; SET session_replication_role = replica")
        cursor.execute(
            f"""
            INSERT INTO {THREADS}
                (thread_id, workflow_pk, user_id, user_identifier, user_key, payload, created_at, updated_at)
            SELECT 'thr_' || md5('' || n), (%(workflows)s)[1 + n %% %(kinds)s], owner, '' || owner,
                encode(sha256(convert_to('' || owner, 'UTF8')), 'hex'), %(payload)s, moment, moment
            FROM generate_series(%(count)s, 1, -1) AS s(n),
                LATERAL (SELECT %(first)s + n::bigint * 7919 %% %(users)s AS owner,
                    now() - n * interval '1 day' * {DAYS} / %(count)s AS moment) AS of_n
            """,
            {
                "workflows": workflows,
                "kinds": len(workflows),
                "payload": thread,
                "count": count,
                "first": first,
                "users": users,
            },
        )
        cursor.execute(
            f"""
            INSERT INTO {ChatItem._meta.db_table} (thread_id, item_id, payload, is_draft, created_at)
            SELECT id, 'msg_' || n, %s, false, created_at FROM {THREADS}, generate_series(1, {ITEMS}) AS s(n)
            """,
            [item],
        )
        cursor.execute("RESET synchronous_commit; RESET session_replication_role")
        for model in (ChatThread, ChatItem, User):
            cursor.execute(f"VACUUM (ANALYZE) {model._meta.db_table}")


def clients() -> dict[str, Client]:
    """An administrator who may read conversations, a user with as many sessions as most, and one with very many."""
    admin, made = User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)
    if made:
        admin.user_permissions.add(Permission.objects.get(codename="read_conversations"))
    users: dict[str, Any] = {
        "admin": admin,
        "few": User.objects.get(username="user-7"),
        "many": User.objects.get(username=FREQUENT),
    }
    return {name: _logged_in(user) for name, user in users.items()}


def _logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
