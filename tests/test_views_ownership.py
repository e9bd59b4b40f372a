"""List, detail and cancel: one's own sessions, and nobody else's."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.models import ChatSession, Workflow

from .callers import SESSIONS, Browser, a_user, a_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(openai):
    a_workflow(allow_anonymous=True)
    return Browser(a_user("ada"))


@pytest.fixture
def bob(openai):
    return Browser(a_user("bob"))


def issued(browser):
    answer = browser.issue(refresh=True)
    assert answer.status_code == 201
    return answer.json()["id"]


def ids(answer):
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["results"]]


def records(count, user, **fields):
    """Session records of a user, made without OpenAI."""
    workflow = Workflow.objects.get()
    given = {"workflow": workflow, "workflow_id": "wf_1", "expires_at": timezone.now() + timedelta(minutes=10)}
    given |= {"user": user, "user_identifier": f"user-{user.pk}", "user_key": "k", **fields}
    return ChatSession.objects.bulk_create(ChatSession(session_id=f"cksess_{n}", **given) for n in range(count))


# One's own


def test_the_list_is_ones_own_newest_first(ada, bob):
    first, second = issued(ada), issued(ada)
    others = issued(bob)
    assert ids(ada.list()) == [second, first]
    assert ids(bob.list()) == [others]


def test_nobody_sees_a_visitors_sessions_but_the_visitor(ada):
    one, other = Browser(), Browser()
    mine, others = issued(one), issued(other)
    assert ids(one.list()) == [mine]
    assert ids(other.list()) == [others]
    assert ids(ada.list()) == []
    assert one.show(mine).status_code == 200
    assert {one.show(others).status_code, ada.show(mine).status_code} == {404}


def test_a_visitor_without_sessions_sees_no_list_and_is_given_no_cookie(ada):
    issued(ada)
    answer = Browser().list()
    assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")
    assert not answer.cookies


def test_a_deleted_users_sessions_are_nobodys(ada, bob):
    visitor = Browser()
    mine, orphaned = issued(visitor), issued(ada)
    User.objects.get(username="ada").delete()
    assert ChatSession.objects.get(session_id=orphaned).user is None
    assert ids(visitor.list()) == [mine]
    assert ids(bob.list()) == []
    for browser in (visitor, bob):
        assert browser.show(orphaned).status_code == browser.cancel(orphaned).status_code == 404


def test_sessions_of_another_login_are_still_ones_own(ada):
    session_id = issued(ada)
    elsewhere = Browser(User.objects.get(username="ada"))
    assert ids(elsewhere.list()) == [session_id]
    assert elsewhere.cancel(session_id).json()["status"] == "cancelled"


# Ids


ODD_IDS = {
    "unknown": "cksess_0000",
    "dots": "..%2e",
    "a dot": "cksess_1.json",
    "NUL": "cksess%00",
    "a new line": "cksess_1%0a",
    "percent": "%25",
    "a blank": "cksess 1",
    "an emoji": "💬",
    "not UTF-8": "%ff%fe",
    "long": "c" * 256,
    "very long": "c" * 20_000,
    "SQL": "' OR 1=1 --",
    "a number": "1",
}


@pytest.mark.parametrize("session_id", ODD_IDS.values(), ids=ODD_IDS)
def test_an_id_that_is_none_is_the_same_404_as_somebody_elses(ada, bob, openai, session_id):
    others = issued(bob)
    requests = len(openai.requests)
    for probe in (ada.show, ada.cancel):
        unknown, foreign = probe(session_id), probe(others)
        assert (unknown.status_code, foreign.status_code) == (404, 404)
        assert unknown.content == foreign.content
        assert unknown.headers == foreign.headers
    assert unknown.json() == {"detail": "There is no such session.", "code": "not_found"}
    assert len(openai.requests) == requests


@pytest.mark.parametrize("session_id", ["cksess%00", "💬", "c" * 256])
def test_no_database_is_asked_for_what_it_may_choke_on(ada, session_id):
    with CaptureQueriesContext(connection) as queries:
        assert ada.show(session_id).status_code == 404
    assert not [query for query in queries.captured_queries if "chatkit" in query["sql"]]


@pytest.mark.parametrize("changed", [str.upper, str.title, lambda text: text + "%20", lambda text: text[:-1]])
def test_an_id_is_exact(ada, changed):
    session_id = issued(ada)
    assert ada.show(session_id).status_code == 200
    assert ada.show(changed(session_id)).status_code == 404
    assert ada.cancel(changed(session_id)).status_code == 404
    assert ada.show(session_id).json()["status"] == "active"


# Pages


def test_the_list_comes_in_pages_of_20_and_forgets_nobody(ada):
    made = records(45, User.objects.get(username="ada"))
    expected = [session.session_id for session in reversed(ChatSession.objects.order_by("id"))]
    seen, answer, pages = [], ada.list(), 0
    while True:
        seen += ids(answer)
        pages += 1
        following = answer.json()["next"]
        if following is None:
            break
        answer = ada.get(following)
    assert (pages, len(made)) == (3, 45)
    assert seen == expected
    back = ada.get(answer.json()["previous"])
    assert ids(back) == expected[20:40]


def test_new_sessions_do_not_shift_the_pages(ada):
    records(25, User.objects.get(username="ada"))
    first = ada.list()
    issued(ada)
    second = ids(ada.get(first.json()["next"]))
    assert len(second) == 5
    assert not set(second) & set(ids(first))


def cursor(text):
    return "?cursor=" + base64.b64encode(text.encode()).decode().replace("=", "%3D").replace("+", "%2B")


TAMPERED = {
    "no base64": "?cursor=%%%",
    "not ASCII": "?cursor=💬",
    "NUL": "?cursor=%00",
    "nonsense": "?cursor=AAAA",
    "a word as position": cursor("p=abc"),
    "SQL as position": cursor("p=1 OR 1=1"),
    "a negative position": cursor("p=-5"),
    "an empty position": cursor("p="),
    "a fraction": cursor("p=1.5"),
    "NaN": cursor("p=NaN"),
    "20 digits": cursor("p=" + "9" * 20),
    "5000 digits": cursor("p=" + "9" * 5000),
    "another script's digits": cursor("p=%D9%A3"),
    "NUL as position": cursor("p=%00"),
    "a date": cursor("p=2026-01-01 00:00:00"),
    "a negative offset": cursor("o=-1&p=1"),
    "an offset alone": cursor("o=1"),
    "nothing": "?cursor=",
    "a word as offset": cursor("o=x&p=1"),
    "a word as direction": cursor("r=x&p=1"),
}


@pytest.mark.parametrize("query", TAMPERED.values(), ids=TAMPERED)
def test_a_cursor_that_was_tampered_with_is_a_404(ada, query):
    answer = ada.list(query)
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Invalid cursor", "code": "not_found"}


@pytest.mark.parametrize("position", [2**63 - 1, 2**63, 10**19 - 1, 0])
def test_a_position_beyond_all_ids_is_no_error(ada, position):
    session_id = issued(ada)
    assert ids(ada.list(cursor(f"p={position}"))) == ([session_id] if position else [])
    assert ids(ada.list(cursor(f"r=1&p={position}"))) == ([] if position else [session_id])
    assert ids(ada.list(cursor(f"o={10**9}&p={position}"))) == []


@pytest.mark.parametrize("query", ["?page=7", "?page_size=1", "?limit=1", "?format=api", "?search=x", "?ordering=id"])
def test_other_parameters_change_nothing(ada, query):
    first, second = issued(ada), issued(ada)
    answer = ada.list(query)
    assert ids(answer) == [second, first]
    assert answer.headers["Content-Type"] == "application/json"


# Cancel


def test_cancel_is_idempotent(ada, openai):
    session_id = issued(ada)
    answers = [ada.cancel(session_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json()["status"] == "cancelled"
    assert answers[0].json()["ended_at"]
    assert answers[0].json() == answers[1].json() == answers[2].json() == ada.show(session_id).json()
    assert openai.cancelled == [session_id]


def test_cancel_answers_like_detail_without_a_secret(ada, openai):
    session_id = issued(ada)
    assert set(ada.cancel(session_id).json()) == set(ada.show(session_id).json())
    assert openai.secrets[0] not in ada.cancel(session_id).content.decode()


def test_visitors_cancel_their_own(ada, openai):
    visitor = Browser()
    session_id = issued(visitor)
    assert visitor.cancel(session_id).json()["status"] == "cancelled"
    assert openai.cancelled == [session_id]


def test_what_is_past_its_time_is_expired_before_the_command_has_run(ada, openai):
    session_id = issued(ada)
    ChatSession.objects.update(expires_at=timezone.now())
    assert ChatSession.objects.get().status == "active"
    assert ada.show(session_id).json()["status"] == "expired"
    assert ada.list().json()["results"][0]["status"] == "expired"
    answer = ada.cancel(session_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "expired")
    assert not openai.cancelled


def test_a_session_of_an_inactive_workflow_can_still_be_seen_and_cancelled(ada, openai):
    session_id = issued(ada)
    Workflow.objects.update(is_active=False)
    assert ids(ada.list()) == [session_id]
    assert ada.cancel(session_id).json()["status"] == "cancelled"


def test_a_local_session_is_cancelled_here_only(ada, openai):
    records(1, User.objects.get(username="ada"))
    ChatSession.objects.update(session_id="local_1")
    assert ada.cancel("local_1").json()["status"] == "cancelled"
    assert not openai.requests


def test_cancel_reads_no_body(ada, openai):
    session_id = issued(ada)
    answer = ada.post(f"{SESSIONS}{session_id}/cancel/", b"{not JSON", "text/plain")
    assert answer.json()["status"] == "cancelled"


# Methods


METHODS = [
    ("", "GET, HEAD, POST", ["put", "patch", "delete", "options", "trace"]),
    ("{id}/", "GET, HEAD", ["post", "put", "patch", "delete", "options", "trace"]),
    ("{id}/cancel/", "POST", ["get", "head", "put", "patch", "delete", "options", "trace"]),
]


@pytest.mark.parametrize(("route", "allowed", "methods"), METHODS, ids=["list", "detail", "cancel"])
def test_other_methods_are_a_405(ada, openai, route, allowed, methods):
    session_id = issued(ada)
    for method in methods:
        answer = getattr(ada, method)(SESSIONS + route.format(id=session_id))
        assert answer.status_code == 405, method
        assert answer.headers["Allow"] == allowed
        assert method == "head" or answer.json()["code"] == "method_not_allowed"
    assert ids(ada.list()) == [session_id]
    assert not openai.cancelled


def test_head_is_get_without_a_body(ada):
    for url in (SESSIONS, f"{SESSIONS}{issued(ada)}/"):
        answer = ada.head(url)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Cache-Control"] == "no-store"


def test_head_finds_no_more_than_get(ada, bob):
    assert ada.head(f"{SESSIONS}{issued(bob)}/").status_code == 404
