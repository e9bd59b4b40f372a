"""Somebody else's ids, in every route of the sessions API, with every method, at every place a request has.

Nothing is read, changed or learnt: all answers are those for an id that never existed. The routes of self-hosted chats
have ``test_ids_self_hosted``, the admin's ``test_ids_admin``.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from django.apps import apps
from django.test import Client
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.test import APIRequestFactory

from django_chatkit.identity import owner_of
from django_chatkit.models import ChatSession

from ..callers import SESSIONS, Browser, a_user, a_workflow
from . import routes

pytestmark = [pytest.mark.django_db, pytest.mark.services]

#: The routes attacked here, with the ids that their paths take.
ROUTES = {
    "session-list": "/chatkit/sessions/",
    "session-detail": "/chatkit/sessions/{session_id}/",
    "session-cancel": "/chatkit/sessions/{session_id}/cancel/",
}
#: Those attacked in ``test_ids_self_hosted``.
SELF_HOSTED = {"chat", "attachment-list", "attachment-detail"}


def test_every_route_is_attacked():
    assert routes.api() == set(ROUTES) | SELF_HOSTED


class Victim:
    """Somebody with a session, and all that names it."""

    def __init__(self, browser):
        self.browser = browser
        issued = browser.issue()
        self.cookie = browser.cookies["chatkit_secret_support"].value
        self.pseudonym = issued["X-ChatKit-User"]
        self.record = ChatSession.objects.latest("id")
        self.secret = issued.json()["client_secret"]
        self.names = {
            "session_id": self.record.session_id,
            "pk": str(self.record.pk),
            "user": str(self.record.user_id or ""),
            "user_identifier": self.record.user_identifier,
            "user_key": self.record.user_key,
            "login_key": self.record.login_key,
            "client_secret": self.secret,
            "pseudonym": self.pseudonym,
            "cookie": self.cookie,
        }


class Nobody:
    """The same names, of nobody."""

    def __init__(self, victim):
        self.names = {
            name: re.sub("[0-9a-f]", "0", value[:12]) + value[12:][::-1] for name, value in victim.names.items()
        }
        self.names["pk"] = self.names["user"] = "987654321"
        self.names["session_id"] = "cksess_" + "0" * (len(victim.names["session_id"]) - 7)


VICTIMS = {"a user": lambda: Browser(a_user("ada")), "a visitor": Browser}
ATTACKERS = {
    "another user": lambda: Browser(a_user("bob")),
    "a superuser": lambda: Browser(a_user("root", is_staff=True, is_superuser=True)),
    "another visitor": Browser,
    "a scanner": lambda: Client(),
}


@pytest.fixture(params=VICTIMS)
def victim(request, openai):
    a_workflow(allow_anonymous=True)
    return Victim(VICTIMS[request.param]())


def rows(of):
    """What the victim has, and what upstream was told of it."""
    return list(ChatSession.objects.filter(user_key=of.record.user_key).values_list()), [
        model.objects.count() for model in apps.get_app_config("django_chatkit").get_models() if model != ChatSession
    ]


def cursor_of(pk):
    request = APIRequestFactory().get("/")
    paginator = CursorPagination()
    paginator.base_url = request.build_absolute_uri()
    url = paginator.encode_cursor(Cursor(offset=0, reverse=True, position=pk))
    return url.partition("cursor=")[2]


def places(method, path, names):
    """Requests that have all of these names at one place each: of the path, the query, the body, headers, cookies."""
    url = path.format(**names)
    query = "&".join(f"{name}={quote(value)}" for name, value in names.items())
    body = json.dumps({"state_variables": {}, **names})
    # One name at a time would be refused as any other unknown field: all of them, and each as what is known.
    known = json.dumps({"workflow": names["session_id"]})
    headers = {
        "X-ChatKit-User": names["pseudonym"],
        "X-ChatKit-Session": names["session_id"],
        "X-User": names["user_identifier"],
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": f"/chatkit/sessions/{names['session_id']}/",
        "X-Rewrite-URL": f"/chatkit/sessions/{names['session_id']}/",
        "Authorization": f"Bearer {names['client_secret']}",
        "Remote-User": names["user_identifier"],
    }
    cookies = {"chatkit_secret_support": names["cookie"], "session_id": names["session_id"], "user": names["user"]}
    yield url, "", {}, {}
    yield f"{url}?{query}", "", {}, {}
    yield url, body, {}, {}
    yield url, known, {}, {}
    yield url, "{}", headers, {}
    yield url, "{}", {}, cookies
    yield f"{url}?_method=DELETE&_content={quote(body)}", "{}", {}, {}


def sent(attacker, method, request):
    url, body, headers, cookies = request
    kept = {name: morsel.value for name, morsel in attacker.cookies.items()}
    attacker.cookies.load(cookies)
    answer = attacker.generic(method, url, body, "application/json", headers=headers)
    attacker.cookies.clear()
    attacker.cookies.load(kept)
    return answer


def learnt(answer, names):
    """All of an answer, but for the names that were sent, and what is new with each session of one's own."""
    if answer.status_code == 201:
        return f"{sorted(answer.headers)} {sorted(answer.json())}"
    text = "\n".join([str(answer.status_code), *sorted(f"{k}: {v}" for k, v in answer.items()), str(answer.cookies)])
    text += "\n" + answer.content.decode()
    for name in sorted(names.values(), key=len, reverse=True):
        if len(name) > 8:
            text = text.replace(quote(name), "NAME").replace(name, "NAME")
    return text


