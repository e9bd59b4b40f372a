"""Cookies that are stale, forged, replayed, tossed by a neighbour or fixed in advance."""

from __future__ import annotations

import base64
import zlib

import pytest
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core import signing
from django.http import HttpRequest
from django.test import Client

from django_chatkit import reuse, sessions
from django_chatkit.models import ChatSession

from ..callers import SESSIONS, Browser, a_user, a_workflow, chatkit

COOKIE = "chatkit_secret_support"
SALT = "django_chatkit.reuse"


@pytest.fixture
def workflow(db, openai):
    return a_workflow(allow_anonymous=True)


@pytest.fixture
def ada(workflow):
    """Her browser, after she has opened the page once."""
    browser = Browser(a_user("ada", email="ada@example.org"))
    browser.first = browser.issue().json()
    return browser


@pytest.fixture
def bob(workflow):
    return Browser(a_user("bob"))


def gets(browser, **fields):
    """The secret that a POST brings, which must not fail."""
    answer = browser.issue(**fields)
    assert answer.status_code in (200, 201), answer.content
    return answer.json()["client_secret"]


def recalled(value, cookie):
    """What is made of a cookie of this value where ``cookie`` would be taken."""
    request = HttpRequest()
    request.COOKIES = {COOKIE: value}
    return reuse.recall(request, "support", signing.loads(cookie, salt=SALT)[2])


# Forged


def test_every_bit_of_it_counts(ada):
    cookie = ada.cookies[COOKIE].value
    assert recalled(cookie, cookie)
    for place, sign in enumerate(cookie):
        for bit in range(7):
            forged = cookie[:place] + chr(ord(sign) ^ 1 << bit) + cookie[place + 1 :]
            assert recalled(forged, cookie) is None, (place, bit)


def test_so_does_its_length(ada):
    cookie = ada.cookies[COOKIE].value
    for length in range(len(cookie)):
        assert recalled(cookie[:length], cookie) is None
        assert recalled(cookie[length + 1 :], cookie) is None
    for more in ("A", "=", "==", ":", " ", "\0", "\n", "é", ":A", "." * 4000):
        assert recalled(cookie + more, cookie) is None
        assert recalled(more + cookie, cookie) is None


def resigned(value, change):
    """Made as ours is, but for one thing."""
    secret, record, made_for = signing.loads(value, salt=SALT)
    return change(secret, record, made_for)


FORGED = {
    "signed with another key": lambda *parts: signing.dumps(list(parts), key="x" * 50, salt=SALT),
    "signed for another purpose": lambda *parts: signing.dumps(list(parts), salt="django.contrib.sessions.backends"),
    "with Django's own salt": lambda *parts: signing.dumps(list(parts)),
    "without a time": lambda *parts: signing.Signer(salt=SALT).sign_object(list(parts)),
    "the secret of one's choice, unsigned": lambda secret, *rest: signing.b64_encode(
        signing.JSONSerializer().dumps(["ek_mine", *rest])
    ).decode(),
    "a bomb": lambda *parts: "." + base64.urlsafe_b64encode(zlib.compress(b"0" * 10_000_000)).decode() + ":1:2",
    "a pickle": lambda *parts: base64.b64encode(b"cos\nsystem\n(S'true'\ntR.").decode() + ":1:2",
    "NUL": lambda *parts: "\\000",
}


@pytest.mark.parametrize("how", FORGED)
def test_what_only_looks_like_it_brings_a_new_session(ada, openai, how):
    old = ada.cookies[COOKIE].value
    ada.cookies[COOKIE] = resigned(old, FORGED[how])
    assert gets(ada) == openai.secrets[1] != openai.secrets[0]
    assert gets(ada) == openai.secrets[1]


# Replayed


def log_out(ada):
    token = ada.cookies["csrftoken"].value
    ada.logout()
    ada.cookies["csrftoken"] = token
    ada.force_login(ada.user)


def change_password(ada):
    """On another device: Django ends this login."""
    ada.user.set_password("new")
    ada.user.save()
    ada.force_login(ada.user)


def cancel(ada):
    ada.cancel(ada.first["id"])


def cancel_by_command(ada):
    sessions.cancel_session(ChatSession.objects.get(session_id=ada.first["id"]))


def lose_django_session(ada):
    Session.objects.all().delete()
    ada.force_login(ada.user)


REPLAYS = [log_out, change_password, cancel, cancel_by_command, lose_django_session]


@pytest.mark.parametrize("after", REPLAYS, ids=lambda after: after.__name__)
def test_it_is_worth_nothing_after(ada, openai, after):
    ada.user = ChatSession.objects.get().user
    cookie = ada.cookies[COOKIE].value
    after(ada)
    ada.cookies[COOKIE] = cookie
    assert gets(ada) == openai.secrets[1]
    ada.cookies[COOKIE] = cookie  # and again, now that there is another session
    assert gets(ada) == openai.secrets[2]


