# ruff: noqa: F401, F811 (fixtures)
"""Somebody else's files and secrets in the routes of self-hosted chats: by path, query, header and cookie.

What a chat request can name in its body has ``tests/server/test_isolation.py``. Access that is lost while a session
lives is here, too: chats, uploads and downloads are refused at the next request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.models import ChatAttachment, ChatKitConfiguration, ChatSession, Workflow

from ..callers import Browser
from ..server import chat
from ..server.chat import Caller
from ..server.conftest import agents, inline, storage, uncounted, workflow
from ..server.issued import Issued
from ..server.sending import Sender, form
from . import routes
from .test_csrf import ROUTES

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("inline", "storage")]

CANARY = b"canary-of-ada"


class Owner:
    """A user with a session, a file that was sent, and one that was announced."""

    def __init__(self, name: str, workflow: Workflow) -> None:
        self.user = User.objects.create(username=name)
        issued = sessions.create_session(workflow, user=self.user)
        self.secret = str(issued.client_secret)
        self.session = issued.session
        self.caller = Caller(Issued(issued.session, self.secret))
        sent = self.caller.ask(chat.announce(f"{name}.txt", len(CANARY)))
        self.upload_url = sent["upload_descriptor"]["url"]
        assert Sender("wsgi")("POST", self.upload_url, **form(CANARY)).status_code == 200
        self.file = sent["id"]
        waiting = self.caller.ask(chat.announce(f"{name}-2.png", 108, "image/png"))
        self.waiting, self.waiting_url = waiting["id"], waiting["upload_descriptor"]["url"]
        self.preview_url = waiting["preview_url"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture
def shared(workflow):
    preset = ChatKitConfiguration.objects.create(name="files", file_upload_enabled=True)
    Workflow.objects.update(chatkit_configuration=preset)
    workflow.refresh_from_db()
    return workflow


@pytest.fixture
def ada(shared):
    return Owner("ada", shared)


@pytest.fixture
def bob(shared):
    return Owner("bob", shared)


def rows(owner: Owner) -> list[Any]:
    key = owner.session.user_key
    return [
        *ChatAttachment.objects.filter(user_key=key).values_list(),
        *ChatSession.objects.filter(pk=owner.session.pk).values_list(),
    ]


def path(attachment_id: str, slug: str = "help") -> str:
    return f"/chatkit/chat/{slug}/attachments/{attachment_id}/"


def answered(send: Sender, method: str, url: str, **how: Any) -> tuple[Any, ...]:
    """All that is learnt, but for the id that was sent."""
    response = send(method, url, **how)
    assert CANARY not in response.body
    return response.status_code, sorted(response.headers.items()), response.body


def tokens(*owners: Owner) -> list[str]:
    """Signed for something else: another file, another purpose, another owner."""
    return [urlsplit(url).query for owner in owners for url in (owner.upload_url, owner.waiting_url, owner.preview_url)]


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_files_of_others_are_as_if_they_did_not_exist(ada, bob, kind):
    send, before = Sender(kind), rows(ada)
    ways: list[dict[str, Any]] = [{}, {"headers": bob.headers}, {"headers": {"Cookie": f"token={ada.secret}"}}]
    for method in sorted(ROUTES["attachment-detail"][1] | set(routes.METHODS)):
        for way in ways:
            for query in ("", *tokens(bob), f"client_secret={ada.secret}", f"user_key={ada.session.user_key}"):
                content = form(CANARY) if method in ("POST", "PUT") else {}
                found = answered(send, method, f"{path(ada.file)}?{query}", **way, **content)
                waiting = answered(send, method, f"{path(ada.waiting)}?{query}", **way, **content)
                none = answered(send, method, f"{path('atc_' + '0' * 32)}?{query}", **way, **content)
                assert found == waiting == none, (method, query)
    assert rows(ada) == before


def test_what_was_signed_for_one_file_is_for_no_other(ada):
    send, before = Sender("wsgi"), rows(ada)
    for query in tokens(ada)[:2] * 2:
        for attachment_id in (ada.file, ada.waiting):
            if f"{attachment_id}/?{query}" in ada.upload_url + ada.waiting_url:
                continue
            assert send("POST", f"{path(attachment_id)}?{query}", **form(CANARY)).status_code in (403, 404)
    assert send("POST", ada.upload_url, **form(b"another-file!")).status_code == 403
    assert rows(ada) == before


def test_a_direct_upload_is_ones_own(ada, bob):
    before = rows(ada)
    names = f"?user_key={ada.session.user_key}&attachment_id={ada.file}&id={ada.file}"
    answer = Sender("wsgi")("POST", f"/chatkit/chat/help/attachments/{names}", **form(b"mine"), headers=bob.headers)
    assert answer.status_code == 201
    assert rows(ada) == before
    assert ChatAttachment.objects.latest("id").user_key == bob.session.user_key


def test_a_cookie_or_a_login_of_the_owner_is_no_key(ada):
    browser = Browser(ada.user)
    browser.issue(workflow="help")
    assert any("secret" in name for name in browser.cookies)
    assert browser.get(path(ada.file)).status_code == 404
    assert browser.post(path(ada.waiting), {}).status_code == 403
    assert browser.post("/chatkit/chat/help/", {}, "application/json").status_code == 401
    root = Browser(User.objects.create(username="root", is_superuser=True, is_staff=True))
    assert root.get(path(ada.file)).status_code == 404


# Access that is lost while the session lives

LOST = {
    "leaves the group": lambda ada, workflow: ada.user.groups.clear(),
    "deactivated": lambda ada, workflow: User.objects.filter(pk=ada.user.pk).update(is_active=False),
    "the workflow gets other groups": lambda ada, workflow: workflow.groups.set([Group.objects.create(name="staff")]),
    "the workflow is deactivated": lambda ada, workflow: Workflow.objects.update(is_active=False),
}


@pytest.fixture
def member(ada, shared):
    group = Group.objects.create(name="members")
    shared.groups.add(group)
    ada.user.groups.add(group)
    return ada


def statuses(ada: Owner) -> list[int]:
    """Of a chat, a direct upload, an announced upload, a download with the bearer, and one with a signed address."""
    send = Sender("asgi")
    return [
        ada.caller.answer(chat.threads()).status_code,
        send("POST", "/chatkit/chat/help/attachments/", **form(b"more"), headers=ada.headers).status_code,
        send("POST", ada.waiting_url, **form(b"\x89PNG\r\n\x1a\n" + bytes(100), "a.png", "image/png")).status_code,
        send("GET", path(ada.file), headers=ada.headers).status_code,
        send("GET", ada.preview_url).status_code,
    ]


@pytest.mark.parametrize("how", LOST)
def test_who_has_lost_access_is_refused_at_the_next_request(member, shared, how):
    LOST[how](member, shared)
    assert statuses(member) == [401, 401, 404, 404, 404]


def test_who_has_not_lost_it_goes_on(member):
    assert statuses(member) == [200, 201, 200, 200, 200]


def test_a_preview_outlives_its_session_but_not_access(member, shared):
    """It is shown for an hour, while sessions end after minutes."""
    statuses(member)
    ChatSession.objects.update(expires_at=timezone.now())
    assert Sender("asgi")("GET", member.preview_url).status_code == 200
    member.user.groups.clear()
    assert Sender("asgi")("GET", member.preview_url).status_code == 404


def test_without_any_record_of_the_owner_a_signed_address_leads_nowhere(ada):
    ChatSession.objects.all().delete()
    assert statuses(ada)[2:] == [404, 404, 404]


def test_files_come_back_in_a_way_that_tells_nobody_their_address(ada):
    response = Sender("wsgi")("GET", path(ada.file), headers=ada.headers)
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "private"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("forged", ["evil.example", "testserver@evil.example", "evil.example:443"])
def test_no_upload_address_is_built_from_a_host_that_nobody_has_checked(ada, settings, forged):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "CommonMiddleware" not in name]
    count = ChatAttachment.objects.count()
    ada.caller.headers["Host"] = forged
    answer = ada.caller.answer(chat.announce())
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "evil" not in answer.content.decode() + str(answer.headers)
    assert ChatAttachment.objects.count() == count
    del ada.caller.headers["Host"]
    ada.caller.headers["X-Forwarded-Host"] = forged
    url = ada.caller.ask(chat.announce())["upload_descriptor"]["url"]
    assert url.startswith("http://testserver/chatkit/")
