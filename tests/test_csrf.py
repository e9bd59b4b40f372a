from __future__ import annotations

import pytest
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import User
from django.middleware.csrf import CSRF_SESSION_KEY
from django.test import Client
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied

from .callers import CSRF_TOKEN, SESSIONS, Browser, a_user, a_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def openai(openai):
    a_workflow(allow_anonymous=True)
    return openai


class AcceptsSecret(BaseAuthentication):
    """Knows ada by what a subclass takes for her secret."""

    def secret(self, request):
        raise NotImplementedError

    def authenticate(self, request):
        return (User.objects.get(username="ada"), None) if self.secret(request) == "hers" else None


class ByToken(AcceptsSecret):
    asked = 0

    def secret(self, request):
        ByToken.asked += "Authorization" in request.headers
        return request.headers.get("Authorization", "").removeprefix("Token ")


class ByApiKey(AcceptsSecret):
    def secret(self, request):
        return request.headers.get("X-Api-Key")


class ByCookie(AcceptsSecret):
    def secret(self, request):
        return request.COOKIES.get("jwt")


class ByRawCookie(AcceptsSecret):
    def secret(self, request):
        return "hers" if "jwt=hers" in request.META.get("HTTP_COOKIE", "") else None


class ByCookieHeader(AcceptsSecret):
    def secret(self, request):
        return "hers" if "jwt=hers" in request.headers.get("Cookie", "") else None


class ByDjangoSession(AcceptsSecret):
    def secret(self, request):
        return "hers" if request._request.session.get("_auth_user_id") else None


class ByDjangoUser(AcceptsSecret):
    """As DRF's ``SessionAuthentication`` without CSRF, which many projects have."""

    def secret(self, request):
        return "hers" if request._request.user.is_authenticated else None


class ByCachedUser(AcceptsSecret):
    def secret(self, request):
        return "hers" if get_user(request._request).is_authenticated else None


class ByEither(AcceptsSecret):
    def secret(self, request):
        return request.headers.get("X-Api-Key") or request.COOKIES.get("jwt")


class ByMiddleware(BaseAuthentication):
    """Whoever the request's user is, anonymous or not."""

    def authenticate(self, request):
        return request._request.user, None


class ByCertificate(AcceptsSecret):
    """As web servers tell of client certificates and addresses, which other sites' requests bring along too."""

    def secret(self, request):
        return request.META.get("SSL_CLIENT_S_DN")


class Refuses(BaseAuthentication):
    def authenticate(self, request):
        raise PermissionDenied("You are banned.")


def authenticate_by(settings, *classes):
    names = [name if "." in name else f"tests.test_csrf.{name}" for name in classes]
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": names}


def failed(answer):
    return answer.status_code == 403 and answer.json()["code"] == "csrf_failed"


def browsers(token):
    return {"user": Browser(a_user(), token), "visitor": Browser(token=token)}


@pytest.mark.parametrize("who", ["user", "visitor"])
@pytest.mark.parametrize("token", [None, "x" * 32, CSRF_TOKEN[:-1], CSRF_TOKEN[:-1] + "!", ""], ids=repr)
def test_without_the_right_token_nothing_is_issued(openai, who, token):
    answer = browsers(token)[who].issue()
    assert failed(answer)
    assert set(answer.json()) == {"detail", "code"}
    assert not openai.requests


@pytest.mark.parametrize("who", ["user", "visitor"])
def test_with_the_right_token_a_session_is_issued(who):
    assert browsers(CSRF_TOKEN)[who].issue().status_code == 201


@pytest.mark.parametrize("who", ["user", "visitor"])
def test_cancelling_needs_the_token_too(openai, who):
    browser = browsers(CSRF_TOKEN)[who]
    session_id = browser.issue().json()["id"]
    assert failed(browser.post(f"{SESSIONS}{session_id}/cancel/", headers={"X-CSRFToken": ""}))
    assert not openai.cancelled
    assert browser.cancel(session_id).status_code == 200


@pytest.mark.parametrize("who", ["user", "visitor"])
def test_without_the_cookie_no_token_is_right(openai, who):
    browser = browsers(CSRF_TOKEN)[who]
    del browser.cookies["csrftoken"]
    assert failed(browser.issue())
    assert not openai.requests


