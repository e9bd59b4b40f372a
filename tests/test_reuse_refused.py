"""When reuse hands out nothing: whatever is different, it is a new session."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core import signing
from django.utils import timezone

from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow

from .callers import Browser, a_user, a_workflow, chatkit

COOKIE = "chatkit_secret_support"


@pytest.fixture
def workflow(db, openai):
    preset = ChatKitConfiguration.objects.create(name="Preset", history_enabled=True)
    return a_workflow(client_state_variables=["page"], chatkit_configuration=preset, allow_anonymous=True)


@pytest.fixture
def ada(workflow):
    """Her browser, after she has opened the page once."""
    browser = Browser(a_user())
    assert browser.issue().status_code == 201
    return browser


def reused(browser, **more):
    answer = browser.issue(**more)
    assert answer.status_code in (200, 201)
    return answer.status_code == 200


EDITS = [
    {"workflow_id": "wf_other"},
    {"version": "2"},
    {"state_variables": {"plan": "gold"}},
    {"tracing_enabled": False},
    {"expires_after": 500},
    {"max_requests_per_1_minute": 3},
    {"chatkit_configuration": None},
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: next(iter(edit)))
def test_not_of_an_edited_workflow(ada, edit):
    Workflow.objects.update(**edit)
    assert not reused(ada)
    assert reused(ada)


def test_not_with_an_edited_preset(ada):
    ChatKitConfiguration.objects.update(file_upload_enabled=True)
    assert not reused(ada)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, True), (1, 1.0), (1, "1"), ("a", "A"), ("", False)], ids=repr)
def test_not_with_other_state_variables(ada, one, other):
    assert not reused(ada, state_variables={"page": one})
    assert not reused(ada, state_variables={"page": other})
    assert reused(ada, state_variables={"page": other})
    assert not reused(ada)


def test_not_with_other_state_variables_of_the_hook(ada, settings):
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: {"plan": "gold"})
    assert not reused(ada)


def test_not_of_another_workflow_even_with_the_same_request(ada):
    a_workflow("sales", workflow_id="wf_support", chatkit_configuration=ChatKitConfiguration.objects.get())
    ada.cookies["chatkit_secret_sales"] = ada.cookies[COOKIE].value
    assert not reused(ada, workflow="sales")


@pytest.mark.parametrize(
    "change",
    [
        {"ORGANIZATION": "org-2"},
        {"PROJECT": "proj_2"},
        {"USER_NAMESPACE": "staging"},
        {"USER_IDENTIFIER": lambda user, request=None: "ada"},
        {"REUSE_SESSIONS": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_not_with_other_settings(ada, settings, change):
    chatkit(settings, **change)
    assert not reused(ada)


def test_not_with_another_base_url(ada, settings):
    chatkit(settings, BASE_URL=settings.DJANGO_CHATKIT["BASE_URL"].replace("127.0.0.1", "localhost"))
    assert not reused(ada)


def test_not_with_another_key_of_the_settings(ada, settings):
    chatkit(settings, API_KEYS={"second": settings.DJANGO_CHATKIT["API_KEY"]})
    Workflow.objects.update(api_key="second")
    assert not reused(ada)


def test_a_new_key_of_the_same_name_changes_nothing(ada, settings):
    chatkit(settings, API_KEY="sk-tests-rotated")
    assert reused(ada)


def test_not_by_another_user_of_this_browser(ada, openai):
    bob = a_user("bob")
    kept = ada.cookies[COOKIE].value
    ada.logout()
    ada.cookies.load({"csrftoken": "c" * 32, COOKIE: kept})
    ada.force_login(bob)
    assert not reused(ada)
    assert openai.requests[-1].json["user"] == f"user-{bob.pk}"


def test_not_after_logging_out_and_in_again(ada, settings):
    chatkit(settings, CANCEL_ON_LOGOUT=False)
    ada_herself, kept = User.objects.get(), ada.cookies[COOKIE].value
    ada.logout()
    ada.cookies.load({"csrftoken": "c" * 32, COOKIE: kept})
    ada.force_login(ada_herself)
    assert ChatSession.objects.active().exists()
    assert not reused(ada)


def test_but_after_logging_in_as_the_same_user_once_more(ada):
    """There was no logout, so it is still the same login: the logout to come ends all of it."""
    ada.force_login(User.objects.get())
    assert reused(ada)


def test_not_by_a_visitor_with_a_users_cookie(ada):
    visitor = Browser()
    visitor.cookies[COOKIE] = ada.cookies[COOKIE].value
    assert not reused(visitor)


def test_not_in_another_browser_with_a_stolen_cookie(ada):
    elsewhere = Browser(User.objects.get())
    elsewhere.cookies[COOKIE] = ada.cookies[COOKIE].value
    assert not reused(elsewhere)


def test_not_when_cancelled(ada):
    ada.cancel(ChatSession.objects.get().session_id)
    assert not reused(ada)


def test_not_when_the_record_is_gone(ada):
    ChatSession.objects.all().delete()
    assert not reused(ada)


@pytest.mark.parametrize(("seconds", "expected"), [(-1, False), (29, False), (30, False), (35, True)])
def test_not_in_its_last_30_seconds(ada, seconds, expected):
    ChatSession.objects.update(expires_at=timezone.now() + timedelta(seconds=seconds))
    assert reused(ada) is expected


def test_not_of_a_workflow_that_has_been_deactivated(ada, openai):
    Workflow.objects.update(is_active=False)
    assert ada.issue().status_code == 404
    assert len(openai.requests) == 1


def test_not_of_a_workflow_that_has_been_closed(ada, workflow, openai):
    workflow.groups.add(Group.objects.create(name="staff"))
    assert ada.issue().status_code == 403
    assert len(openai.requests) == 1


def test_not_of_somebody_elses_record(ada):
    """Even if the rest of the cookie is right."""
    ChatSession.objects.update(user_key="k")
    assert not reused(ada)


FORGERIES = {
    "empty": lambda value: "",
    "cut": lambda value: value[:-5],
    "another end": lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"),
    "another beginning": lambda value: "A" + value[1:],
    "unsigned": lambda value: value.split(":")[0],
    "nonsense": lambda value: "ü; ~",
    "colons": lambda value: ":::",
    "very long": lambda value: "A" * 4000,
    "another salt": lambda value: signing.dumps(signing.loads(value, salt="django_chatkit.reuse")),
    "another shape": lambda value: signing.dumps(["ek_1", 1], salt="django_chatkit.reuse"),
    "another request": lambda value: signing.dumps(["ek_1", 1, "0" * 64], salt="django_chatkit.reuse"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_not_with_a_forged_cookie(ada, openai, forge):
    ada.cookies[COOKIE] = forge(ada.cookies[COOKIE].value)
    assert ada.issue().json()["client_secret"] == openai.secrets[1]
    assert reused(ada)


@pytest.mark.parametrize("fallbacks", [False, True])
def test_not_with_a_cookie_of_an_older_secret_key(ada, settings, fallbacks):
    """Logged in again, as everybody must without the old key."""
    cookie, old = ada.cookies[COOKIE].value, settings.SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = [old] if fallbacks else []
    settings.SECRET_KEY = "n" * 50
    if not fallbacks:
        ada.force_login(User.objects.get())
    ada.cookies[COOKIE] = cookie
    assert not reused(ada)
    assert reused(ada)


def test_nothing_is_set_and_the_old_cookie_removed_where_reuse_is_off(ada, settings):
    chatkit(settings, REUSE_SESSIONS=False)
    removed = ada.issue().cookies[COOKIE]
    assert (removed.value, removed["max-age"], removed["path"]) == ("", 0, "/chatkit/sessions/")
    assert not ada.issue().cookies
