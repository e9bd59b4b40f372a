"""What the list of workflows says of their sessions, and of the end of what OpenAI runs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from django_chatkit.admin import workflow_list
from django_chatkit.models import ChatSession, Workflow

from .admin_staff import staff
from .records import a_record

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/workflow/"


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


def issued(workflow: Workflow, *ages: float) -> None:
    """A session for each of these ages, in hours."""
    now = timezone.now()
    ChatSession.objects.bulk_create(a_record(workflow, created_at=now - timedelta(hours=age)) for age in ages)


def cells(page: str, column: str) -> list[str]:
    """What a column shows, without tags."""
    shown = re.findall(rf'<td class="field-{column}[^"]*">(.*?)</td>', page, re.DOTALL)
    return [" ".join(re.sub(r"<.*?>", " ", cell).split()) for cell in shown]


# Sessions


def test_sessions_of_a_day_and_the_last_one(admin_client: Client, workflow: Workflow) -> None:
    quiet = Workflow.objects.create(name="Quiet", slug="quiet", workflow_id="wf_2")
    Workflow.objects.create(name="Unused", slug="unused", workflow_id="wf_3")
    issued(workflow, 0.1, 23.9, 24.1, 100)
    issued(quiet, 49)
    page = admin_client.get(LIST).text
    assert cells(page, "sessions_today") == ["0", "2", "0"]
    assert [cell.replace("\xa0", " ") for cell in cells(page, "last_session")] == [
        "2 days ago",
        "6 minutes ago",
        "never",
    ]


def test_a_session_of_this_minute_is_not_zero_minutes_old(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, 0)
    assert cells(admin_client.get(LIST).text, "last_session") == ["just now"]


def test_the_time_itself_is_there_as_well(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    moment = datetime(2026, 3, 1, 23, 5, tzinfo=UTC)
    a_record(workflow, created_at=moment).save()
    page = admin_client.get(LIST).text
    assert '<time datetime="2026-03-02T00:05:00+01:00" title="March 2, 2026, 12:05 a.m.">' in page


def test_the_number_leads_to_those_sessions(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, 1, 2, 30)
    issued(Workflow.objects.create(name="Other", slug="other", workflow_id="wf_2"), 1)
    page = admin_client.get(f"{LIST}?q=Support").text
    (address,) = re.findall(r'field-sessions_today"><a href="([^"]+)">2</a>', page)
    address = address.replace("&amp;", "&")
    assert set(parse_qs(urlsplit(address).query)) == {"workflow__id__exact", "created_at__gte"}
    listed = admin_client.get(address).context["cl"].result_list
    assert [session.workflow for session in listed] == [workflow] * 2


def test_who_may_not_see_sessions_sees_how_many_there_are(workflow: Workflow) -> None:
    """A number is nobody's data."""
    issued(workflow, 1)
    page = staff("view_workflow").get(LIST).text
    assert 'field-sessions_today">1</td>' in page
    assert "chatsession" not in page
    assert "chatsession" in staff("view_workflow", "view_chatsession", name="other").get(LIST).text


def test_a_project_without_an_admin_for_sessions(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(workflow, 1)
    monkeypatch.delitem(admin.site._registry, ChatSession)
    assert 'field-sessions_today">1</td>' in admin_client.get(LIST).text


def test_one_query_counts_for_all(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, 1)
    few = statements(admin_client)
    for number in range(20):
        issued(Workflow.objects.create(name=f"{number}", slug=f"s{number}", workflow_id="wf_1"), 1, 2)
    many = statements(admin_client)
    assert len(many) == len(few)
    assert len([sql for sql in many if "GROUP BY" in sql]) == 1


def statements(client: Client) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(LIST).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


# The end of what OpenAI runs


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (1, "OpenAI closes on {}"),
        (0, "OpenAI closes on {}"),
        (-1, "OpenAI closed on {}: let this site run it, or deactivate it"),
    ],
)
def test_hosted_workflows_have_an_end(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch, days: int, said: str
) -> None:
    own = Workflow.objects.create(name="Own", slug="own", backend="self_hosted", agent="echo")
    end = timezone.now().date() + timedelta(days=days)
    monkeypatch.setattr(workflow_list, "SHUTDOWN", end)
    page = admin_client.get(LIST).text
    assert cells(page, "shown_backend") == [own.get_backend_display(), said.format(date_format(end))]
    assert page.count("chatkit-warning") == (days < 0)


def test_a_workflow_that_is_switched_off_is_not_warned_of(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    Workflow.objects.update(is_active=False)
    monkeypatch.setattr(workflow_list, "SHUTDOWN", date(2025, 11, 30))
    page = admin_client.get(LIST).text
    assert cells(page, "shown_backend") == ["OpenAI closed on Nov. 30, 2025"]
    assert "chatkit-warning" not in page


def test_the_list_is_sorted_by_backend(admin_client: Client, workflow: Workflow) -> None:
    Workflow.objects.create(name="Own", slug="own", backend="self_hosted", agent="echo")
    listed = admin_client.get(f"{LIST}?o=-3").context["cl"].result_list
    assert [one.backend for one in listed] == ["self_hosted", "hosted"]
