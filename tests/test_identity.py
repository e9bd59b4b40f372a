from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieSession
from django.test import RequestFactory

from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.identity import (
    LOGIN_KEY,
    VISIT_KEY,
    VISITOR_KEY,
    authenticated_user,
    known_owner,
    owner_of,
    start_login,
)
from django_chatkit.models import ChatSession

from .callers import Browser, a_user, a_workflow, chatkit


def request_of(user=None, session=None):
    request = RequestFactory().post("/")
    request.user = AnonymousUser() if user is None else user
    if session is not None:
        request.session = session
    return request


ADA = User(pk=7, username="ada")


class TokenUser:
    """A user that is known from its token alone, as simplejwt's: no row of a table."""

    is_authenticated = True
    is_active = True
    pk = id = "7"


def test_a_user_is_known_by_primary_key_and_nothing_else():
    owner = owner_of(request_of(ADA))
    assert (owner.user, owner.account, owner.identifier) == (ADA, ADA, "user-7")


def test_a_visitor_gets_a_random_name_once():
    session = {}
    first, again, other = owner_of(request_of(session=session)), owner_of(request_of(session=session)), {}
    assert first.identifier == again.identifier == f"visitor-{session[VISITOR_KEY]}"
    assert len(session[VISITOR_KEY]) == 32
    assert owner_of(request_of(session=other)).identifier != first.identifier
    assert (first.user, first.account) == (None, None)


def test_the_key_is_the_sha_256_of_the_identifier():
    assert owner_of(user_identifier="süd 💬").key == hashlib.sha256("süd 💬".encode()).hexdigest()


def test_later_arguments_win():
    request = request_of(ADA)
    assert owner_of(request, User(pk=8)).identifier == "user-8"
    assert owner_of(request, User(pk=8), "given").identifier == "given"
    assert owner_of(request, AnonymousUser()).identifier == "user-7"


def test_somebody_must_be_named():
    with pytest.raises(ValueError, match="Name somebody"):
        owner_of()
    with pytest.raises(ValueError, match="Name somebody"):
        owner_of(user=AnonymousUser())


def test_visitors_need_a_django_session():
    with pytest.raises(ChatKitNotConfigured, match="SessionMiddleware"):
        owner_of(request_of())


@pytest.mark.parametrize("user", [None, AnonymousUser(), SimpleNamespace(is_authenticated=False)])
def test_who_is_not_logged_in_is_no_user(user):
    request = request_of()
    request.user = user
    assert authenticated_user(request) is None


def test_a_request_without_a_user_has_none():
    assert authenticated_user(RequestFactory().get("/")) is None
    assert authenticated_user(None) is None


# USER_NAMESPACE and USER_IDENTIFIER


def test_a_namespace_is_put_before_every_identifier(settings):
    chatkit(settings, USER_NAMESPACE="staging")
    session = {VISITOR_KEY: "abc"}
    assert owner_of(request_of(ADA)).identifier == "staging:user-7"
    assert owner_of(request_of(session=session)).identifier == "staging:visitor-abc"
    assert owner_of(user_identifier="given").identifier == "staging:given"


def test_the_project_can_name_its_users(settings):
    seen = []
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: seen.append((user, request)) or f"no-{user.pk}")
    request = request_of(ADA)
    assert owner_of(request).identifier == "no-7"
    assert owner_of(user=ADA).identifier == "no-7"
    assert seen == [(ADA, request), (ADA, None)]
    assert owner_of(request_of(session={})).identifier.startswith("visitor-")


GOOD = ["a", "x" * 512, "ü" * 512, "a b", "user@example.com", "../%00"]
BAD = ["", "x" * 513, None, 7, b"ada", "a\nb", "a\0b", "\ud800", "a\u200bb", ["ada"]]


@pytest.mark.parametrize("identifier", GOOD, ids=lambda text: repr(text[:20]))
def test_an_identifier_has_1_to_512_characters(settings, identifier):
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: identifier)
    assert owner_of(request_of(ADA)).identifier == identifier


@pytest.mark.parametrize("identifier", BAD, ids=lambda text: repr(text)[:20])
@pytest.mark.parametrize("namespace", [None, "staging"])
def test_anything_else_is_a_mistake_of_the_project(settings, identifier, namespace):
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: identifier, USER_NAMESPACE=namespace)
    with pytest.raises(ChatKitNotConfigured, match="1 to 512 printable characters"):
        owner_of(request_of(ADA))


def test_the_namespace_counts(settings):
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: "x" * 505, USER_NAMESPACE="staging")
    with pytest.raises(ChatKitNotConfigured):
        owner_of(request_of(ADA))


# Users that are no rows of the user table


def test_a_user_known_from_a_token_alone():
    owner = owner_of(request_of(TokenUser(), session={}))
    assert (owner.identifier, owner.account, owner.login_key) == ("user-7", None, "")


