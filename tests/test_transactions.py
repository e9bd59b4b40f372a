from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest
from django.test import Client

from django_chatkit import sessions
from django_chatkit.models import ChatSession
from django_chatkit.transactions import outside_transactions

from .behaviours import Exchange, normal
from .callers import Browser, a_user, a_workflow
from .fake_openai import FakeOpenAI

LIST = "/admin/django_chatkit/chatsession/"


def test_a_view_is_marked_for_every_database() -> None:
    @outside_transactions
    def view(request: HttpRequest) -> None: ...

    assert view._non_atomic_requests == set(connections)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["list", "page"])
def test_no_transaction_is_open_while_an_administrator_cancels(
    admin_client: Client, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    database, seen = connections["default"], []  # of this thread: the fake OpenAI has another one

    def looks(exchange: Exchange) -> Any:
        seen.append(database.in_atomic_block)
        return normal(exchange)

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    session = sessions.create_session(a_workflow(), user_identifier="x").session
    openai.script(looks)
    chosen = {"action": "cancel_selected", "_selected_action": [session.pk], "confirmed": "yes"}
    admin_client.post(LIST if place == "list" else f"{LIST}{session.pk}/cancel/", chosen)
    assert seen == [False]
    assert ChatSession.objects.get().status == "cancelled"


class OtherConnections:
    """A database besides the test's own, which has a pool or none, and is in a transaction or not."""

    def __init__(self, *, pool: bool, in_transaction: bool) -> None:
        self.settings_dict = {"OPTIONS": {"pool": pool}}
        self.autocommit = not in_transaction
        self.events: list[str] = []

    def all(self, *, initialized_only: bool) -> list[OtherConnections]:
        return [self]

    def close(self) -> None:
        self.events.append("given back")


@pytest.mark.django_db
@pytest.mark.parametrize(("pool", "in_transaction"), [(True, False), (True, True), (False, False)])
def test_a_pooled_connection_goes_back_before_openai_is_asked(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, *, pool: bool, in_transaction: bool
) -> None:
    """Or those who wait for OpenAI would hold all connections of a pool, and no other page would find one."""
    others = OtherConnections(pool=pool, in_transaction=in_transaction)
    a_workflow()
    ada = Browser(a_user())
    ada.list()  # the views are there
    monkeypatch.setattr("django_chatkit.transactions.connections", others)

    def answers(exchange: Exchange) -> Any:
        others.events.append("asked")
        return normal(exchange)

    openai.script(answers, answers)
    session_id = ada.issue().json()["id"]
    assert ada.cancel(session_id).json()["status"] == "cancelled"
    assert others.events == (["given back", "asked"] if pool and not in_transaction else ["asked"]) * 2