def test_changing_the_password_logs_this_browser_out_before_its_cookie_is_looked_at(ada, openai):
    user = ChatSession.objects.get().user
    user.set_password("new")
    user.save()
    assert authenticate(username="ada", password="new") == user
    cookie = ada.cookies[COOKIE].value
    assert gets(ada) == openai.secrets[1]  # as a visitor
    visitors = ChatSession.objects.latest("id")
    assert (visitors.user, visitors.user_identifier[:8]) == (None, "visitor-")
    ada.cookies[COOKIE] = cookie
    assert gets(ada) == openai.secrets[2]


def test_it_is_worth_nothing_to_others(ada, bob, openai):
    cookie = ada.cookies[COOKIE].value
    visitor = Browser()
    for number, thief in enumerate((bob, visitor), 1):
        thief.cookies[COOKIE] = cookie
        answer = thief.issue()
        assert answer.json()["client_secret"] == openai.secrets[number]
        assert openai.secrets[0] not in answer.text + str(answer.cookies)
    assert gets(ada) == openai.secrets[0]


def test_it_is_worth_nothing_for_another_workflow(ada, openai):
    a_workflow("sales", workflow_id="wf_support", allow_anonymous=True)
    ada.cookies["chatkit_secret_sales"] = ada.cookies[COOKIE].value
    assert gets(ada, workflow="sales") == openai.secrets[1]
    assert gets(ada, workflow="support") == openai.secrets[0]


@pytest.mark.parametrize("name", ["chatkit_secret_SUPPORT", "chatkit_secret_", "Chatkit_secret_support"])
def test_it_is_worth_nothing_under_another_name(ada, openai, name):
    ada.cookies[name] = ada.cookies.pop(COOKIE).value
    assert gets(ada) == openai.secrets[1]


def test_it_authenticates_nobody(ada, workflow):
    """Alone it shows no session, cancels none and opens no workflow."""
    type(workflow).objects.update(allow_anonymous=False)
    thief = Browser()
    thief.cookies[COOKIE] = ada.cookies[COOKIE].value
    answers = [thief.issue(), thief.list(), thief.show(ada.first["id"]), thief.cancel(ada.first["id"])]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert not any(ada.first["client_secret"] in answer.text for answer in answers)
    assert ChatSession.objects.get().status == "active"


@pytest.mark.parametrize("fallback", [False, True])
def test_another_secret_key(ada, openai, settings, fallback):
    """What the old key made is never taken: its HMAC is of the new key. Logins go on with a fallback only."""
    cookie, old = ada.cookies[COOKIE].value, settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-" * 8, [old] if fallback else []
    ada.cookies[COOKIE] = cookie
    secret = gets(ada)
    assert secret == openai.secrets[1]
    assert ChatSession.objects.latest("id").user == (ChatSession.objects.earliest("id").user if fallback else None)
    assert gets(ada) == secret
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "attackers-" * 8, []
    forged = signing.dumps(signing.loads(cookie, key=old, salt=SALT), salt=SALT)
    settings.SECRET_KEY = "another-" * 8
    ada.cookies[COOKIE] = forged
    assert gets(ada) == openai.secrets[2]


# Tossed by a neighbour: a page of another subdomain can set cookies that are sent here


def test_a_tossed_cookie_brings_nobody_the_attackers_session(ada, bob, openai):
    bobs = gets(bob)
    for victim in (ada, Browser()):
        victim.cookies[COOKIE] = bob.cookies[COOKIE].value
        assert gets(victim) not in (bobs, openai.secrets[0])


@pytest.mark.parametrize("first", ["own", "tossed"])
def test_two_cookies_of_the_name(ada, bob, openai, first):
    """Whichever of both Django takes: it is one's own session or a new one."""
    bobs = gets(bob)
    own = f"{COOKIE}={ada.cookies[COOKIE].value}"
    tossed = f"{COOKIE}={bob.cookies[COOKIE].value}"
    others = "; ".join(f"{name}={ada.cookies[name].value}" for name in ("sessionid", "csrftoken"))
    pair = f"{own}; {tossed}" if first == "own" else f"{tossed}; {own}"
    token = ada.defaults["HTTP_X_CSRFTOKEN"]
    answer = Client(enforce_csrf_checks=True).post(
        SESSIONS, {}, "application/json", headers={"cookie": f"{pair}; {others}", "X-CSRFToken": token}
    )
    assert answer.status_code in (200, 201)
    secret = answer.json()["client_secret"]
    assert secret != bobs
    assert ChatSession.objects.get(session_id=answer.json()["id"]).user.username == "ada"