@pytest.mark.parametrize(
    "user", [SimpleNamespace(is_authenticated=True), SimpleNamespace(is_authenticated=True, pk=None)]
)
def test_users_without_a_primary_key_do_not_share_one_identity(settings, user):
    with pytest.raises(ChatKitNotConfigured, match="USER_IDENTIFIER"):
        owner_of(request_of(user))
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: "service")
    assert owner_of(request_of(user)).identifier == "service"


# Which login


def test_a_login_has_a_random_key():
    session = {SESSION_KEY: "7"}
    first, again = owner_of(request_of(ADA, session)), owner_of(request_of(ADA, session))
    assert first.login_key == again.login_key == session[LOGIN_KEY]
    assert len(first.login_key) == 32
    assert owner_of(request_of(ADA, {SESSION_KEY: "7"})).login_key != first.login_key


def test_a_login_gets_a_key_and_keeps_it_when_it_is_repeated():
    request = request_of(ADA, {SESSION_KEY: "7"})
    start_login(request)
    key = request.session[LOGIN_KEY]
    assert len(key) == 32
    start_login(request)
    assert request.session[LOGIN_KEY] == key


def test_a_visitor_has_one_as_well():
    session = {}
    assert owner_of(request_of(session=session)).login_key == session[VISIT_KEY] != ""


@pytest.mark.parametrize("session", [None, {}, {SESSION_KEY: "8"}, {SESSION_KEY: "8", LOGIN_KEY: "hers"}])
@pytest.mark.parametrize("user", [ADA, TokenUser()], ids=["user", "token user"])
def test_whom_the_django_session_does_not_know_has_none_and_gets_none(user, session):
    before = dict(session or {})
    assert owner_of(request_of(user, session)).login_key == ""
    assert (session or {}) == before


# Whose sessions a request may see


def test_a_visitor_who_was_never_issued_any_sees_none_and_gets_no_identity():
    session = {}
    assert known_owner(request_of(session=session)) is None
    assert known_owner(request_of()) is None
    assert session == {}
    assert known_owner(request_of(session={VISITOR_KEY: "abc"})).identifier == "visitor-abc"
    assert known_owner(request_of(ADA)).identifier == "user-7"


@pytest.fixture
def stateless(db, openai, settings):
    """A site whose callers are users that no table knows."""
    a_workflow()
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["tests.test_identity.ByToken"]}
    return openai


class ByToken:
    def authenticate(self, request):
        user = TokenUser()
        user.pk = request.headers["Authorization"].removeprefix("Token ")
        return user, None


def test_stateless_users_are_issued_and_see_their_own(stateless):
    ada, eve = {"Authorization": "Token 7"}, {"Authorization": "Token 8"}
    client = Browser(token=None)
    issued = client.issue(headers=ada)
    assert issued.status_code == 201
    assert not issued.cookies
    assert stateless.requests[0].json["user"] == "user-7"
    assert ChatSession.objects.get().user is None
    url = f"/chatkit/sessions/{issued.json()['id']}/"
    assert client.get(url, headers=ada).status_code == 200
    assert client.get(url, headers=eve).status_code == client.post(url + "cancel/", headers=eve).status_code == 404
    assert client.get("/chatkit/sessions/", headers=eve).json()["results"] == []
    assert client.post(url + "cancel/", headers=ada).json()["status"] == "cancelled"


def test_they_do_not_see_what_was_issued_to_a_row_of_the_same_key(stateless, settings):
    """It may be a row of another table."""
    theirs, settings.REST_FRAMEWORK = settings.REST_FRAMEWORK, {}
    ada = a_user()
    session_id = Browser(ada).issue().json()["id"]
    settings.REST_FRAMEWORK = theirs
    same = {"Authorization": f"Token {ada.pk}"}
    assert Browser().get("/chatkit/sessions/", headers=same).json()["results"] == []
    assert Browser().get(f"/chatkit/sessions/{session_id}/", headers=same).status_code == 404


class StoredSession(dict):
    """A Django session that is stored already, and counts how often it is saved."""

    session_key = "stored"
    modified = False
    saved = 0

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        self.modified = True

    def save(self):
        self.saved += 1


def test_a_stored_session_is_saved_before_openai_is_asked_and_not_again_afterwards():
    """What another tab saves while OpenAI is slow is not undone."""
    session = StoredSession()
    owner_of(request_of(session=session))
    assert session.saved == 2  # the visitor's name and the login's key
    assert session.modified is False


def test_what_others_changed_in_it_is_left_to_the_middleware():
    session = StoredSession()
    session["cart"] = []
    owner_of(request_of(session=session))
    assert (session.saved, session.modified) == (0, True)


def test_a_session_in_a_cookie_is_left_to_the_middleware():
    session = CookieSession("key")
    owner_of(request_of(session=session))
    assert session.modified is True


def test_a_session_that_was_deleted_meanwhile_is_left_to_the_middleware():
    class Deleted(StoredSession):
        def save(self):
            raise UpdateError

    session = Deleted()
    owner_of(request_of(session=session))
    assert session.modified is True
