"""A wall clock that jumps, on a site that runs its workflows itself: tokens, addresses and the minute's budget."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import AsyncRequestFactory

from django_chatkit.models import Workflow

from ..callers import Browser, a_user, chatkit
from .clock import Clock

pytestmark = [pytest.mark.services, pytest.mark.django_db]

CACHES = {
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "clocks"},
    "redis": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
    },
}


@pytest.fixture
def ada(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Browser:
    from django_chatkit.server import database

    monkeypatch.setattr(database, "in_this_thread", True)
    chatkit(settings, AGENTS={"echo": "tests.server.echo.respond"})
    Workflow.objects.create(slug="help", name="Help", backend="self_hosted", agent="echo", max_requests_per_1_minute=3)
    return Browser(a_user())


@pytest.fixture
def chats(ada: Browser) -> Callable[[str], int]:
    """Asks the agent something with this secret: the status of the answer."""
    from ..server import chat
    from ..server.sending import Sender

    body = chat.create().model_dump_json()
    send = Sender("asgi")

    def ask(client_secret: str) -> int:
        headers = {"Authorization": f"Bearer {client_secret}"}
        return send("POST", chat.CHAT, data=body, content_type="application/json", headers=headers).status_code

    return ask


def test_forwards_a_token_is_refused_at_once(clock: Clock, ada: Browser, chats: Callable[[str], int]) -> None:
    old = ada.issue().json()["client_secret"]
    assert chats(old) == 200
    clock.jump(hours=2)
    assert chats(old) == 401
    assert chats(ada.issue().json()["client_secret"]) == 200


def test_backwards_a_token_still_ends_and_what_has_ended_does_not_come_back(
    clock: Clock, ada: Browser, chats: Callable[[str], int]
) -> None:
    cancelled = ada.issue().json()
    ada.cancel(cancelled["id"])
    token = ada.issue(refresh=True).json()["client_secret"]
    clock.jump(hours=-2)
    assert chats(token) == 200
    assert chats(cancelled["client_secret"]) == 401
    clock.jump(hours=2, minutes=10)
    assert chats(token) == 401


@pytest.mark.parametrize("kind", CACHES)
@pytest.mark.parametrize("hours", [-26, -2, 2])
def test_a_minutes_budget_is_a_minutes(
    clock: Clock, ada: Browser, chats: Callable[[str], int], settings: Any, kind: str, hours: int
) -> None:
    """Put back, a clock does not keep anybody out until it is where it was; nobody gets more than a new budget."""
    settings.CACHES = {"default": {**CACHES[kind], "KEY_PREFIX": secrets.token_hex(8)}}
    token = ada.issue().json()["client_secret"]
    assert [chats(token) for _ in range(4)] == [200, 200, 200, 429]
    clock.jump(hours=hours)
    token = ada.issue(refresh=True).json()["client_secret"]
    used_up = kind == "redis" and hours > 0  # it counts the seconds by a clock of its own
    assert [chats(token) for _ in range(4)] == ([429] * 4 if used_up else [200, 200, 200, 429])


def test_a_token_ends_on_time_whatever_clocks_are_changed_to(
    clock: Clock, ada: Browser, chats: Callable[[str], int], settings: Any
) -> None:
    """02:55 in Berlin, and five minutes later it is 02:00."""
    settings.TIME_ZONE = "Europe/Berlin"
    clock.set(datetime(2026, 10, 25, 0, 55, tzinfo=UTC))
    token = ada.issue().json()["client_secret"]
    clock.jump(minutes=9, seconds=59)
    assert chats(token) == 200
    clock.jump(seconds=1)
    assert chats(token) == 401


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def test_forwards_an_address_is_over_and_backwards_it_is_not_for_ever(clock: Clock) -> None:
    from django_chatkit.server.addresses import Upload, preview_address, preview_allowed, upload_address, upload_allowed

    request = AsyncRequestFactory().get("/")
    upload = token_of(upload_address(request, "help", "atc_1", Upload("k", 1)))
    preview = token_of(preview_address(request, "help", "atc_1", "k"))
    assert upload_allowed(upload, "help", "atc_1")
    clock.jump(hours=-2)
    assert preview_allowed(preview, "help", "atc_1")
    clock.jump(hours=2, seconds=601)
    assert upload_allowed(upload, "help", "atc_1") is None
    clock.jump(hours=1)
    assert preview_allowed(preview, "help", "atc_1") is None
