from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.admin.statistics import counting
from django_chatkit.admin.statistics.counting import Tally, count, count_before
from django_chatkit.admin.statistics.periods import DAY, HOUR, Period
from django_chatkit.models import ChatSession, Workflow

from .callers import a_workflow
from .records import ACTIVE, CANCELLED, EXPIRED, a_record

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
LAST = timedelta(microseconds=1)


def issue(workflow: Workflow, *moments: datetime, **fields: Any) -> None:
    given = {"status": EXPIRED, "expires_at": moments[0], **fields}
    ChatSession.objects.bulk_create(a_record(workflow, created_at=moment, **given) for moment in moments)


def totals(period: Period) -> list[int]:
    return [tally.total for tally in count(period, timezone.now(), {}).by_time]


#: How the three databases say that they read no row of the table.
ONLY_INDEX = ("USING COVERING INDEX", "Index Only Scan", "Using index")

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("first", [date(2026, 3, 26), date(2026, 10, 22), date(2026, 9, 4)], ids=str)
@pytest.mark.parametrize("unit", [HOUR, DAY])
def test_each_session_is_counted_where_it_was_issued(zone: str, first: date, unit: str) -> None:
    """Clocks are changed in these weeks. Two sessions a part: in its first and in its last moment."""
    workflow = a_workflow()
    with timezone.override(zone):
        period = Period.of_days(first, first + timedelta(days=4), unit)
        issue(workflow, *period.edges, *(edge - LAST for edge in period.edges))
        assert totals(period) == [2] * len(period.starts)


@pytest.mark.parametrize("unit", [HOUR, DAY])
def test_a_whole_year_in_one_query(unit: str) -> None:
    workflow = a_workflow()
    with timezone.override("Europe/Berlin"):
        period = Period.of_days(date(2026, 1, 1), date(2026, 12, 31), unit)
        issue(workflow, *(edge + SECOND for edge in period.edges[:-1]))
        with CaptureQueriesContext(connection) as captured:
            assert totals(period) == [1] * len(period.starts)
    assert len(captured.captured_queries) == 1


def test_without_time_zones_the_hour_that_comes_twice_is_one(settings: Any) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Berlin"
    period = Period.of_days(date(2026, 10, 25), date(2026, 10, 25), HOUR)
    start = datetime(2026, 10, 25)  # noqa: DTZ001 - such a project has no other
    issue(a_workflow(), *(start + timedelta(hours=2, minutes=n) for n in (0, 10, 30, 59)), expires_at=start)
    assert totals(period)[1:4] == [0, 4, 0]


@pytest.mark.parametrize("unit", [HOUR, DAY])
def test_without_time_zones(settings: Any, unit: str) -> None:
    """Clocks in Berlin are changed on 29 March, but such a project does not know."""
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Berlin"
    period = Period.of_days(date(2026, 3, 27), date(2026, 3, 31), unit)
    skipped = [datetime(2026, 3, 29, 2) + timedelta(hours=n) for n in (0, 1)]  # noqa: DTZ001 - an hour PostgreSQL cannot keep
    edges = [edge for edge in period.edges if edge not in skipped]
    issue(a_workflow(), *(edge + SECOND for edge in edges[:-1]), expires_at=edges[0])
    assert sum(totals(period)) == len(edges) - 1
    assert totals(period)[:2] == [1, 1]
    assert totals(period)[-2:] == [1, 1]


def test_the_wall_clock_of_a_connection_may_be_changed() -> None:
    """On a wall clock that is put back an hour comes twice, and one that is put forward leaves one out."""
    runs = counting._runs([0, 3600, 7200, 7200, 10800])
    assert [(run.index, run.size, run.end) for run in runs] == [(0, 3600, 2), (3, 3600, 4)]
    runs = counting._runs([0, 3600, 10800, 14400])
    assert [(run.index, run.size, run.end) for run in runs] == [(0, 3600, 1), (1, 7200, 2), (2, 3600, 3)]


