from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.admin import cancelling
from django_chatkit.models import ChatSession, Workflow

from .admin_staff import staff
from .behaviours import error, silent
from .callers import a_workflow, chatkit
from .fake_openai import FakeOpenAI
from .records import a_record, records

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/chatsession/"


def issued(workflow: Workflow, count: int = 1) -> list[ChatSession]:
    """Sessions that the fake OpenAI knows."""
    return [sessions.create_session(workflow, user_identifier="x", reuse=False).session for _ in range(count)]


def own(**fields: Any) -> ChatSession:
    """An active session that this site runs, which needs nobody else to be cancelled."""
    workflow = Workflow.objects.get_or_create(slug="own", defaults={"name": "Own", "workflow_id": "wf_1"})[0]
    session = a_record(workflow, backend="self_hosted", secret_digest="d", **fields)
    session.save()
    return session


def act(client: Client, *chosen: ChatSession, query: str = "", **more: str) -> Any:
    data = {"action": "cancel_selected", "_selected_action": [session.pk for session in chosen], **more}
    return client.post(f"{LIST}{query}", data, follow=True)


def answered(client: Client, *chosen: ChatSession) -> Any:
    """Selected, and then the question answered with yes."""
    return act(client, *chosen, confirmed="yes")


def active() -> set[ChatSession]:
    return set(ChatSession.objects.active())


# Asking


def test_it_asks_first_how_many_of_which_workflows(admin_client: Client) -> None:
    support, sales = a_workflow(), Workflow.objects.create(name="Sales", slug="sales", workflow_id="wf_2")
    chosen = [*records(support, 2), *records(sales, 1)]
    ended = records(support, 1, lives=-1)
    page = act(admin_client, *ChatSession.objects.all(), index="0").text
    assert "You are about to cancel 3 active sessions." in page
    for name, slug, count in ((support.name, support.slug, 2), ("Sales", "sales", 1)):
        assert f'<th scope="row">{name}</th><td>{slug}</td><td class="chatkit-number">{count}</td>' in page
    assert 'value="Yes, cancel 3 sessions"' in page
    kept = [f'name="_selected_action" value="{session.pk}"' in page for session in (*chosen, *ended)]
    assert set(zip(kept, ["active"] * 3 + ["ended"], strict=True)) == {(True, "active"), (False, "ended")}
    assert active() == {session for session in ChatSession.objects.all() if session.current_status == "active"}
    assert len(active()) == 3


def test_the_way_back_keeps_the_filters(admin_client: Client) -> None:
    session = own()
    page = act(admin_client, session, query="?status=active", index="0").text
    assert f'href="{LIST}?status=active" class="button cancel-link"' in page


def test_what_has_ended_is_not_asked_about(admin_client: Client) -> None:
    (ended,) = records(a_workflow(), 1, status="cancelled")
    page = act(admin_client, ended, index="0").text
    assert "Nothing to cancel: no session here is active." in page


def test_more_than_the_limit_are_left_to_the_command(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "MAX_SESSIONS", 2)
    chosen = [own(), own(), own()]
    page = act(admin_client, *chosen, index="0").text
    assert "Nothing was cancelled: more than 2 active sessions are selected." in page
    assert "manage.py cancel_chatkit_sessions" in page
    assert "more than 2" in act(admin_client, *chosen[:1], index="0", select_across="1").text
    assert len(active()) == 3
    assert "about to cancel 2 active" in act(admin_client, *chosen[:2], index="0").text


# Cancelling


def test_they_are_cancelled_at_openai_and_here(admin_client: Client, openai: FakeOpenAI) -> None:
    chosen, other = issued(a_workflow(), 2), own()
    page = answered(admin_client, *chosen).text
    assert "2 sessions cancelled." in page
    assert sorted(openai.cancelled) == sorted(session.session_id for session in chosen)
    assert active() == {other}
    assert 'id="changelist"' in page


def test_it_is_in_the_history_of_each(admin_client: Client) -> None:
    chosen = [own(), own()]
    answered(admin_client, *chosen)
    entries = {(entry.object_id, entry.object_repr, entry.get_change_message()) for entry in LogEntry.objects.all()}
    assert entries == {(str(session.pk), session.session_id, "Changed status.") for session in chosen}


def test_each_failure_is_told_with_its_id_and_the_reason(
    admin_client: Client, openai: FakeOpenAI, settings: Any
) -> None:
    chatkit(settings, MAX_RETRIES=0)
    lost, refused, fine = issued(a_workflow(), 3)
    openai.script(error(404), error(401))
    page = answered(admin_client, lost, refused, fine).text
    assert "1 session cancelled." in page
    assert "These 2 sessions are still active." in page
    rows = page.split("<tbody>")[1].split("</tbody>")[0].split("</tr>")
    assert lost.session_id in rows[0]
    assert "OpenAI does not know this session (404)." in rows[0]
    assert refused.session_id in rows[1]
    assert "OpenAI does not accept the API key (401)" in rows[1]
    assert active() == {lost, refused}
    assert LogEntry.objects.get().object_id == str(fine.pk)
    assert "Try these 2 again" in page
    assert "2 sessions cancelled." in answered(admin_client, lost, refused).text


