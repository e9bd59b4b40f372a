"""Session records by the million, made inside the database: ``fill(10_000_000, stale=1_000, fresh=5_000)``.

They are those of a busy site: many users and some visitors, a handful of workflows, keys in the order in which
sessions were issued, and moments that are spread over a year.
"""

from __future__ import annotations

import copy
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Field, Min

from django_chatkit.models import ChatSession, Workflow

TABLE = ChatSession._meta.db_table
SLUGS = ("support", "sales", "billing", "documentation", "onboarding")
#: Sessions of a user, on average.
EACH = 100
#: Rows of one statement.
STEP = 500_000
#: From so many on, it is faster to make the indexes anew, once, at the end.
MANY = 100_000
DAY = 86_400
#: How long a session lives. Fresh ones live for a day, so that they are still fresh when they are measured.
LIFE = 600

CONFIGURATION = {
    "automatic_thread_titling": {"enabled": True},
    "file_upload": {"enabled": True, "max_file_size": 20, "max_files": 5},
    "history": {"enabled": True, "recent_threads": None},
}


@dataclass(frozen=True)
class Dialect:
    """What databases say differently: the rows to make, microseconds since 1970, SHA-256 in hex, and JSON."""

    numbers: str
    moment: str
    sha256: str
    json: str = "{}"


DIALECTS = {
    "postgresql": Dialect(
        numbers="generate_series({first}::bigint, {last}) AS s(n)",
        moment="timestamptz 'epoch' + ({}) * interval '1 microsecond'",
        sha256="encode(sha256(convert_to({}, 'UTF8')), 'hex')",
        json="({})::jsonb",
    ),
    "mysql": Dialect(
        numbers="(SELECT seq AS n FROM seq_{first}_to_{last}) AS s",
        moment="DATE_ADD('1970-01-01 00:00:00.000000', INTERVAL ({}) MICROSECOND)",
        sha256="SHA2({}, 256)",
    ),
    "sqlite": Dialect(
        numbers="(WITH RECURSIVE s(n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
        " SELECT n FROM s) AS s",
        moment="strftime('%Y-%m-%d %H:%M:%S', ({0}) / 1000000, 'unixepoch') || printf('.%06d', ({0}) % 1000000)",
        sha256="SHA256({})",
    ),
}


@dataclass(frozen=True)
class Kind:
    """Rows of one fate, the first of which has the number ``first``. They were created one after another, between two
    moments in seconds since 1970.
    """

    first: int
    count: int
    begin: float
    end: float
    life: int = LIFE
    has_ended: bool = False

    @property
    def created(self) -> str:
        step = max(1, round((self.end - self.begin) / max(self.count, 1) * 1e6))
        return f"({round(self.begin * 1e6)} + (n - {self.first}) * {step})"


