from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from django.contrib.auth import logout
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import connections, transaction
from django.test import RequestFactory
from rest_framework.request import Request

from django_chatkit import receivers
from django_chatkit.identity import LOGIN_KEY
from django_chatkit.models import ChatSession, Workflow
from django_chatkit.sessions import ending

from .behaviours import error, normal, silent
from .callers import Browser, a_user, a_workflow, chatkit
from .records import ACTIVE, CANCELLED, a_request, statuses
from .second_database import second_database

LOGOUT = "/admin/logout/"


def log_out(browser):
    response = browser.post(LOGOUT)
    assert response.status_code == 200
    assert "_auth_user_id" not in browser.session
    return response


def statuses_of(*session_ids):
    return [ChatSession.objects.get(session_id=session_id).status for session_id in session_ids]


# Logging in


@pytest.mark.django_db
def test_a_login_has_its_key_at_once(openai):
    """So that two tabs, whose first requests come at the same time, cannot make two."""
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    key = browser.session[LOGIN_KEY]
    assert len(key) == 32
    browser.issue()
    browser.issue(refresh=True)
    assert set(ChatSession.objects.values_list("login_key", flat=True)) == {key}


@pytest.mark.django_db
def test_each_login_has_a_key_of_its_own():
    user = a_user(is_staff=True)
    browser, other = Browser(user), Browser(user)
    first = browser.session[LOGIN_KEY]
    assert other.session[LOGIN_KEY] != first
    browser.force_login(user)
    assert browser.session[LOGIN_KEY] == first  # so that the logout still finds what was issued before
    browser.force_login(a_user("somebody else"))
    assert browser.session[LOGIN_KEY] != first


class Lost:
    """What some packages send instead of a request."""


@pytest.mark.django_db
@pytest.mark.parametrize("request_", [None, Lost(), RequestFactory().get("/"), Request(RequestFactory().get("/"))])
def test_a_login_without_a_django_session(request_):
    """Of somebody who is given a token: it must not fail, and needs no key."""
    user_logged_in.send(sender=None, request=request_, user=a_user(is_staff=True))
    user_logged_out.send(sender=None, request=request_, user=None)


@pytest.mark.django_db
def test_a_token_does_not_make_a_django_session():
    request = a_request()
    user_logged_in.send(sender=None, request=Request(request), user=a_user(is_staff=True))
    assert request.session.is_empty()
    assert not request.session.modified


# Logging out


@pytest.mark.django_db(transaction=True)
def test_logout_cancels_what_the_login_was_issued(openai):
    a_workflow()
    a_workflow("other")
    browser = Browser(a_user(is_staff=True))
    ids = [browser.issue(workflow=slug).json()["id"] for slug in ("support", "other")]
    log_out(browser)
    assert sorted(openai.cancelled) == sorted(ids)
    assert statuses_of(*ids) == [CANCELLED] * 2


@pytest.mark.django_db(transaction=True)
def test_other_devices_keep_theirs(openai):
    a_workflow()
    user = a_user(is_staff=True)
    phone, laptop, stranger = Browser(user), Browser(user), Browser(a_user("bob", is_staff=True))
    ids = [browser.issue().json()["id"] for browser in (phone, laptop, stranger)]
    log_out(phone)
    assert openai.cancelled == ids[:1]
    assert statuses_of(*ids) == [CANCELLED, ACTIVE, ACTIVE]


@pytest.mark.django_db(transaction=True)
def test_the_next_login_keeps_its_own(openai):
    a_workflow()
    user = a_user(is_staff=True)
    browser = Browser(user)
    browser.issue()
    log_out(browser)
    browser.force_login(user)
    response = browser.issue()
    assert response.status_code == 201
    assert statuses() == [CANCELLED, ACTIVE]


@pytest.mark.django_db(transaction=True)
def test_logout_without_sessions(openai):
    log_out(Browser(a_user(is_staff=True)))
    assert openai.requests == []


@pytest.mark.django_db(transaction=True)
def test_it_can_be_turned_off(openai, settings):
    chatkit(settings, CANCEL_ON_LOGOUT=False)
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    browser.issue()
    log_out(browser)
    assert openai.cancelled == []
    assert statuses() == [ACTIVE]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("value", [None, "text", {"API_KEY": None, "CANCEL_ON_LOGOUT": True}])
