# ruff: noqa: RUF001 (that is what it is about)
"""Names that a database may take for the same: by case, accents, spaces, width. Each is somebody of their own.

MariaDB compares them as equal; PostgreSQL takes no NUL; SQLite folds the case of ASCII in some comparisons.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote, unquote

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from rest_framework.authentication import BaseAuthentication

from django_chatkit import sessions
from django_chatkit.identity import Owner, is_visitor
from django_chatkit.models import ChatSession
from django_chatkit.throttling import SessionThrottle

from ..callers import SESSIONS, Browser, a_user, a_workflow, chatkit
from ..records import a_record

pytestmark = pytest.mark.django_db

#: Pairs that some collation, normalization or trimming makes one of.
PAIRS = {
    "case": ("ada", "ADA"),
    "an accent": ("jose", "josé"),
    "composed or not": ("jos\u00e9", "jose\u0301"),
    "sharp s": ("strasse", "straße"),
    "Turkish i": ("ali", "alı"),
    "dotted capital I": ("i", "İ"),
    "a trailing space": ("ada", "ada "),
    "a leading space": ("ada", " ada"),
    "full width": ("ada", "ａｄａ"),
    "a ligature": ("fi", "ﬁ"),
    "long s": ("sam", "ſam"),
    "the Kelvin sign": ("k", "K"),
    "Cyrillic a": ("ada", "аda"),
    "a soft hyphen that is printable as an em dash": ("a-b", "a—b"),
    "digits of another script": ("user-1", "user-١"),
    "a wildcard": ("user_1", "userx1"),
    "a percent sign": ("user%", "user12"),
    "a backslash": ("user\\", "user\\\\"),
    "the namespace's end": ("a:b", "a::b"),
    "emoji": ("u💬", "u💭"),
    "a leading zero": ("7", "07"),
}


class ByHeader(BaseAuthentication):
    """A token's user, of whom the user table knows nothing."""

    def authenticate(self, request):
        class Stateless:
            pk = id = request.headers["X-User"]
            is_authenticated, is_active, is_anonymous = True, True, False

        return (Stateless(), None) if "X-User" in request.headers else None


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]


@pytest.fixture(params=["users", "token users"])
def both(request, pair, openai, settings):
    """The victim's browser and the attacker's: what they are called differs by nothing that databases care for."""
    a_workflow()
    if request.param == "users":
        chatkit(settings, USER_IDENTIFIER=lambda user, request=None: user.first_name)
        return [Browser(a_user(f"user{n}", first_name=name)) for n, name in enumerate(pair)]
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["tests.attacks.test_identifiers.ByHeader"]}
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: unquote(user.pk))
    return [Browser(headers={"X-User": quote(name)}) for name in pair]


def test_each_has_sessions_of_their_own(both, openai):
    victim, attacker = both
    issued = victim.issue().json()
    attacker.cookies.load({name: morsel.value for name, morsel in victim.cookies.items() if "secret" in name})
    own = attacker.issue().json()
    assert own["client_secret"] != issued["client_secret"]
    assert [found["id"] for found in attacker.list().json()["results"]] == [own["id"]]
    assert attacker.show(issued["id"]).status_code == 404
    assert attacker.cancel(issued["id"]).status_code == 404
    assert openai.cancelled == []
    assert [found["id"] for found in victim.list().json()["results"]] == [issued["id"]]
    assert len(set(ChatSession.objects.values_list("user_key", flat=True))) == 2


def test_openai_is_told_of_two(both, openai, pair):
    for browser in both:
        assert browser.issue().status_code == 201
    assert [request.json["user"] for request in openai.requests] == list(pair)


def test_each_is_counted_by_themselves(both, settings, monkeypatch):
    monkeypatch.setattr(SessionThrottle, "timer", staticmethod(lambda: 1_800_000_000.0))  # a day that does not end
    chatkit(settings, THROTTLE_RATE="1/day")
    cache.clear()
    answers = [browser.issue(refresh=True).status_code for browser in (*both, *both)]
    assert answers == [201, 201, 429, 429]
    cache.clear()


def test_keys_and_pseudonyms_differ(pair):
    one, other = (Owner(None, name) for name in pair)
    assert one.key != other.key
    assert one.pseudonym != other.pseudonym


def test_a_session_id_is_exact(openai):
    """Also of one's own: another spelling is no other way to it."""
    a_workflow()
    ada = Browser(a_user("ada"))
    ada.issue()
    ChatSession.objects.update(session_id="cksess_strasse_fi")
    spelt = ("CKSESS_STRASSE_FI", "cksess_straße_fi", "cksess_strasse_ﬁ", "cksess_strasse_fi ", "cksess_strasse_fi\0")
    spelt += ("cksess_strasse_fı", "cksess_ｓtrasse_fi", "cksess_strasse_f_", "cksess_strasse_fi\u0301", "%", "cksess%")
    assert {ada.show(quote(wrong)).status_code for wrong in spelt} == {404}
    assert {ada.cancel(quote(wrong)).status_code for wrong in spelt} == {404}
    assert ChatSession.objects.get().status == "active"
    assert ada.show("cksess_strasse_fi").status_code == 200