def test_nothing_that_works_waits_for_what_does_not(
    admin_client: Client, openai: FakeOpenAI, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI answers nobody: the time is up for all together, and sessions of this site do not need OpenAI."""
    chatkit(settings, MAX_RETRIES=0)
    monkeypatch.setattr(cancelling, "PATIENCE", 0.3)
    slow, untried = issued(a_workflow(), 2)
    mine = own(lives=900)
    openai.script(silent)
    page = answered(admin_client, slow, untried, mine).text
    assert "1 session cancelled." in page
    rows = page.split("<tbody>")[1].split("</tbody>")[0].split("</tr>")
    assert slow.session_id in rows[0]
    assert "OpenAI did not answer in time." in rows[0]
    assert untried.session_id in rows[1]
    assert "Not tried: the others took too long." in rows[1]
    assert active() == {slow, untried}


def test_if_nothing_was_cancelled_it_says_so(admin_client: Client, settings: Any, openai: FakeOpenAI) -> None:
    (session,) = issued(a_workflow())
    chatkit(settings, API_KEY="sk-\nbroken")
    page = answered(admin_client, session).text
    assert "0 sessions cancelled." in page
    assert "This session is still active." in page
    assert "sk-" not in page
    assert not LogEntry.objects.exists()


def test_a_session_that_openai_gave_no_id_is_explained(admin_client: Client) -> None:
    chosen = records(a_workflow(), 1, session_id="local_1")
    page = answered(admin_client, *chosen).text
    assert "1 session cancelled." in page
    assert "OpenAI gave 1 of them no id" in page
    assert not active()


def test_asking_takes_the_same_queries_for_any_number(admin_client: Client) -> None:
    chosen = [own() for _ in range(6)]
    few, many = (statements(admin_client, chosen[:count]) for count in (1, 5))
    assert len(few) == len(many)
    table = ChatSession._meta.db_table
    assert not any(f"{table}.state_variables" in sql for sql in many)


def statements(client: Client, chosen: list[ChatSession]) -> list[str]:
    """What the question takes."""
    with CaptureQueriesContext(connection) as captured:
        assert "about to cancel" in act(client, *chosen, index="0").text
    return [re.sub('[`"]', "", query["sql"]) for query in captured.captured_queries]


# One session, from its own page


def test_the_page_of_an_active_session_has_a_button(admin_client: Client) -> None:
    session = own()
    address = f"{LIST}{session.pk}/cancel/"
    page = admin_client.get(f"{LIST}{session.pk}/change/").text
    assert f'<a href="{address}" class="chatkit-cancel">Cancel this session</a>' in page
    question = admin_client.get(address).text
    assert "You are about to cancel 1 active session." in question
    assert session in active()
    response = admin_client.post(address, {"confirmed": "yes"}, follow=True)
    assert response.redirect_chain == [(f"{LIST}{session.pk}/change/", 302)]
    assert "1 session cancelled." in response.text
    assert "Cancel this session" not in response.text
    assert not active()
    assert "Nothing to cancel" in admin_client.get(address, follow=True).text


def test_a_session_that_has_ended_has_no_button(admin_client: Client) -> None:
    session = own(expires_at=timezone.now() - timedelta(seconds=1))
    assert "Cancel this session" not in admin_client.get(f"{LIST}{session.pk}/change/").text


def test_there_is_nothing_to_cancel_where_there_is_no_session(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}7/cancel/").status_code == 404


# Who may


def test_who_may_only_look_cannot_cancel() -> None:
    session, client = own(), staff("view_chatsession")
    assert 'name="action"' not in client.get(LIST).text
    assert "Cancel this session" not in client.get(f"{LIST}{session.pk}/change/").text
    assert client.post(f"{LIST}{session.pk}/cancel/", {"confirmed": "yes"}).status_code == 403
    answered(client, session)
    assert active() == {session}


def test_who_may_cancel_must_also_see() -> None:
    session, client = own(), staff("cancel_chatsession")
    assert client.post(f"{LIST}{session.pk}/cancel/", {"confirmed": "yes"}).status_code == 403
    assert act(client, session, confirmed="yes").status_code == 403
    assert active() == {session}


def test_both_permissions_together_are_enough() -> None:
    chosen, client = [own(), own()], staff("view_chatsession", "cancel_chatsession")
    assert "Cancel selected sessions" in client.get(LIST).text
    assert "1 session cancelled." in answered(client, chosen[0]).text
    assert client.post(f"{LIST}{chosen[1].pk}/cancel/", {"confirmed": "yes"}).status_code == 302
    assert not active()
