"""How the database finds what the sessions service looks for: the plan of every statement that it really runs."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.identity import Owner
from django_chatkit.models import ChatSession
from django_chatkit.sessions.batches import CHUNK, RANGE, takes_ranges
from django_chatkit.signals import sessions_expired

from .callers import a_workflow
from .records import EXPIRED, a_record, heard

TABLE = ChatSession._meta.db_table
MANY = 20_000
DIFFERENT = 500

#: MariaDB commits when it analyzes a table, so no test can run inside a transaction here.
pytestmark = pytest.mark.django_db(transaction=True)


def multiply(factor):
    """Make each row into ``factor``, without bringing them here."""
    columns = [field.column for field in ChatSession._meta.concrete_fields if not field.primary_key]
    joined = "a.session_id || '-' || b.id" if connection.vendor == "sqlite" else "CONCAT(a.session_id, '-', b.id)"
    values = ", ".join(joined if column == "session_id" else f"a.{column}" for column in columns)
    numbers = f"(SELECT id FROM {TABLE} ORDER BY id LIMIT {factor - 1})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} ({', '.join(columns)}) SELECT {values} FROM {TABLE} a CROSS JOIN {numbers} b"
        )
        cursor.execute(f"ANALYZE TABLE {TABLE}" if connection.vendor == "mysql" else f"ANALYZE {TABLE}")


def fill(stale=0, fresh=0, expired=0):
    """``MANY`` rows from ``DIFFERENT`` ones of these kinds. Their owners and logins differ; half are anonymous."""
    workflow, users = a_workflow(), User.objects.bulk_create(User(username=f"user{n}") for n in range(DIFFERENT))
    now, rows = timezone.now(), []
    for kind, count in (("stale", stale), ("fresh", fresh), ("expired", expired)):
        for _ in range(count):
            number = len(rows)
            away = timedelta(days=2, seconds=number) if kind == "expired" else timedelta(seconds=number + 60)
            moment = now + away if kind == "fresh" else now - away
            ended = {"status": EXPIRED, "ended_at": moment} if kind == "expired" else {}
            user = users[number] if number % 2 else None
            owner = {"user": user, "user_key": f"{number:064d}", "login_key": f"{number:032d}"}
            rows.append(a_record(workflow, expires_at=moment, **owner, **ended))
    ChatSession.objects.bulk_create(rows)
    multiply(MANY // DIFFERENT)


@contextmanager
def plans():
    """The plan of each statement on the table of sessions, made just before it runs."""
    found: list[tuple[str, str]] = []

    def explain(execute, sql, params, many, context):
        if TABLE in sql and not sql.startswith("INSERT"):
            with connection.cursor() as cursor:
                prefix = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
                cursor.cursor.execute(prefix + sql, params)
                found.append((sql, "\n".join(line(row) for row in cursor.fetchall())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


def line(row):
    """A row of a plan in words. Those of MariaDB have columns: which table, how it is read, and by which key."""
    return f"{row[3]} of {row[2]} using {row[5]} : {row}" if connection.vendor == "mysql" else str(row[-1])


READS_ALL = {
    "sqlite": (f"SCAN {TABLE}",),
    "postgresql": (f"Seq Scan on {TABLE}",),
    "mysql": (f"ALL of {TABLE}", f"index of {TABLE}"),
}


def reads_all(plan):
    """Whether a plan goes through the whole table of sessions, or a whole index of it."""
    return any(words in plan for words in READS_ALL[connection.vendor])


def uses(index, plan):
    """Whether a plan goes by an index."""
    return any(f"{words} {index} " in plan for words in ("INDEX", "using", "Index Scan on"))


SITUATIONS = {
    "mostly stale": {"stale": 490, "fresh": 10},
    "few stale": {"stale": 1, "fresh": 10, "expired": 489},
    "none stale": {"fresh": 10, "expired": 490},
    "all fresh": {"fresh": 500},
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("listening", [True, False])
def test_the_expiry_query_uses_its_index(situation, listening):
    """To read the keys for those who listen, and to change what is between two positions for all others."""
    fill(**SITUATIONS[situation])
    with heard(sessions_expired) if listening else nullcontext(), plans() as found:
        count = sessions.expire_sessions()
    assert count == SITUATIONS[situation].get("stale", 0) * MANY // DIFFERENT
    reads = [plan for sql, plan in found if sql.startswith("SELECT")]
    chunk = RANGE if takes_ranges("default") and not listening else CHUNK
    assert len(reads) == count // chunk + 1
    for plan in reads:
        assert uses("chatkit_session_expiry", plan), plan
    for _sql, plan in found:
        assert not reads_all(plan), plan


@pytest.mark.parametrize("expired", [490, 1])
def test_the_query_for_old_records_uses_its_index(expired):
    fill(expired=expired, fresh=500 - expired)
    with plans() as found:
        count = sessions.delete_sessions(older_than=timedelta(days=1))
    assert count == expired * MANY // DIFFERENT
    for kind in ("SELECT", "DELETE"):
        half = [plan for sql, plan in found if sql.startswith(kind)]
        for plan in half[: len(half) // 2]:  # while there is still much to do
            assert uses("chatkit_session_ended", plan) or (kind == "DELETE" and uses("PRIMARY", plan)), plan
            assert not reads_all(plan), plan


def test_look_ups_by_owner_and_login_use_their_indexes():
    fill(stale=100, fresh=200, expired=200)
    user = User.objects.get(username="user151")
    anonymous = Owner(None, "somebody")
    with plans() as found:
        sessions.cancel_login(f"{1:032d}")
        list(Owner(user, "1").sessions().order_by("-id")[:21])
        list(anonymous.sessions().order_by("-id")[:21])
    indexes = ("chatkit_session_login", "chatkit_session_user", "chatkit_session_user_key")
    for index, (_sql, plan) in zip(indexes, found, strict=True):
        assert uses(index, plan), plan
        assert not reads_all(plan), plan
