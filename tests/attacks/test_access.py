# ruff: noqa: RUF001 (that is what it is about)
"""Access that is lost while a session lives, and visitors who want more than their share by dropping cookies."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import CommandError, call_command

from django_chatkit import sessions
from django_chatkit.models import ChatSession, Workflow
from django_chatkit.sessions import access
from django_chatkit.throttling import SessionThrottle

from ..behaviours import error
from ..callers import Browser, a_user, a_workflow, chatkit
from ..records import ACTIVE, CANCELLED, a_record, records, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def members(db):
    return Group.objects.create(name="members")


@pytest.fixture
def ada(members):
    ada = a_user("ada")
    ada.groups.add(members)
    return ada


LOST = {
    "leaves the group": lambda ada, workflow: ada.groups.clear(),
    "deactivated": lambda ada, workflow: type(ada).objects.update(is_active=False),
    "deleted": lambda ada, workflow: ada.delete(),
    "the workflow gets other groups": lambda ada, workflow: workflow.groups.set([Group.objects.create(name="staff")]),
    "the group is deleted and another takes its place": lambda ada, workflow: (
        workflow.groups.add(Group.objects.create(name="staff")),
        Group.objects.filter(name="members").delete(),
    ),
    "the workflow is deactivated": lambda ada, workflow: Workflow.objects.update(is_active=False),
}
KEPT = {
    "joins another group": lambda ada, workflow: ada.groups.add(Group.objects.create(name="staff")),
    "the workflow gets one more group": lambda ada, workflow: workflow.groups.add(Group.objects.create(name="staff")),
    "the workflow loses its groups": lambda ada, workflow: workflow.groups.clear(),
    "nothing": lambda ada, workflow: None,
}


# Hosted: at the next POST, whatever the cookie says


@pytest.mark.parametrize("how", LOST)
def test_a_reuse_cookie_does_not_help_who_has_lost_access(openai, ada, members, how):
    workflow = a_workflow()
    workflow.groups.add(members)
    browser = Browser(ada)
    first = browser.issue()
    assert browser.issue().json()["client_secret"] == first.json()["client_secret"]
    LOST[how](ada, workflow)
    answer = browser.issue()
    assert answer.status_code in (403, 404)
    assert first.json()["client_secret"] not in answer.text
    assert "chatkit_secret_support" not in answer.cookies
    assert len(openai.sessions) == 1


@pytest.mark.parametrize("how", KEPT)
def test_a_reuse_cookie_still_counts_for_who_has_not(openai, ada, members, how):
    workflow = a_workflow()
    workflow.groups.add(members)
    browser = Browser(ada)
    browser.issue()
    KEPT[how](ada, workflow)
    assert browser.issue().status_code == 200
    assert len(openai.sessions) == 1


def test_a_reuse_cookie_does_not_help_visitors_of_a_workflow_that_is_closed_to_them(openai):
    workflow, browser = a_workflow(allow_anonymous=True), Browser()
    browser.issue()
    Workflow.objects.update(allow_anonymous=False)
    assert browser.issue().status_code == 403
    Workflow.objects.update(allow_anonymous=True)
    workflow.groups.add(Group.objects.create(name="staff"))
    assert browser.issue().status_code == 403
    assert len(openai.sessions) == 1


# Self-hosted: the secret itself is worth nothing any more


@pytest.fixture
def own(openai, settings, monkeypatch):
    """A workflow that this site runs. (Its secrets can be looked up without OpenAI's SDK.)"""
    monkeypatch.setattr("django_chatkit.sessions.backends.require_server", lambda: None)
    chatkit(settings, AGENTS={"echo": "tests.server.echo.respond"})
    return a_workflow(backend="self_hosted", agent="echo", workflow_id="")


def known(answer):
    return sessions.session_of(answer.json()["client_secret"], "support")


@pytest.mark.parametrize("how", LOST)
def test_a_secret_is_refused_as_soon_as_access_is_lost(own, ada, members, how):
    own.groups.add(members)
    answer = Browser(ada).issue()
    assert known(answer)
    LOST[how](ada, own)
    assert known(answer) is None


@pytest.mark.parametrize("how", KEPT)
def test_a_secret_is_taken_as_long_as_access_is_not_lost(own, ada, members, how):
    own.groups.add(members)
    answer = Browser(ada).issue()
    KEPT[how](ada, own)
    assert known(answer)


def close_to_visitors(workflow):
    Workflow.objects.update(allow_anonymous=False)


CLOSED = {"not open any more": close_to_visitors, "groups": lambda own: own.groups.add(Group.objects.create(name="g"))}


@pytest.mark.parametrize("close", CLOSED.values(), ids=CLOSED)
@pytest.mark.parametrize("namespace", [None, "staging"])
def test_a_visitors_secret_is_refused_where_visitors_are(own, settings, close, namespace):
    chatkit(settings, USER_NAMESPACE=namespace)
    Workflow.objects.update(allow_anonymous=True)
    answer = Browser().issue()
    assert known(answer)
    close(own)
    assert known(answer) is None


def test_whom_the_sites_own_code_names_is_no_visitor(own):
    """Nobody here can say who that is, but groups admit their members only."""
    secret = str(sessions.create_session(own, user_identifier="customer-5").client_secret)
    assert sessions.session_of(secret, "support")
    own.groups.add(Group.objects.create(name="members"))
    assert sessions.session_of(secret, "support") is None


def test_without_groups_the_secret_still_takes_one_query(own, ada, django_assert_num_queries):
    secret = Browser(ada).issue().json()["client_secret"]
    with django_assert_num_queries(1):
        assert sessions.session_of(secret, "support")


# What is out already: cancel_chatkit_sessions --not-allowed


def cancel_what_is_not_allowed():
    out = io.StringIO()
    call_command("cancel_chatkit_sessions", "--not-allowed", stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.parametrize("how", LOST)
def test_a_command_cancels_what_is_out(openai, ada, members, how):
    workflow = a_workflow()
    workflow.groups.add(members)
    bob = a_user("bob")
    bob.groups.add(members)
    others = a_workflow("others")
    Browser(ada).issue(workflow="support")
    LOST[how](ada, workflow)
    Workflow.objects.filter(pk=others.pk).update(is_active=True)
    type(bob).objects.filter(pk=bob.pk).update(is_active=True)
    Browser(bob).issue(workflow="others")
    assert cancel_what_is_not_allowed() == "1 sessions cancelled.\n"
    assert openai.cancelled == list(openai.sessions)[:1]
    assert statuses() == [CANCELLED, ACTIVE]
    assert cancel_what_is_not_allowed() == "0 sessions cancelled.\n"


@pytest.mark.parametrize("how", KEPT)
def test_it_leaves_those_who_may(openai, ada, members, how):
    workflow = a_workflow()
    workflow.groups.add(members)
    Browser(ada).issue()
    KEPT[how](ada, workflow)
    assert cancel_what_is_not_allowed() == "0 sessions cancelled.\n"
    assert openai.cancelled == []


@pytest.mark.parametrize("close", CLOSED.values(), ids=CLOSED)
def test_it_cancels_those_of_visitors_where_they_are_not_admitted_any_more(openai, close):
    workflow = a_workflow(allow_anonymous=True)
    Browser().issue()
    assert cancel_what_is_not_allowed() == "0 sessions cancelled.\n"
    close(workflow)
    assert cancel_what_is_not_allowed() == "1 sessions cancelled.\n"


def test_it_leaves_those_whom_the_sites_own_code_or_a_token_names(openai):
    sessions.create_session(a_workflow(), user_identifier="customer-5")
    assert cancel_what_is_not_allowed() == "0 sessions cancelled.\n"


def test_it_looks_at_all_of_them_in_batches(openai, monkeypatch, django_assert_max_num_queries):
    """Also where many end at the same moment, and while those that were read are being cancelled."""
    monkeypatch.setattr(access, "BATCH", 3)
    gone, here = a_user("gone", is_active=False), a_user("here")
    workflow = a_workflow()
    same = a_record(workflow).expires_at
    for user in (gone, here, gone, here, gone, here, gone):
        records(workflow, 1, user=user, expires_at=same, session_id=f"local_{ChatSession.objects.count()}")
    records(workflow, 1, user=gone, lives=-1)
    assert cancel_what_is_not_allowed() == "4 sessions cancelled.\n"
    assert statuses() == [CANCELLED, ACTIVE] * 3 + [CANCELLED, ACTIVE]
    assert not openai.requests


def test_it_says_what_it_could_not_cancel(openai, ada):
    a_workflow()
    Browser(ada).issue()
    type(ada).objects.update(is_active=False)
    openai.script(error(404, "not_found"))
    with pytest.raises(CommandError, match="1 sessions could not be cancelled"):
        cancel_what_is_not_allowed()
    assert statuses() == [ACTIVE]


@pytest.mark.parametrize("slug", ["SUPPORT", "súpport", "support ", "ｓｕｐｐｏｒｔ"])
def test_a_workflow_that_mariadb_takes_for_another_is_not_cancelled(openai, ada, slug):
    a_workflow()
    Browser(ada).issue()
    with pytest.raises(CommandError, match="There is no workflow"):
        call_command("cancel_chatkit_sessions", f"--workflow={slug}")
    assert statuses() == [ACTIVE]


# A new budget


@pytest.fixture
def budget(openai, settings, monkeypatch):
    """Three new sessions an hour, for whoever it is; an hour that does not end meanwhile."""
    cache.clear()
    monkeypatch.setattr(SessionThrottle, "timer", staticmethod(lambda: 1_800_000_000.0))
    chatkit(settings, THROTTLE_RATE="3/hour")
    a_workflow(allow_anonymous=True)
    yield
    cache.clear()


def attempts(*connections, count=12):
    """How many of so many sessions are issued to somebody who comes without cookies each time."""
    many = [connections[number % len(connections)] for number in range(count)]
    answers = [Browser(REMOTE_ADDR=address).issue(headers=headers) for address, headers in many]
    assert {answer.status_code for answer in answers} <= {201, 429}
    assert all(int(answer["Retry-After"]) > 0 for answer in answers if answer.status_code == 429)
    return [answer.status_code for answer in answers].count(201)


LIES = [
    {},
    {"X-Forwarded-For": "198.51.100.1"},
    {"X-Forwarded-For": "198.51.100.2, 198.51.100.3"},
    {"X-Real-IP": "198.51.100.4"},
    {"Forwarded": "for=198.51.100.5"},
    {"True-Client-IP": "198.51.100.6", "CF-Connecting-IP": "198.51.100.6", "X-Client-IP": "198.51.100.6"},
    {"Remote-Addr": "198.51.100.7"},
    {"User-Agent": "another", "Accept-Language": "de"},
]


def test_who_drops_the_cookies_gets_no_more(budget, openai):
    assert attempts(*(("192.0.2.1", headers) for headers in LIES)) == 3
    assert len(openai.sessions) == 3


def test_who_keeps_a_cookie_and_changes_addresses_gets_no_more(budget):
    browser = Browser()
    answers = [browser.issue(refresh=True, headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(3)]
    browser.defaults["REMOTE_ADDR"] = "192.0.2.99"
    answers.append(browser.issue(refresh=True))
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]


def test_an_ipv6_network_of_64_bits_is_one_visitor(budget):
    assert attempts(*((f"2001:db8:0:1::{n:x}", {}) for n in range(12))) == 3
    assert attempts(("2001:db8:0:2::1", {})) == 3


@pytest.mark.parametrize("proxies", [1, 2])
def test_what_stands_before_the_trusted_proxies_words_is_not_believed(budget, settings, proxies):
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    seen = ", ".join(["192.0.2.1", "10.0.0.2"][:proxies])
    forged = [("10.0.0.1", {"X-Forwarded-For": f"198.51.100.{n}, {seen}"}) for n in range(12)]
    assert attempts(*forged) == 3


PORTS = {
    "IPv4": "192.0.2.1:{}",
    "IPv6": "[2001:db8::1]:{}",
    "IPv6 in brackets": "[2001:db8::{}]",
}


@pytest.mark.parametrize("written", PORTS.values(), ids=PORTS)
def test_a_new_connection_is_no_new_visitor_where_a_proxy_writes_ports(budget, settings, written):
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    assert attempts(*(("10.0.0.1", {"X-Forwarded-For": written.format(5000 + n)}) for n in range(12))) == 3


def test_logging_in_is_a_budget_of_ones_own_and_dropping_that_login_none(budget, ada):
    assert attempts(("192.0.2.1", {})) == 3
    for _ in range(2):
        codes = [Browser(ada, REMOTE_ADDR=f"192.0.2.{n}").issue().status_code for n in range(5)]
        assert codes.count(201) in (0, 3)
    assert ChatSession.objects.filter(user=ada).count() == 3


def test_what_is_in_the_body_or_the_query_names_nobody(budget):
    """A visitor cannot say who they are."""
    browser = Browser()
    body = {"user": "x", "user_identifier": "y"}
    answer = browser.post("/chatkit/sessions/?user=z", json.dumps(body), "application/json")
    assert answer.status_code == 400
    assert not ChatSession.objects.exists()