def test_hundreds_of_tossed_cookies_break_nothing(ada, openai):
    for number in range(300):
        ada.cookies[f"chatkit_secret_{number}"] = "x"
    answer = ada.issue()
    assert answer.json()["client_secret"] == openai.secrets[0]
    answer = ada.issue(refresh=True)
    assert answer.status_code == 201
    kept = [name for name in ada.cookies if name.startswith("chatkit_secret_")]
    assert len(kept) <= 3
    assert COOKIE in kept


@pytest.mark.parametrize("name", ['chatkit_secret_a"b', "chatkit_secret_a,b", "chatkit_secret_é", "chatkit_secret_/"])
def test_a_tossed_name_makes_no_other_cookies(ada, name):
    """Names that are no names of cookies are left alone, or removed without a trace of them elsewhere."""
    headers = {"cookie": "; ".join(f"{name}{n}=x" for n in range(5)), "X-CSRFToken": ada.defaults["HTTP_X_CSRFTOKEN"]}
    others = "; ".join(f"{kept}={ada.cookies[kept].value}" for kept in ("sessionid", "csrftoken"))
    answer = Client().post(
        SESSIONS, {}, "application/json", headers={**headers, "cookie": f"{headers['cookie']}; {others}"}
    )
    assert answer.status_code == 201
    assert all(morsel.value == "" or cookie == COOKIE for cookie, morsel in answer.cookies.items())


# A Django session that the attacker knows in advance


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_a_fixed_django_session_shows_nothing_once_the_victim_has_logged_in(workflow, openai, settings, engine):
    """The attacker plants a visitor's Django session, the victim logs in with it and chats."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    attacker = Browser()
    own = gets(attacker)
    planted = attacker.cookies["sessionid"].value
    victim, user = Browser(), a_user("ada")
    user.set_password("hers")
    user.save()
    victim.cookies["sessionid"] = planted
    assert victim.login(username="ada", password="hers")
    assert victim.cookies["sessionid"].value != planted
    hers = victim.issue().json()
    assert hers["client_secret"] != own
    assert ChatSession.objects.get(session_id=hers["id"]).user == user
    attacker.cookies["sessionid"] = planted
    attacker.cookies[COOKIE] = victim.cookies[COOKIE].value
    assert attacker.show(hers["id"]).status_code in (403, 404)
    assert attacker.cancel(hers["id"]).status_code in (403, 404)
    assert hers["client_secret"] not in gets(attacker)
    assert ChatSession.objects.get(session_id=hers["id"]).status == "active"


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
@pytest.mark.django_db(transaction=True)
def test_logging_out_of_a_planted_django_session_cancels_nothing_of_the_victims(workflow, openai, settings, engine):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    attacker = Browser()
    gets(attacker)
    planted = attacker.cookies["sessionid"].value
    victim, user = Browser(), a_user("ada")
    user.set_password("hers")
    user.save()
    victim.cookies["sessionid"] = planted
    assert victim.login(username="ada", password="hers")
    hers = victim.issue().json()["id"]
    attacker.cookies["sessionid"] = planted
    attacker.logout()
    assert ChatSession.objects.get(session_id=hers).status == "active"
    victim.logout()
    assert ChatSession.objects.get(session_id=hers).status == "cancelled"


def test_a_session_id_of_ones_choice_is_not_taken(workflow, openai):
    browser = Browser()
    browser.cookies["sessionid"] = "chosen" * 5 + "xx"
    gets(browser)
    assert browser.cookies["sessionid"].value != "chosen" * 5 + "xx"


def test_no_reuse_where_there_is_no_login_to_bind_it_to(workflow, openai, settings):
    """A cookie is never read for callers whom a token identifies."""
    chatkit(settings, REUSE_SESSIONS=True)
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["tests.attacks.test_cookies.ByHeader"]}
    a_user("ada")
    caller = Client()
    first = caller.post(SESSIONS, {}, "application/json", headers={"X-Key": "ada"})
    assert (first.status_code, list(first.cookies)) == (201, [])
    caller.cookies[COOKIE] = signing.dumps([first.json()["client_secret"], 1, "0" * 64], salt=SALT)
    again = caller.post(SESSIONS, {}, "application/json", headers={"X-Key": "ada"})
    assert again.json()["client_secret"] == openai.secrets[1]


class ByHeader:
    """Authenticates by ``X-Key``."""

    def authenticate(self, request):
        from django.contrib.auth.models import User

        name = request.headers.get("X-Key")
        return (User.objects.get(username=name), None) if name else None

    def authenticate_header(self, request):
        return "Key"