def fill(count: int, *, stale: int = 0, fresh: int = 0, days: float = 365) -> None:
    """Add ``count`` records to what is there, and let the database look at its table afterwards.

    The newest, ``fresh`` of them, are active; ``stale`` more are still marked active, but past their time, since a day
    ago at most. All others ended between ``days`` and two days ago: one in ten cancelled, the rest expired. There is a
    user for each 100 of them, ``user-0`` and so on, and one session in twenty is an anonymous visitor's.
    """
    now, ended = time.time(), count - stale - fresh
    kinds = (
        Kind(0, ended, now - days * DAY, now - min(2, days / 2) * DAY, has_ended=True),
        Kind(ended, stale, now - DAY, now - LIFE - 60),
        Kind(ended + stale, fresh, now - 60, now, life=DAY),
    )
    first_user, users = _users(max(1, count // EACH))
    workflows = [Workflow.objects.get_or_create(slug=slug, defaults=_workflow(slug))[0].pk for slug in SLUGS]
    run = secrets.token_hex(4)
    with settings_for_bulk(), _without_indexes() if count >= MANY else nullcontext(), connection.cursor() as cursor:
        for kind in kinds:
            columns = _columns(kind, run, first_user, users, workflows)
            for start in range(kind.first, kind.first + kind.count, STEP):
                cursor.execute(_insert(columns, start, min(start + STEP, kind.first + kind.count) - 1))
    analyze()


def analyze() -> None:
    """What autovacuum and its like do in time: statistics, and PostgreSQL's map of pages that everybody sees."""
    statement = {"postgresql": "VACUUM (ANALYZE)", "mysql": "ANALYZE TABLE"}.get(connection.vendor, "ANALYZE")
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} {TABLE}")


def _users(count: int) -> tuple[int, int]:
    """The key of the first of them, and how many there are; their keys follow each other."""
    ours = User.objects.filter(username__startswith="user-")
    if not ours.exists():
        User.objects.bulk_create((User(username=f"user-{n}") for n in range(count)), batch_size=5_000)
    return ours.aggregate(first=Min("id"))["first"], ours.count()


def _workflow(slug: str) -> dict[str, str]:
    return {"name": slug.title(), "workflow_id": f"wf_{secrets.token_hex(16)}"}


def _insert(columns: dict[str, str], first: int, last: int) -> str:
    numbers = DIALECTS[connection.vendor].numbers.format(first=first, last=last)
    return f"INSERT INTO {TABLE} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {numbers}"


def _columns(kind: Kind, run: str, first_user: int, users: int, workflows: list[int]) -> dict[str, str]:
    """The value of each column, as an expression of ``n``. ``7919`` is a prime: neighbours are not the same user's."""
    say = DIALECTS[connection.vendor]
    user = f"({first_user} + n * 7919 % {users})"
    login = f"({user} + (n - n % {3 * users}))"
    is_visitor = "n % 20 = 7"
    identifier = f"CASE WHEN {is_visitor} THEN 'visitor-' || MD5('{run}v' || n) ELSE '' || {user} END"
    workflow = " ".join(f"WHEN {number} THEN {pk}" for number, pk in enumerate(workflows))
    state = (
        """'{"plan": "team", "locale": "de-CH", "page": "/help/articles/' || (n % 1000) || '", "account": {"id": ' ||"""
        """ n || ', "since": "2021-03-14", "seats": 25, "tags": ["priority", "annual"]}}'"""
    )
    expires = f"{kind.created} + {kind.life * 1_000_000}"
    ends = f"CASE WHEN n % 10 = 3 THEN {kind.created} + (60 + n % 500) * 1000000 ELSE {expires} END"
    return {
        "session_id": f"'cksess_' || MD5('{run}s' || n)",
        "user_id": f"CASE WHEN {is_visitor} THEN NULL ELSE {user} END",
        "user_identifier": identifier,
        "user_key": say.sha256.format(identifier),
        "login_key": f"MD5('{run}l' || {login})",
        "workflow_pk": f"CASE n % {len(workflows)} {workflow} END",
        "backend": "'hosted'",
        "secret_digest": "''",
        "workflow_id": f"'wf_' || MD5('' || (n % {len(workflows)}))",
        "workflow_version": "'3'",
        "tracing_enabled": "(1 = 1)",
        "state_variables": say.json.format(state),
        "chatkit_configuration": say.json.format(f"'{json.dumps(CONFIGURATION)}'"),
        "max_requests_per_1_minute": "10",
        "status": "CASE WHEN n % 10 = 3 THEN 'cancelled' ELSE 'expired' END" if kind.has_ended else "'active'",
        "created_at": say.moment.format(kind.created),
        "expires_at": say.moment.format(expires),
        "ended_at": say.moment.format(ends) if kind.has_ended else "NULL",
        "request_id": f"'req_' || MD5('{run}r' || n)",
    }


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Nor with constraints that look something up for each row."""
    known = _indexes()
    relaxed = [] if connection.vendor == "sqlite" else [(field, _relaxed(field)) for field in _strict_fields()]
    with connection.schema_editor() as editor:
        for strict, loose in relaxed:
            editor.alter_field(ChatSession, strict, loose)
        for index in ChatSession._meta.indexes:
            editor.remove_index(ChatSession, index)
    yield
    with connection.schema_editor() as editor:
        for index in ChatSession._meta.indexes:
            editor.add_index(ChatSession, index)
        for left_over in _indexes() - known:  # Django makes one for a foreign key that would be without
            editor.execute(editor._delete_index_sql(ChatSession, left_over))
        for strict, loose in relaxed:
            editor.alter_field(ChatSession, loose, strict)


@contextmanager
def settings_for_bulk() -> Iterator[None]:
    """What the connection needs for this alone; afterwards it is a new one."""
    statements = {
        "postgresql": ("SET synchronous_commit = off", "SET maintenance_work_mem = '1GB'"),
        "mysql": ("SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')", "SET foreign_key_checks = 0"),
        "sqlite": ("PRAGMA cache_size = -500000", "PRAGMA temp_store = MEMORY"),
    }
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
    yield
    connection.close()


def _indexes() -> set[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, TABLE)
    return {name for name, facts in found.items() if facts["index"]}


def _strict_fields() -> list[Field[Any, Any]]:
    return [field for field in ChatSession._meta.concrete_fields if field.name in ("session_id", "user", "workflow")]


def _relaxed(field: Field[Any, Any]) -> Field[Any, Any]:
    """The same without its constraint. SQLite has to copy the table for that, and is left alone."""
    loose = copy.copy(field)
    loose._unique = False
    if field.is_relation:
        loose.db_constraint = False
    return loose