def test_an_active_session_past_its_end_counts_as_expired() -> None:
    workflow, now = a_workflow(), timezone.now()
    issue(workflow, now, status=ACTIVE, expires_at=now + SECOND)
    issue(workflow, now, now, status=ACTIVE, expires_at=now)
    issue(workflow, now, now, now, status=EXPIRED)
    issue(workflow, now, now, now, now, status=CANCELLED)
    counts = count(Period.of_hours(now, 24), now, {})
    assert counts.total == Tally(active=1, expired=5, cancelled=4)
    assert counts.by_time[-1] == counts.total
    assert counts.by_time[:-1] == [Tally()] * 23


def test_by_workflow_the_most_used_first() -> None:
    few, many = a_workflow(slug="few"), a_workflow(slug="many")
    now = timezone.now()
    issue(few, now)
    issue(many, now, now - timedelta(hours=1))
    counts = count(Period.of_hours(now, 2), now, {})
    assert counts.by_workflow == {many.pk: Tally(expired=2), few.pk: Tally(expired=1)}
    assert list(counts.by_workflow) == [many.pk, few.pk]
    assert counts.of_workflow(few.pk) == [Tally(), Tally(expired=1)]
    only = count(Period.of_hours(now, 2), now, {"workflow__slug": "few"})
    assert list(only.by_workflow) == [few.pk]


def test_the_time_before_ends_as_far_from_its_end_as_now_does() -> None:
    workflow, now = a_workflow(), datetime(2026, 5, 5, 12, 30, tzinfo=UTC)
    day = timedelta(days=1)
    issue(workflow, now - day, now - day - SECOND, now - 2 * day + timedelta(hours=12), now)
    period = Period.of_hours(now, 24)
    assert count_before(period, now, {}) == 2
    assert count_before(period, now + day, {}) == 3
    assert count_before(period, now - 5 * day, {}) == 0


@pytest.mark.parametrize(("use_tz", "kind"), [(True, "timestamptz"), (False, "timestamp")])
def test_postgresql_finds_the_place_among_edges(
    settings: Any, monkeypatch: pytest.MonkeyPatch, *, use_tz: bool, kind: str
) -> None:
    settings.USE_TZ = use_tz
    monkeypatch.setattr(connections["default"], "vendor", "postgresql")
    place = counting._place([datetime(2026, 1, 1), datetime(2026, 1, 2)], "default")  # noqa: DTZ001
    sql, parameters = ChatSession.objects.values_list(place).query.sql_with_params()
    assert f'WIDTH_BUCKET("django_chatkit_chatsession"."created_at"::{kind}, %s::{kind}[]) - 1' in sql.replace("`", '"')
    assert [datetime(2026, 1, 1), datetime(2026, 1, 2)] in parameters  # noqa: DTZ001


@pytest.mark.parametrize(
    ("way", "sql"),
    [
        ("as_sqlite", "3 + (CAST(strftime('%%s', substr(created_at, 1, 19)) AS integer) - 60) / 3600"),
        ("as_mysql", "3 + (TIMESTAMPDIFF(SECOND, '1970-01-01', created_at) - 60) DIV 3600"),
    ],
)
def test_each_database_reckons_in_its_own_words(way: str, sql: str) -> None:
    place = counting.Place(RawSQL("created_at", ()), index=3, start=60, size=3600)
    compiler = ChatSession.objects.all().query.get_compiler(connection=connection)
    assert getattr(place, way)(compiler, connection)[0].replace("(created_at)", "created_at") == sql


def test_the_query_reads_nothing_but_its_index() -> None:
    workflow, now = a_workflow(), timezone.now()
    long_ago = [now - timedelta(days=n + 30) for n in range(2000)]
    issue(workflow, *long_ago)
    issue(workflow, now)
    if connection.vendor == "postgresql":  # MariaDB would commit
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {ChatSession._meta.db_table}")
    plan = counting._grouped(Period.of_hours(now, 24), now, {}).explain()
    assert "chatkit_session_statistics" in plan, plan
    assert any(words in plan for words in ONLY_INDEX), plan
