from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.models import ChatSession, Workflow

from .callers import a_workflow
from .records import ACTIVE, CANCELLED, EXPIRED, a_record

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/workflow/"
PAGE = LIST + "statistics/"
LINK = f'<a href="{PAGE}">Statistics</a>'
NOW = datetime(2026, 5, 5, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def now(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is half past twelve on 5 May 2026, in English."""
    settings.TIME_ZONE, settings.LANGUAGE_CODE = "UTC", "en-us"
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    yield
    monkeypatch.undo()


def staff(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def issue(workflow: Workflow, *ago: timedelta, **fields: Any) -> None:
    given = {"status": EXPIRED, "expires_at": NOW, **fields}
    ChatSession.objects.bulk_create(a_record(workflow, created_at=NOW - each, **given) for each in ago)


def days(*numbers: int) -> list[timedelta]:
    return [timedelta(days=number) for number in numbers]


def lines(client: Client, query: str) -> list[list[str]]:
    response = client.get(f"{PAGE}?format=csv&{query}")
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def table(page: str, caption: str) -> list[list[str]]:
    """The texts of the cells of a table."""
    found = page.split(f">{caption}</caption>")[1].split("</table>")[0]
    rows = found.split("<tr>")[1:]
    return [re.findall(r"<t[hd][^>]*>(?:<time[^>]*>)?([^<]*)", row) for row in rows]


# Who


def test_whoever_may_see_workflows_may_see_how_much_they_are_used(client: Client) -> None:
    a_workflow()
    staff(client, "view_workflow")
    assert LINK in client.get(LIST).text
    assert client.get(PAGE).status_code == 200
    assert client.get(PAGE + "?format=csv").status_code == 200


@pytest.mark.parametrize("query", ["", "?format=csv"])
def test_nobody_else(client: Client, query: str) -> None:
    assert client.get(PAGE + query).status_code == 302
    staff(client, "view_chatsession", "view_chatkitconfiguration")
    assert client.get(PAGE + query).status_code == 403


def test_the_list_has_the_link_beside_add(admin_client: Client) -> None:
    page = admin_client.get(LIST).text
    assert LINK in page
    assert f"{LIST}add/" in page


# What it says


def test_the_page_says_it_in_words_charts_and_tables(admin_client: Client) -> None:
    support, sales = a_workflow(), a_workflow(slug="sales", name="Sales & <more>")
    issue(support, *days(0, 0, 3, 29))
    issue(support, *days(0), status=ACTIVE, expires_at=NOW + timedelta(minutes=5))
    issue(sales, *days(3), status=CANCELLED)
    issue(sales, *days(31, 32, 60))
    page = admin_client.get(PAGE).text
    assert "April 6, 2026 to May 5, 2026" in page
    assert re.findall(r"<dd>(.*?)</dd>", page) == [
        "6",
        "2 <small>now 200 % more</small>",
        "May 5, 2026 <small>3 sessions</small>",
    ]
    by_day = table(page, "Sessions per day by status")
    assert by_day[0] == ["Day", "Active", "Expired", "Cancelled", "Total"]
    assert by_day[1] == ["April 6, 2026", "0", "1", "0", "1"]
    assert by_day[2] == ["April 7, 2026", "0", "0", "0", "0"]
    assert by_day[-5] == ["May 2, 2026", "0", "1", "1", "2"]
    assert by_day[-2:] == [["May 5, 2026", "1", "2", "0", "3"], ["Total", "1", "4", "1", "6"]]
    assert len(by_day) == 32
    assert table(page, "Sessions by workflow and status") == [
        ["Workflow", "Active", "Expired", "Cancelled", "Total"],
        ["Support", "1", "4", "0", "5"],
        ["Sales &amp; &lt;more&gt;", "0", "0", "1", "1"],
    ]
    assert 'aria-label="Sales &amp; &lt;more&gt;: active 0, expired 0, cancelled 1"' in page
    assert page.count('<g class="chatkit-bar">') == 30


def test_hours(admin_client: Client) -> None:
    issue(a_workflow(), timedelta(0), timedelta(hours=23), timedelta(hours=24))
    by_hour = table(admin_client.get(PAGE + "?range=24h").text, "Sessions per hour by status")
    assert by_hour[1] == ["May 4, 2026, 1 p.m.", "0", "1", "0", "1"]
    assert by_hour[-2] == ["May 5, 2026, noon", "0", "1", "0", "1"]
    assert len(by_hour) == 26


def test_nothing_inline_and_nothing_from_elsewhere(admin_client: Client) -> None:
    issue(a_workflow(), *days(0, 1), status=CANCELLED)
    page = admin_client.get(PAGE).text.split('id="content"')[1].split('id="footer"')[0]
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|https?://", page)


def test_a_time_without_sessions_says_so(admin_client: Client) -> None:
    issue(a_workflow(), *days(40))
    page = admin_client.get(PAGE + "?range=7d").text
    assert "No sessions were issued in this time (April 29, 2026 to May 5, 2026)." in page
    assert "<svg class" not in page.split('id="content"')[1]


def test_many_workflows_get_no_chart_each(admin_client: Client) -> None:
    for number in range(14):
        issue(a_workflow(slug=f"w{number}"), *days(1))
    page = admin_client.get(PAGE).text
    assert page.count('<svg viewBox="0 0 300 60"') == 12
    assert "The table has the workflows that were used less, too." in page
    assert len(table(page, "Sessions by workflow and status")) == 15


def test_three_queries_however_much_there_is(admin_client: Client) -> None:
    issue(a_workflow(), *days(0))
    with CaptureQueriesContext(connection) as few:
        admin_client.get(PAGE)
    for number in range(10):
        issue(a_workflow(slug=f"w{number}"), *days(*range(20)))
    with CaptureQueriesContext(connection) as many:
        admin_client.get(PAGE)
    assert len(many) == len(few) == 6  # three of them are the admin's own
    assert not any("state_variables" in query["sql"] for query in many.captured_queries)


# What was chosen


def test_links_to_the_named_ranges_keep_the_rest(admin_client: Client) -> None:
    a_workflow()
    page = admin_client.get(PAGE + "?range=7d&unit=hour&workflow=support").text
    assert '<a href="?range=24h&amp;unit=hour&amp;workflow=support">Last 24 hours</a>' in page
    assert '<a href="?range=7d&amp;unit=hour&amp;workflow=support" aria-current="true">Last 7 days</a>' in page
    assert page.count("aria-current=") - page.count('aria-current="page"') == 1
    assert 'value="2026-04-29"' in page
    assert 'value="2026-05-05"' in page
    assert '<option value="support" selected>Support</option>' in page


def test_one_workflow(admin_client: Client) -> None:
    issue(a_workflow(), *days(0, 0))
    issue(a_workflow(slug="sales"), *days(0))
    page = admin_client.get(PAGE + "?workflow=sales").text
    assert re.findall(r"<dd>(.*?)</dd>", page)[0] == "1"
    assert len(table(page, "Sessions by workflow and status")) == 2


@pytest.mark.parametrize(
    ("query", "period"),
    [
        ("start=2026-05-01&end=2026-05-03", "May 1, 2026 to May 3, 2026"),
        ("start=2026-05-01", "May 1, 2026 to May 5, 2026"),
        ("end=2026-05-01", "April 2, 2026 to May 1, 2026"),
        ("start=2026-06-01", "June 1, 2026"),
        ("range=90d&start=2026-05-04", "May 4, 2026 to May 5, 2026"),
        ("start=2025-05-05&end=2026-05-05", "May 5, 2025 to May 5, 2026"),
    ],
)
def test_dates(admin_client: Client, query: str, period: str) -> None:
    page = admin_client.get(f"{PAGE}?{query}").text
    assert f"No sessions were issued in this time ({period})" in page
    assert 'aria-current="true"' not in page


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("start=2026-05-03&end=2026-05-01", "“From” is later than “To”. Swap the two days."),
        ("start=2025-05-04&end=2026-05-05", "These are 367 days. Choose at most 366 at once."),
        ("start=5.5.2026", "Write the day as year-month-day, such as 2026-01-31."),
        ("start=1999-12-31", "Choose a day between 2000 and 2999."),
        ("end=9999-12-31", "Choose a day between 2000 and 2999."),
        ("range=1y", "Select a valid choice. 1y is not one of the available choices."),
        ("unit=week", "Select a valid choice. week is not one of the available choices."),
        ("workflow=none", "Select a valid choice. none is not one of the available choices."),
    ],
)
@pytest.mark.parametrize("kind", ["", "&format=csv"], ids=["page", "csv"])
def test_what_is_wrong_is_said_and_nothing_counted(admin_client: Client, query: str, message: str, kind: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = admin_client.get(f"{PAGE}?{query}{kind}").text
    assert message in page
    assert "errornote" in page
    assert "Error: Statistics" in page
    assert not any("chatsession" in sql["sql"] for sql in captured.captured_queries)


@pytest.mark.parametrize(
    ("query", "unit", "notice"),
    [
        ("range=24h", "hour", ""),
        ("range=24h&unit=day", "hour", "The last 24 hours are shown by the hour: they are parts of two days."),
        ("range=7d", "day", ""),
        ("range=7d&unit=hour", "hour", ""),
        ("range=30d&unit=hour", "day", "Shown by day: more than 7 days are too many for single hours."),
        ("start=2026-05-04", "hour", ""),
        ("start=2026-05-04&unit=day", "day", ""),
        ("start=2026-05-03", "day", ""),
    ],
)
def test_hours_or_days(admin_client: Client, query: str, unit: str, notice: str) -> None:
    issue(a_workflow(), *days(0))
    page = admin_client.get(f"{PAGE}?{query}").text
    assert f"Sessions per {unit} by status" in page
    assert re.findall(r'role="status">(.*?)</p>', page) == ([notice] if notice else [])


# CSV


def test_csv_has_the_same_numbers(admin_client: Client) -> None:
    issue(a_workflow(), *days(0, 0, 1))
    issue(a_workflow(slug="sales"), *days(0), status=CANCELLED)
    a_workflow(slug="unused")
    query = "start=2026-05-03&end=2026-05-05"
    with timezone.override("Europe/Berlin"):
        rows = lines(admin_client, query)
    assert rows == [
        ["start", "end", "workflow", "name", "active", "expired", "cancelled", "total"],
        ["2026-05-03T00:00:00+02:00", "2026-05-04T00:00:00+02:00", "sales", "Sales", "0", "0", "0", "0"],
        ["2026-05-03T00:00:00+02:00", "2026-05-04T00:00:00+02:00", "support", "Support", "0", "0", "0", "0"],
        ["2026-05-04T00:00:00+02:00", "2026-05-05T00:00:00+02:00", "sales", "Sales", "0", "0", "0", "0"],
        ["2026-05-04T00:00:00+02:00", "2026-05-05T00:00:00+02:00", "support", "Support", "0", "1", "0", "1"],
        ["2026-05-05T00:00:00+02:00", "2026-05-06T00:00:00+02:00", "sales", "Sales", "0", "0", "1", "1"],
        ["2026-05-05T00:00:00+02:00", "2026-05-06T00:00:00+02:00", "support", "Support", "0", "2", "0", "2"],
    ]


def test_csv_of_one_workflow_has_its_zeros(admin_client: Client) -> None:
    a_workflow()
    response = admin_client.get(f"{PAGE}?range=24h&workflow=support&format=csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    name = "chatkit-sessions-support-2026-05-04-2026-05-05-by-hour.csv"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert [row[-1] for row in lines(admin_client, "range=24h&workflow=support")[1:]] == ["0"] * 24
    assert len(lines(admin_client, "range=24h")) == 1


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", 'a "b", ü'])
def test_a_spreadsheet_calculates_no_name(admin_client: Client, name: str) -> None:
    issue(a_workflow(name=name, slug="-1"), *days(0))
    row = lines(admin_client, "range=24h")[-1]
    assert row[2:4] == ["'-1", name if name.startswith("a") else f"'{name}"]


def test_the_page_links_to_the_csv_of_what_it_shows(admin_client: Client) -> None:
    issue(a_workflow(), *days(0))
    page = admin_client.get(PAGE + "?start=2026-05-01&end=2026-05-05&unit=day&workflow=support").text
    query = "start=2026-05-01&amp;end=2026-05-05&amp;unit=day&amp;workflow=support&amp;format=csv"
    assert f'<a href="?{query}" download>' in page
    assert "?range=30d&amp;format=csv" in admin_client.get(PAGE).text
