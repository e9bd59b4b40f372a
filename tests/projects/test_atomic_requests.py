"""``ATOMIC_REQUESTS``: an administrator's pages that wait for OpenAI are in no transaction, and neither is logging out.

The API's own are in ``test_views_project``, the admin's for cancelling in ``test_transactions``, those of a site that
runs its workflows itself in ``server/test_views`` and ``server/test_uploads``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from django_chatkit.models import ChatSession

from ..behaviours import Behaviour, Exchange, normal
from ..callers import Browser, a_user, a_workflow
from ..fake_openai import FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a transaction was open, each time that OpenAI was asked."""
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    return []


@pytest.fixture
def looking(seen: list[bool]) -> Callable[[Behaviour], Behaviour]:
    database = connections["default"]  # of this thread: the fake OpenAI has another one

    def look(behaviour: Behaviour) -> Behaviour:
        def behave(exchange: Exchange) -> bool | None:
            seen.append(database.in_atomic_block)
            return behaviour(exchange)

        return behave

    return look


def test_trying_a_workflow(admin_client: Client, openai: FakeOpenAI, seen: list[bool], looking: Any) -> None:
    workflow = a_workflow()
    openai.script(looking(normal), looking(normal))
    answer = admin_client.post(f"/admin/django_chatkit/workflow/{workflow.pk}/try/")
    assert answer.status_code == 200
    assert seen == [False, False]
    assert len(openai.cancelled) == 1


def test_logging_out(openai: FakeOpenAI, seen: list[bool], looking: Any) -> None:
    a_workflow()
    ada = Browser(a_user())
    ada.issue()
    openai.script(looking(normal))
    ada.logout()
    assert seen == [False]
    assert ChatSession.objects.get().status == "cancelled"