@pytest.mark.parametrize("who", ATTACKERS)
@pytest.mark.parametrize("route", ROUTES)
def test_nothing_is_read_changed_or_learnt(victim, openai, route, who):
    attacker = ATTACKERS[who]()
    nobody = Nobody(victim)
    before = rows(victim)
    for method in routes.METHODS:
        pairs = zip(
            places(method, ROUTES[route], victim.names), places(method, ROUTES[route], nobody.names), strict=True
        )
        for theirs, nobodys in pairs:
            found, none = sent(attacker, method, theirs), sent(attacker, method, nobodys)
            where = (method, theirs)
            assert learnt(found, victim.names) == learnt(none, nobody.names), where
            assert victim.secret not in found.text.replace(theirs[0], ""), where
            assert victim.cookie not in str(found.cookies), where
            assert found.status_code < 500, where
    assert rows(victim) == before
    assert openai.cancelled == []
    mine = owner_of(attacker.get("/chatkit/sessions/").wsgi_request).sessions()
    assert victim.record not in mine


def test_the_victim_can_do_it_all(victim, openai):
    """So the attack was on what is there."""
    browser, session_id = victim.browser, victim.record.session_id
    assert [found["id"] for found in browser.list().json()["results"]] == [session_id]
    assert browser.show(session_id).json()["id"] == session_id
    assert browser.issue().json()["client_secret"] == victim.secret
    assert browser.cancel(session_id).json()["status"] == "cancelled"
    assert openai.cancelled == [session_id]


@pytest.mark.parametrize("who", ATTACKERS)
def test_a_cursor_at_somebody_elses_session_is_a_place_like_any_other(victim, who):
    attacker = ATTACKERS[who]()
    url = f"{SESSIONS}?cursor={cursor_of(victim.record.pk)}"
    there = attacker.get(url)
    ChatSession.objects.all().delete()
    assert learnt(attacker.get(url), {}) == learnt(there, {})
    assert victim.record.session_id not in there.text


@pytest.mark.parametrize("who", ATTACKERS)
def test_a_list_never_tells_that_there_is_more(victim, who):
    """Neither its length nor its pages depend on what others have."""
    attacker = ATTACKERS[who]()
    alone = attacker.get(SESSIONS)
    for _ in range(25):
        victim.browser.issue(refresh=True)
    assert attacker.get(SESSIONS).content == alone.content
