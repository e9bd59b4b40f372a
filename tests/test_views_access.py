"""Who may have a session, by login, groups, visitors and permission classes; and in which order it is asked."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser, IsAuthenticated

from django_chatkit.models import ChatSession

from .callers import SESSIONS, Browser, a_user, a_workflow, chatkit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def openai(openai):
    return openai


def outcome(answer):
    return answer.status_code, answer.json().get("code")


NOT_LOGGED_IN = (403, "not_authenticated")
NOT_FOR_YOU = (403, "permission_denied")


def test_everybody_who_is_logged_in_may_use_a_workflow(openai):
    a_workflow()
    assert Browser(a_user()).issue().status_code == 201
    assert outcome(Browser().issue()) == NOT_LOGGED_IN
    assert len(openai.requests) == 1


def test_not_logged_in_is_a_401_where_the_project_has_a_challenge_to_send(settings):
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]}
    a_workflow()
    answer = Browser().issue()
    assert outcome(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_user_who_has_been_deactivated_is_not_logged_in(openai):
    a_workflow()
    ada = a_user()
    browser = Browser(ada)
    ada.is_active = False
    ada.save()
    assert outcome(browser.issue()) == NOT_LOGGED_IN
    assert outcome(browser.list()) == NOT_LOGGED_IN
    assert not openai.requests


@pytest.mark.parametrize("route", ["", "cksess_1/"])
def test_seeing_sessions_needs_a_login(route):
    assert outcome(Browser().get(SESSIONS + route)) == NOT_LOGGED_IN


def test_cancelling_needs_a_login():
    assert outcome(Browser().cancel("cksess_1")) == NOT_LOGGED_IN


# Groups


def test_groups_close_a_workflow_to_others(openai):
    staff, guests = Group.objects.create(name="staff"), Group.objects.create(name="guests")
    a_workflow().groups.add(staff, guests)
    ada, bob = a_user("ada"), a_user("bob", is_superuser=True)
    ada.groups.add(guests)
    assert Browser(ada).issue().status_code == 201
    assert outcome(Browser(bob).issue()) == NOT_FOR_YOU
    assert len(openai.requests) == 1


def test_groups_close_a_workflow_to_visitors_too():
    a_workflow(allow_anonymous=True).groups.add(Group.objects.create(name="staff"))
    assert outcome(Browser().issue()) == NOT_LOGGED_IN
    assert outcome(Browser(a_user()).issue()) == NOT_FOR_YOU


# Permission classes


class Refuses(BasePermission):
    message = "Not on Sundays."

    def has_permission(self, request, view):
        return False


def test_permission_classes_are_asked_as_well_as_groups(settings, openai):
    chatkit(settings, PERMISSION_CLASSES=["rest_framework.permissions.IsAuthenticated", Refuses])
    a_workflow()
    answer = Browser(a_user()).issue()
    assert outcome(answer) == NOT_FOR_YOU
    assert answer.json()["detail"] == "Not on Sundays."
    assert not openai.requests


def test_permission_classes_are_asked_before_sessions_are_shown(settings):
    a_workflow()
    ada = Browser(a_user())
    session_id = ada.issue().json()["id"]
    chatkit(settings, PERMISSION_CLASSES=[Refuses])
    assert {outcome(ada.list()), outcome(ada.show(session_id)), outcome(ada.cancel(session_id))} == {NOT_FOR_YOU}


def test_allow_anonymous_relaxes_them_for_visitors_only(settings):
    chatkit(settings, PERMISSION_CLASSES=[IsAdminUser])
    a_workflow(allow_anonymous=True)
    assert Browser().issue().status_code == 201
    assert outcome(Browser(a_user()).issue()) == NOT_FOR_YOU
    assert Browser(a_user("root", is_staff=True)).issue().status_code == 201


@pytest.mark.parametrize("classes", [[AllowAny], []])
def test_only_allow_anonymous_opens_a_workflow_to_visitors(settings, openai, classes):
    chatkit(settings, PERMISSION_CLASSES=classes)
    workflow = a_workflow()
    assert outcome(Browser().issue()) == NOT_LOGGED_IN
    assert not openai.requests
    workflow.allow_anonymous = True
    workflow.save()
    assert Browser().issue().status_code == 201


def test_compound_permissions_do_not_lock_visitors_out_of_their_own_sessions(settings):
    chatkit(settings, PERMISSION_CLASSES=[IsAuthenticated | IsAdminUser])
    a_workflow(allow_anonymous=True)
    visitor = Browser()
    session_id = visitor.issue().json()["id"]
    assert visitor.show(session_id).status_code == 200
    assert visitor.cancel(session_id).status_code == 200


class NotThisOne(BasePermission):
    def has_object_permission(self, request, view, obj):
        return False


def test_permissions_on_single_sessions_are_asked(settings):
    a_workflow()
    ada = Browser(a_user())
    session_id = ada.issue().json()["id"]
    chatkit(settings, PERMISSION_CLASSES=[NotThisOne])
    assert outcome(ada.show(session_id)) == NOT_FOR_YOU


# Visitors who are not logged in


def visitor_ids(openai):
    return [request.json["user"] for request in openai.requests]


def test_each_visitor_has_one_random_identity(openai):
    a_workflow(allow_anonymous=True)
    one, other = Browser(), Browser()
    for visitor in (one, other, one, other):
        assert visitor.issue(refresh=True).status_code == 201
    first, second, *again = visitor_ids(openai)
    assert again == [first, second]
    assert first != second
    assert all(identity.startswith("visitor-") and len(identity) == 8 + 32 for identity in (first, second))


def test_the_identity_is_in_no_answer(openai):
    a_workflow(allow_anonymous=True)
    visitor = Browser()
    answers = [visitor.issue(), visitor.list(), visitor.show(ChatSession.objects.get().session_id)]
    (identity,) = visitor_ids(openai)
    for answer in answers:
        assert identity.removeprefix("visitor-") not in f"{answer.content!r} {answer.headers} {answer.cookies}"


def test_a_visitor_who_logs_in_is_somebody_else(openai):
    a_workflow(allow_anonymous=True)
    browser = Browser()
    browser.issue()
    ada = a_user()
    browser.force_login(ada)
    assert browser.issue().status_code == 201
    assert visitor_ids(openai)[1] == f"user-{ada.pk}"
    assert [row["id"] for row in browser.list().json()["results"]] == [list(openai.sessions)[1]]


def test_visitors_need_the_session_middleware(settings, openai):
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": []}
    a_workflow(allow_anonymous=True)
    assert outcome(Browser().issue()) == (503, "misconfigured")
    assert not openai.requests


class Stranger(AnonymousUser):
    """Some authentication classes answer this for callers that they know, but not as a user."""


def test_an_authenticated_caller_who_is_no_user_is_a_visitor(settings, openai):
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["tests.test_views_access.KnowsStrangers"]}
    a_workflow(allow_anonymous=True)
    assert Browser().issue().status_code == 201
    assert visitor_ids(openai)[0].startswith("visitor-")


class KnowsStrangers:
    def authenticate(self, request):
        return Stranger(), None


# Order: authenticate, CSRF, parse, workflow, access, reuse or throttle


def test_authentication_is_before_csrf(settings):
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]}
    answer = Browser(token=None).issue(headers={"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="})
    assert outcome(answer) == (401, "authentication_failed")


@pytest.mark.parametrize("user", [True, False])
@pytest.mark.parametrize("body", [b"{", b" " * 2**17, b"[]"])
def test_csrf_is_before_parsing(user, body):
    browser = Browser(a_user() if user else None, token=None)
    assert outcome(browser.issue(body)) == (403, "csrf_failed")


def test_parsing_is_before_the_workflow():
    assert outcome(Browser().issue(b"{")) == (400, "parse_error")
    assert list(Browser().issue(workflow="nope", user=1).json()) == ["user"]


def test_the_workflow_is_before_access():
    a_workflow()
    assert outcome(Browser().issue(workflow="nope")) == (404, "workflow_not_found")


def test_access_is_before_state_variables():
    a_workflow()
    assert outcome(Browser().issue(state_variables={"plan": "gold"})) == NOT_LOGGED_IN


def test_access_is_before_the_throttle(settings):
    chatkit(settings, THROTTLE_RATE="1/day")
    a_workflow().groups.add(Group.objects.create(name="staff"))
    bob = Browser(a_user())
    assert [outcome(bob.issue()) for _ in range(3)] == [NOT_FOR_YOU] * 3


def test_access_is_before_reuse(openai):
    workflow = a_workflow()
    ada = Browser(a_user())
    ada.issue()
    workflow.groups.add(Group.objects.create(name="staff"))
    assert outcome(ada.issue()) == NOT_FOR_YOU