def test_the_token_in_a_form_field_is_not_looked_for(openai):
    browser = Browser(a_user(), token=None)
    answer = browser.post(SESSIONS, {"csrfmiddlewaretoken": CSRF_TOKEN})
    assert failed(answer)


def test_looking_needs_no_token():
    browser = Browser(a_user(), token=None)
    assert browser.list().status_code == 200


# The token that the page should have sent


@pytest.mark.parametrize("who", ["user", "visitor"])
def test_the_answer_brings_a_token_that_works(who):
    browser = browsers(None)[who]
    token = browser.issue().headers["X-CSRFToken"]
    assert browser.issue(headers={"X-CSRFToken": token}).status_code == 201


@pytest.mark.parametrize("who", ["user", "visitor"])
def test_the_answer_brings_a_new_browser_token_and_cookie(who):
    browser = browsers(None)[who]
    del browser.cookies["csrftoken"]
    refused = browser.issue()
    assert "csrftoken" in refused.cookies
    assert browser.issue(headers={"X-CSRFToken": refused.headers["X-CSRFToken"]}).status_code == 201


def test_the_token_that_a_page_has_from_before_a_login_is_replaced(settings):
    settings.CSRF_COOKIE_HTTPONLY = True
    browser = Browser(token=None)
    stale = browser.issue().headers["X-CSRFToken"]
    browser.cookies["csrftoken"] = "n" * 32  # as logging in in another tab does
    browser.force_login(a_user())
    refused = browser.issue(headers={"X-CSRFToken": stale})
    assert failed(refused)
    assert browser.issue(headers={"X-CSRFToken": refused.headers["X-CSRFToken"]}).status_code == 201


@pytest.mark.parametrize("who", ["user", "visitor"])
def test_it_works_with_the_token_in_the_session(settings, openai, who):
    settings.CSRF_USE_SESSIONS = True
    browser = browsers(CSRF_TOKEN)[who]
    refused = browser.issue()
    assert failed(refused)
    assert browser.session[CSRF_SESSION_KEY]
    assert not openai.requests
    assert browser.issue(headers={"X-CSRFToken": refused.headers["X-CSRFToken"]}).status_code == 201


def test_other_answers_bring_no_token():
    browser = Browser(a_user())
    answers = [browser.issue(), browser.issue([]), browser.issue(workflow="nope"), browser.list(), Browser().list()]
    assert not any("X-CSRFToken" in answer.headers for answer in answers)


def test_another_header_name_is_the_projects_choice(settings):
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    browser = Browser(a_user(), token=None)
    token = browser.issue().headers["X-CSRFToken"]
    assert browser.issue(headers={"X-Xsrf-Token": token}).status_code == 201
    assert failed(browser.issue(headers={"X-CSRFToken": token}))


# Where the request comes from


@pytest.mark.parametrize("origin", ["https://evil.example", "http://testserver:81", "https://testserver", "null"])
@pytest.mark.parametrize("who", ["user", "visitor"])
def test_other_origins_are_refused(openai, who, origin):
    assert failed(browsers(CSRF_TOKEN)[who].issue(headers={"Origin": origin}))
    assert not openai.requests