def test_a_mistake_in_the_settings_does_not_break_logging_out(openai, settings, monkeypatch, value):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    browser.issue()
    settings.DJANGO_CHATKIT = value
    log_out(browser)
    assert statuses() == [ACTIVE]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("behaviours", [[error(404)], [error(500)] * 2])
def test_an_error_of_openai_does_not_break_logging_out(openai, settings, behaviours):
    chatkit(settings, MAX_RETRIES=1)
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    browser.issue()
    openai.script(*behaviours)
    log_out(browser)
    assert statuses() == [ACTIVE]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_longer_than_promised(openai, settings, monkeypatch):
    chatkit(settings, TIMEOUT=60, DEADLINE=60)
    monkeypatch.setattr(ending, "BRIEF_DEADLINE", 0.3)
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    browser.issue()
    openai.script(*[silent] * 9)
    started = time.monotonic()
    log_out(browser)
    assert 0.3 <= time.monotonic() - started < 10


# No transaction is open while OpenAI is being called


@pytest.fixture
def open_transactions(openai):
    """The aliases on which a transaction was open, for each time OpenAI was asked to cancel."""
    ours, seen = connections.all(), []

    def watch(exchange):
        if exchange.request.path.endswith("/cancel"):
            seen.append([one.alias for one in ours if one.in_atomic_block])
        return normal(exchange)

    openai.script(*[watch] * 9)
    return seen


@pytest.mark.django_db(transaction=True)
def test_logging_out_with_atomic_requests(open_transactions, monkeypatch):
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    browser.issue()
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", value=True)
    log_out(browser)
    assert open_transactions == [[]]
    assert statuses() == [CANCELLED]


@pytest.mark.django_db(transaction=True)
def test_logging_out_with_atomic_requests_on_every_database(openai, monkeypatch, tmp_path, request):
    with second_database(tmp_path) as other:
        open_transactions = request.getfixturevalue("open_transactions")
        a_workflow()
        browser = Browser(a_user(is_staff=True))
        browser.issue()
        for alias in ("default", other):
            monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", value=True)
        log_out(browser)
        monkeypatch.undo()
    assert open_transactions == [[]]
    assert statuses() == [CANCELLED]


def order(*aliases):
    """Transactions on these databases, the last one innermost."""
    stack = ExitStack()
    for alias in aliases:
        stack.enter_context(transaction.atomic(using=alias))
    return stack


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("aliases", [["default"], ["second"], ["default", "second"], ["second", "default", "default"]])
def test_it_waits_for_the_outermost_transaction(tmp_path, aliases):
    calls = []
    with second_database(tmp_path):
        with order(*aliases):
            receivers._outside_transactions(lambda: calls.append([one.in_atomic_block for one in connections.all()]))
            assert calls == []
        assert calls == [[False, False]]


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_it_does_not_wait():
    calls = []
    receivers._outside_transactions(lambda: calls.append(1))
    assert calls == [1]


@pytest.mark.django_db(transaction=True)
def test_a_logout_that_is_rolled_back_cancels_nothing(openai):
    a_workflow()
    browser = Browser(a_user(is_staff=True))
    browser.issue()
    request = RequestFactory().post("/")
    request.session, request.user = browser.session, ChatSession.objects.get().user
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        logout(request)
        1 / 0  # noqa: B018
    assert openai.cancelled == []
    assert statuses() == [ACTIVE]


# Deleting groups


@pytest.mark.django_db
def test_a_workflow_whose_last_group_is_deleted_is_closed(caplog):
    """Without groups it would be open to everybody who is logged in."""
    staff, buyers = Group.objects.create(name="staff"), Group.objects.create(name="buyers")
    internal, shop, _ = a_workflow("internal"), a_workflow("shop"), a_workflow("public")
    internal.groups.add(staff)
    shop.groups.add(staff, buyers)
    staff.delete()
    assert set(Workflow.objects.filter(is_active=True).values_list("slug", flat=True)) == {"shop", "public"}
    assert [record.getMessage() for record in caplog.records if record.name == "django_chatkit"] == [
        "The workflow 'internal' was deactivated: the last of its groups was deleted."
    ]


@pytest.mark.django_db
def test_a_workflow_whose_groups_are_deleted_together_is_closed():
    shop, _ = a_workflow("shop"), a_workflow("public")
    shop.groups.set([Group.objects.create(name="staff"), Group.objects.create(name="buyers")])
    Group.objects.all().delete()
    assert set(Workflow.objects.filter(is_active=True).values_list("slug", flat=True)) == {"public"}
