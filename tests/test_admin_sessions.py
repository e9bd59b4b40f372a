from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.admin.lists import BoundedPaginator
from django_chatkit.models import ChatSession, Workflow

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/chatsession/"


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1", state_variables={"a": "BIG"})


def issued(workflow: Workflow, **given: Any) -> ChatSession:
    """A record; active for ten minutes unless something else is said."""
    identifier = given.setdefault("user_identifier", "production:7")
    defaults = {
        "session_id": f"cksess_{ChatSession.objects.count()}",
        "user_key": hashlib.sha256(identifier.encode()).hexdigest(),
        "login_key": "canary-login-key",
        "workflow_id": "wf_ran",
        "expires_at": timezone.now() + timedelta(minutes=10),
    }
    return ChatSession.objects.create(workflow=workflow, **defaults | given)


def listed(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200, response
    return [session.session_id for session in response.context["cl"].result_list]


# Read-only


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_even_a_superuser_cannot_add_or_delete(admin_client: Client, workflow: Workflow, path: str) -> None:
    session = issued(workflow)
    assert admin_client.get(LIST + path.format(session.pk)).status_code == 403
    assert admin_client.post(LIST + path.format(session.pk), {"post": "yes"}).status_code == 403
    assert ChatSession.objects.count() == 1


def test_even_a_superuser_cannot_change(admin_client: Client, workflow: Workflow) -> None:
    session = issued(workflow)
    page = admin_client.get(f"{LIST}{session.pk}/change/").text
    assert "View ChatKit session" in page
    assert 'name="_save"' not in page
    assert admin_client.post(f"{LIST}{session.pk}/change/", {"status": "cancelled"}).status_code == 403
    session.refresh_from_db()
    assert session.status == "active"


def test_nothing_is_deleted_by_an_action(admin_client: Client, workflow: Workflow) -> None:
    session = issued(workflow)
    assert 'value="delete_selected"' not in admin_client.get(LIST).text
    admin_client.post(LIST, {"action": "delete_selected", "_selected_action": [session.pk], "post": "yes"})
    assert ChatSession.objects.count() == 1


def test_the_keys_of_logins_are_nowhere(admin_client: Client, workflow: Workflow) -> None:
    session = issued(workflow)
    for page in (LIST, f"{LIST}{session.pk}/change/", f"{LIST}?q=production:7"):
        text = admin_client.get(page).text
        assert session.login_key not in text
        assert session.user_key not in text


@pytest.mark.parametrize(
    "lookup",
    [
        "login_key",
        "login_key__startswith",
        "user_key__gt",
        "user__password__startswith",
        "secret_digest",
        "state_variables__plan",
        "state_variables__icontains",
        "workflow__state_variables__plan",
        "session_id__contains",
        "created_at__year",
    ],
)
def test_the_address_bar_finds_no_hidden_keys(admin_client: Client, workflow: Workflow, lookup: str) -> None:
    issued(workflow)
    assert admin_client.get(LIST, {lookup: "canary"}).status_code == 400


# One session


def test_a_session_is_shown_readably(admin_client: Client, workflow: Workflow) -> None:
    user = User.objects.create_user("anna")
    session = issued(
        workflow,
        user=user,
        workflow_version="3",
        request_id="req_5",
        max_requests_per_1_minute=11,
        state_variables={"plan": "gold\nsilver", "limit": 3, "<b>": False, "new": None},
        chatkit_configuration={
            "automatic_thread_titling": {"enabled": True},
            "file_upload": {"enabled": False, "max_file_size": 20, "max_files": None},
            "history": {"enabled": True, "recent_threads": None},
            "something": {"new": "from OpenAI"},
        },
    )
    page = admin_client.get(f"{LIST}{session.pk}/change/").text
    assert "{&quot;" not in page
    for name, kind, value in [
        ("plan", "text", "gold\nsilver"),
        ("limit", "whole number", "3"),
        ("&lt;b&gt;", "yes/no", "no"),
    ]:
        assert (
            f'<th scope="row">{name}</th><td class="chatkit-type">{kind}</td><td class="chatkit-value">{value}</td>'
            in page
        )
    for name, value in [
        ("new", "null"),
        ("Automatic thread titles", "on"),
        ("File upload", "off"),
        ("Largest file, in megabytes", "20"),
        ("Recent threads", "no limit"),
        ("something.new", "from OpenAI"),
    ]:
        assert f'<th scope="row">{name}</th><td class="chatkit-value">{value}</td>' in page
    for shown in ("req_5", "wf_ran", "production:7", ">anna</a>", ">Support</a>", ">11<"):
        assert shown in page


@pytest.mark.parametrize("empty", [{}, [], None, "text"])
def test_a_session_of_which_little_is_known_is_shown(admin_client: Client, workflow: Workflow, empty: Any) -> None:
    given = {} if empty is None else {"state_variables": empty, "chatkit_configuration": empty}
    page = admin_client.get(f"{LIST}{issued(workflow, **given).pk}/change/").text
    for field in ("shown_state_variables", "shown_configuration"):
        shown = page.split(f"field-{field}")[1].split('<div class="form-row')[0]
        assert '<div class="readonly">-</div>' in shown


# The list


def test_long_ids_leave_room(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, session_id="cksess_" + "a" * 20 + "123456")
    issued(workflow, session_id="local_short")
    page = admin_client.get(LIST).text
    assert '<span class="chatkit-id" title="cksess_aaaaaaaaaaaaaaaaaaaa123456">cksess_aaaaa…123456</span>' in page
    assert ">local_short</span>" in page


def test_the_status_is_that_of_now_in_list_filter_and_page(admin_client: Client, workflow: Workflow) -> None:
    past = timezone.now() - timedelta(seconds=1)
    issued(workflow, session_id="running")
    stale = issued(workflow, session_id="stale", expires_at=past)
    issued(workflow, session_id="expired", status="expired", expires_at=past)
    issued(workflow, session_id="cancelled", status="cancelled")
    page = admin_client.get(LIST).text
    shown = [cell.split("<")[0] for cell in page.split('<td class="field-shown_status">')[1:]]
    assert shown == ["cancelled", "expired", "expired", "active"]
    assert listed(admin_client, "status=active") == ["running"]
    assert listed(admin_client, "status=expired") == ["expired", "stale"]
    assert listed(admin_client, "status=cancelled") == ["cancelled"]
    detail = admin_client.get(f"{LIST}{stale.pk}/change/").text
    assert '<div class="readonly">expired</div>' in detail


def test_sessions_are_filtered_by_workflow_and_time(admin_client: Client, workflow: Workflow) -> None:
    other = Workflow.objects.create(name="Other", slug="other", workflow_id="wf_2")
    issued(workflow, session_id="old", created_at=timezone.now() - timedelta(days=400))
    issued(workflow, session_id="new")
    issued(other, session_id="theirs")
    assert listed(admin_client, f"workflow__id__exact={workflow.pk}") == ["new", "old"]
    changelist = admin_client.get(LIST).context["cl"]
    (times,) = [spec for spec in changelist.filter_specs if getattr(spec, "field_path", "") == "created_at"]
    (week,) = [choice for choice in times.choices(changelist) if choice["display"] == "Past 7 days"]
    assert listed(admin_client, week["query_string"].removeprefix("?")) == ["theirs", "new"]


def test_sessions_are_found_by_exact_id_user_and_identifier(admin_client: Client, workflow: Workflow) -> None:
    anna = User.objects.create_user("anna")
    issued(workflow, session_id="cksess_1", user=anna, user_identifier="production:1")
    issued(workflow, session_id="cksess_2", user_identifier="production:22")
    assert listed(admin_client, "q=cksess_2") == ["cksess_2"]
    assert listed(admin_client, "q=anna") == ["cksess_1"]
    assert listed(admin_client, "q=production:1") == ["cksess_1"]
    assert listed(admin_client, "q=+production:22+") == ["cksess_2"]
    assert listed(admin_client, "q=production") == []
    assert listed(admin_client, "q=") == ["cksess_2", "cksess_1"]


def test_a_name_that_is_another_ones_identifier_finds_both(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, session_id="cksess_1", user=User.objects.create_user("7"), user_identifier="8")
    issued(workflow, session_id="cksess_2", user_identifier="7")
    assert listed(admin_client, "q=7") == ["cksess_2", "cksess_1"]


def test_the_search_uses_indexes(admin_client: Client, workflow: Workflow) -> None:
    anna = User.objects.create_user("anna")
    issued(workflow, user=anna)
    with CaptureQueriesContext(connection) as captured:
        listed(admin_client, "q=anna")
    searches = [query["sql"] for query in captured.captured_queries if "session_id" in query["sql"]]
    assert searches
    assert not any("LIKE" in sql or "UPPER" in sql for sql in searches)


def test_the_list_takes_the_same_queries_for_any_number_of_sessions(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, user=User.objects.create_user("first"))
    few = queries(admin_client)
    for number in range(20):
        user = User.objects.create_user(f"user{number}")
        own = Workflow.objects.create(name=f"{number}", slug=f"s{number}", workflow_id="wf_1")
        issued(own, user=user)
    many = queries(admin_client)
    assert len(many) == len(few)
    # The login's session and user, and whether this superuser may read conversations; the filter's workflows; a count
    # that stops early; rows, their workflows and users; the times of the first and the last row.
    assert len(many) == 10
    # On 400,000 rows MariaDB takes 11 seconds with a join, and milliseconds without.
    assert not any("JOIN" in sql for sql in many if ChatSession._meta.db_table in sql)
    for column in ("state_variables", '"django_chatkit_chatsession"."chatkit_configuration"'):
        assert not any(column in sql for sql in many)


def queries(client: Client) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(LIST).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_only_the_indexed_column_sorts(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow, session_id="second", created_at=timezone.now() - timedelta(days=1))
    issued(workflow, session_id="first", created_at=timezone.now() - timedelta(days=2))
    page = admin_client.get(LIST).text
    assert page.count('class="sortable') == 1
    assert listed(admin_client) == ["first", "second"]
    assert listed(admin_client, "o=-5") == ["second", "first"]


def test_a_long_table_is_not_counted_to_its_end(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        issued(workflow)
    monkeypatch.setattr(BoundedPaginator, "limit", 6)
    assert "There are more" not in admin_client.get(LIST).text
    monkeypatch.setattr(BoundedPaginator, "limit", 3)
    page = admin_client.get(LIST).text
    assert "There are more: this list ends after 3 rows." in page
    with CaptureQueriesContext(connection) as captured:
        assert BoundedPaginator(ChatSession.objects.all(), 2).count == 3
    assert "LIMIT 3" in captured.captured_queries[0]["sql"]
    assert "ORDER BY" not in captured.captured_queries[0]["sql"]


def test_the_last_page_of_a_long_table_can_be_opened(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedPaginator, "limit", 150)
    ChatSession.objects.bulk_create(
        ChatSession(session_id=f"s{number}", workflow=workflow, expires_at=timezone.now()) for number in range(160)
    )
    assert len(listed(admin_client, "p=2")) == 50
    assert issubclass(BoundedPaginator, Paginator)


def test_no_counts_are_offered_by_the_filters(admin_client: Client, workflow: Workflow) -> None:
    issued(workflow)
    page = admin_client.get(LIST + "?_facets=True").text
    assert "Show counts" not in page
    assert "Hide counts" not in page


def test_the_digest_of_a_secret_is_nowhere(admin_client: Client, workflow: Workflow) -> None:
    """And the backend is shown: it may be another than the workflow's now."""
    session = issued(workflow, backend="self_hosted", secret_digest="canary-digest")
    issued(workflow)
    page = admin_client.get(f"{LIST}{session.pk}/change/").text
    assert "this site" in page.split('field-backend"')[1].split("</fieldset>")[0]
    for text in (page, admin_client.get(LIST).text):
        assert "canary-digest" not in text
