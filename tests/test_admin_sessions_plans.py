"""How the list of sessions is read when there are many: the plan of every statement that each page really runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.models import ChatSession, Workflow

from .callers import a_workflow
from .records import CANCELLED, EXPIRED, a_record
from .test_sessions_plans import TABLE, multiply, plans, reads_all

#: MariaDB commits when it analyzes a table, so no test can run inside a transaction here.
pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/django_chatkit/chatsession/"
WORKFLOWS = "/admin/django_chatkit/workflow/"
DIFFERENT, TIMES = 500, 40


@pytest.fixture
def rows(admin_user: Any) -> dict[str, Any]:
    """20,000 of them from 500 different ones, in the order of their times; what a page can be asked for."""
    big, rare = a_workflow(), Workflow.objects.create(name="Rare", slug="rare", workflow_id="wf_2")
    now = timezone.now()
    found = []
    for number in range(DIFFERENT):
        created = now - timedelta(days=DIFFERENT - number)
        ended = {"expires_at": created, "ended_at": created, "status": CANCELLED if number % 50 == 0 else EXPIRED}
        owner = {"user": admin_user if number == 7 else None, "user_key": f"{number:064d}"}
        workflow = rare if number == 3 else big
        found.append(a_record(workflow, created_at=created, login_key=f"{number:032d}", **owner, **ended))
    ChatSession.objects.bulk_create(found)
    multiply(TIMES)
    assert ChatSession.objects.count() == DIFFERENT * TIMES
    bounds = {"created_at__gte": now - timedelta(days=400), "created_at__lt": now - timedelta(days=370)}
    return {
        "month": {name: str(moment) for name, moment in bounds.items()},
        "big": {"workflow__id__exact": big.pk},
        "rare": {"workflow__id__exact": rare.pk},
        "user": {"user__id__exact": admin_user.pk},
    }


PAGES: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("", {"p": 100}),
    ("", {"o": 5}),
    ("", {"o": -5, "p": 100}),
    ("", {"status": "active"}),
    ("", {"status": "expired"}),
    ("", {"status": "cancelled"}),
    ("", {"q": "admin"}),
    ("", {"q": "nobody"}),
    ("", {"q": "cksess_1"}),
    ("month", {}),
    ("month", {"p": 10}),
    ("month", {"status": "cancelled"}),
    ("month big", {}),
    ("big", {}),
    ("big", {"p": 100}),
    ("big", {"status": "active"}),
    ("rare", {}),
    ("rare", {"status": "cancelled"}),
    ("user", {}),
]


#: These show rows from one end of an index, whichever they are.
WALKS = [
    page for page in PAGES if not page[0] and (page[1].get("status") == "expired" or not page[1].keys() - {"p", "o"})
]


def walks(sql: str, plan: str) -> bool:
    """Whether it is read in the order of an index, and no further than to the end of the page."""
    sorts = any(words in plan for words in ("filesort", "Sort  (", "TEMP B-TREE FOR ORDER BY"))
    return "LIMIT" in sql and not sorts


def test_no_page_reads_or_sorts_the_whole_table(rows: dict[str, Any], admin_client: Client) -> None:
    for page in PAGES:
        query = page[1] | {name: value for kind in page[0].split() for name, value in rows[kind].items()}
        with plans() as found:
            assert admin_client.get(f"{LIST}?{urlencode(query)}").status_code == 200
        assert found
        for sql, plan in found:
            if "WHERE" not in sql and sql.endswith("LIMIT 1"):
                continue  # the first and the last row
            assert not reads_all(plan) or (page in WALKS and walks(sql, plan)), f"{page}: {sql}\n{plan}"


def test_many_rows_take_no_more_queries_than_a_few(rows: dict[str, Any], admin_client: Client) -> None:
    counts = [queries(admin_client, page) for page in (LIST, f"{LIST}?p=100", f"{LIST}?{urlencode(rows['month'])}")]
    workflows = queries(admin_client, WORKFLOWS)
    keep = ChatSession.objects.order_by("-pk").values_list("pk", flat=True)[150:][:1].get()
    ChatSession.objects.filter(pk__lte=keep).delete()
    assert counts == [queries(admin_client, LIST)] * 3
    assert workflows == queries(admin_client, WORKFLOWS)


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_list_of_workflows_reads_an_index_for_each(rows: dict[str, Any], admin_client: Client) -> None:
    with plans() as found:
        assert admin_client.get(WORKFLOWS).status_code == 200
    assert found
    for sql, plan in found:
        assert not reads_all(plan), f"{sql}\n{plan}"


def test_nothing_is_counted_to_its_end(rows: dict[str, Any], admin_client: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(LIST)
    counting = [
        query["sql"] for query in captured.captured_queries if "COUNT" in query["sql"] and TABLE in query["sql"]
    ]
    assert len(counting) == 1
    assert "LIMIT 10000" in counting[0]


def test_a_short_list_is_read_no_further_than_it_was_counted(rows: dict[str, Any], admin_client: Client) -> None:
    query = urlencode(rows["rare"] | {"status": "expired", **rows["month"]})
    for chosen in (query, urlencode({"status": "active"}), urlencode({"q": "cksess_1"})):
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(f"{LIST}?{chosen}").status_code == 200
        for found in captured.captured_queries:
            assert TABLE not in found["sql"] or "LIMIT" in found["sql"], found["sql"]


def test_all_is_not_shown_where_it_is_too_much(rows: dict[str, Any], admin_client: Client) -> None:
    changes = admin_client.get(f"{LIST}?all=").context["cl"]
    assert len(changes.result_list) == changes.list_per_page