def test_ones_own_origin_and_trusted_ones_are_admitted(settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://shop.example"]
    browser = Browser(a_user())
    assert browser.issue(headers={"Origin": "http://testserver"}).status_code == 201
    assert browser.issue(headers={"Origin": "https://shop.example"}, refresh=True).status_code == 201


@pytest.mark.parametrize("referer", ["https://evil.example/", "http://testserver/", "nonsense", None])
def test_over_https_the_referer_must_be_ours(openai, referer):
    browser = Browser(a_user())
    headers = {"Referer": referer, "X-CSRFToken": CSRF_TOKEN} if referer else {"X-CSRFToken": CSRF_TOKEN}
    assert failed(browser.post(SESSIONS, {}, "application/json", secure=True, headers=headers))
    assert not openai.requests


def test_over_https_our_own_referer_is_admitted():
    browser = Browser(a_user())
    headers = {"Referer": "https://testserver/page"}
    assert browser.post(SESSIONS, {}, "application/json", secure=True, headers=headers).status_code == 201


# Whom a header authenticates


@pytest.mark.parametrize(
    ("authenticator", "headers"),
    [
        ("ByToken", {"Authorization": "Token hers"}),
        ("ByApiKey", {"X-Api-Key": "hers"}),
        ("ByEither", {"X-Api-Key": "hers"}),
    ],
)
@pytest.mark.parametrize("cookies", [{}, {"theme": "dark"}, {"theme": "dark", "jwt": "hers"}], ids=repr)
def test_whom_a_header_authenticates_needs_no_token(settings, authenticator, headers, cookies):
    a_user()
    authenticate_by(settings, authenticator, "rest_framework.authentication.SessionAuthentication")
    client = Client(enforce_csrf_checks=True)
    for name, value in cookies.items():
        client.cookies[name] = value
    answer = client.post(SESSIONS, {}, "application/json", headers=headers)
    assert answer.status_code == 201
    assert client.post(f"{SESSIONS}{answer.json()['id']}/cancel/", headers=headers).status_code == 200


def test_a_token_is_looked_up_once_where_there_are_no_cookies(settings, monkeypatch):
    monkeypatch.setattr(ByToken, "asked", 0)
    a_user()
    authenticate_by(settings, "ByToken")
    client = Client(enforce_csrf_checks=True)
    assert client.post(SESSIONS, {}, "application/json", headers={"Authorization": "Token hers"}).status_code == 201
    assert ByToken.asked == 1


@pytest.mark.parametrize("authenticator", ["ByCookie", "ByRawCookie", "ByCookieHeader", "ByEither"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic c3RhZ2luZzpzaXRl"}, {"X-Api-Key": ""}, {"X-Requested-With": "x"}], ids=repr
)
def test_whom_a_cookie_authenticates_needs_the_token(settings, openai, authenticator, headers):
    authenticate_by(settings, authenticator)
    a_user()
    browser = Browser(token=None)
    browser.cookies["jwt"] = "hers"
    assert failed(browser.issue(headers=headers))
    assert not openai.requests
    assert browser.issue(headers={"X-CSRFToken": CSRF_TOKEN, **headers}).status_code == 201
    assert openai.requests[0].json["user"].startswith("user-")


@pytest.mark.parametrize("authenticator", ["ByDjangoSession", "ByDjangoUser", "ByCachedUser", "ByMiddleware"])
def test_whom_the_django_session_authenticates_needs_the_token_whatever_the_class(settings, openai, authenticator):
    authenticate_by(settings, authenticator)
    browser = Browser(a_user(), token=None)
    assert failed(browser.issue(headers={"Authorization": "Basic c3RhZ2luZzpzaXRl"}))
    assert not openai.requests
    assert browser.issue(headers={"X-CSRFToken": CSRF_TOKEN}).status_code == 201


def test_a_header_that_authenticates_nobody_leaves_a_visitor_who_needs_the_token(settings):
    authenticate_by(settings, "ByApiKey")
    assert failed(Browser(token=None).issue(headers={"X-Api-Key": "wrong"}))


def test_whom_the_web_server_authenticates_needs_the_token(settings, openai):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    authenticate_by(settings, "rest_framework.authentication.RemoteUserAuthentication")
    client = Client(enforce_csrf_checks=True, REMOTE_USER="ada")
    assert failed(client.post(SESSIONS, {}, "application/json"))
    assert not openai.requests


@pytest.mark.parametrize("cookies", [{}, {"theme": "dark"}], ids=repr)
def test_whom_a_certificate_authenticates_needs_the_token(settings, openai, cookies):
    a_user()
    authenticate_by(settings, "ByCertificate")
    client = Client(enforce_csrf_checks=True, SSL_CLIENT_S_DN="hers")
    for name, value in cookies.items():
        client.cookies[name] = value
    assert failed(client.post(SESSIONS, {}, "application/json"))
    assert not openai.requests


def test_who_is_refused_anyway_hears_of_the_token_first(settings):
    authenticate_by(settings, "Refuses")
    assert failed(Browser(token=None).issue())
    answer = Browser().issue()
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_the_token_is_checked_without_the_middleware_too(settings, openai):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    assert failed(Browser(a_user(), token=None).issue())
    assert not openai.requests
    assert Browser(User.objects.get()).issue().status_code == 201