SLUGS = (
    "SUPPORT",
    "Support",
    "súpport",
    "ſupport",
    "support ",
    " support",
    "ｓｕｐｐｏｒｔ",
    "support\0",
    "supp_rt",
    "suppor%",
)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_slug_is_exact(openai, slug):
    a_workflow(allow_anonymous=True)
    for browser in (Browser(), Browser(a_user())):
        answer = browser.issue(workflow=slug)
        assert answer.status_code in (400, 404), answer.content
        assert not any(name.startswith("chatkit_secret") for name in answer.cookies)
    assert openai.requests == []


@pytest.mark.parametrize("slug", SLUGS)
def test_a_secret_is_for_its_workflow_however_that_is_spelt(openai, settings, monkeypatch, slug):
    monkeypatch.setattr("django_chatkit.sessions.backends.require_server", lambda: None)
    chatkit(settings, AGENTS={"echo": "tests.server.echo.respond"})
    workflow = a_workflow(backend="self_hosted", agent="echo", workflow_id="")
    secret = str(sessions.create_session(workflow, user=a_user()).client_secret)
    assert sessions.session_of(secret, slug) is None
    assert sessions.session_of(secret.upper(), "support") is None
    assert sessions.session_of(secret + " ", "support") is None
    assert sessions.session_of(secret, "support")


def test_login_keys_are_made_here_and_alike_in_no_database(openai):
    """They are in hex, so case is all that could be confused; and there is but one."""
    a_workflow(allow_anonymous=True)
    for browser in (Browser(), Browser(a_user())):
        browser.issue()
    keys = list(ChatSession.objects.values_list("login_key", flat=True))
    assert all(len(key) == 32 and key == key.lower() and int(key, 16) for key in keys)
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    "name", ["Visitor-1", "VISITOR-1", "vısitor-1", " visitor-1", "ｖisitor-1", "staging:visitor-1"]
)
def test_no_other_name_is_a_visitors(name, settings):
    assert not is_visitor(name)
    assert is_visitor("visitor-1")
    chatkit(settings, USER_NAMESPACE="staging")
    assert is_visitor(name) is (name == "staging:visitor-1")


def test_a_site_that_calls_its_users_like_visitors_shows_them_no_visitors_sessions(openai, settings):
    a_workflow(allow_anonymous=True)
    visitor = Browser()
    issued = visitor.issue().json()["id"]
    identifier = ChatSession.objects.get().user_identifier
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: identifier)
    ada = Browser(a_user())
    own = ada.issue().json()["id"]
    assert [found["id"] for found in ada.list().json()["results"]] == [own]
    assert ada.show(issued).status_code == 404
    assert [found["id"] for found in visitor.list().json()["results"]] == [issued]


# Commands, for which an operator types a name

TYPED = ["ADA", "adá", "ada ", "ａｄａ", "Ada"]


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("command", ["cancel_chatkit_sessions", "delete_chatkit_user_data"])
def test_nobody_elses_are_ended_or_deleted_by_a_name_that_is_spelt_otherwise(openai, command, typed):
    """A user of that name may have existed."""
    workflow, ada = a_workflow(), a_user("ada")
    a_record(workflow, user=ada, session_id="local_1").save()
    arguments = [f"--user={typed}"] if command.startswith("cancel") else [typed, "--yes"]
    with suppress(CommandError):  # of the second, an unknown name may be an identifier
        call_command(command, *arguments)
    assert ChatSession.objects.get().status == "active"
    assert User.objects.filter(pk=ada.pk).exists()


def test_a_name_that_is_spelt_as_it_is_will_do(openai):
    a_record(a_workflow(), user=a_user("ada"), session_id="local_1").save()
    call_command("cancel_chatkit_sessions", "--user=ada")
    assert ChatSession.objects.get().status == "cancelled"


@pytest.mark.parametrize("query", ["", "?cursor="])
def test_a_visitor_cannot_say_who_they_are(openai, query):
    a_workflow(allow_anonymous=True)
    victim = Browser()
    victim.issue()
    record = ChatSession.objects.get()
    thief = Browser(headers={"X-User": record.user_identifier, "X-ChatKit-User": record.user_key})
    thief.cookies.load({"django_chatkit_visitor": record.user_identifier, "django_chatkit_login": record.login_key})
    assert thief.get(SESSIONS + query).status_code in (403, 404)
