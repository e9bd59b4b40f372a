"""Twenty users ask ten times each, all at once: over HTTP, with cookies, of two gunicorn workers with four threads."""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from django_chatkit.models import ChatSession
from tests.callers import a_user, a_workflow
from tests.fake_openai import FakeOpenAI

from .processes import PATIENCE, Site, gunicorn
from .visitors import Visitor

pytestmark = pytest.mark.services

DAY = 86_400
WORKFLOWS = ("support", "sales")


@pytest.fixture
def site(database: None, openai: FakeOpenAI, tmp_path: Path) -> Iterator[Site]:
    """Ten new sessions a day, counted on Redis, and a day that does not end meanwhile."""
    left = DAY - time.time() % DAY
    if left < 5 * PATIENCE:
        time.sleep(left)
    for slug in WORKFLOWS:
        a_workflow(slug)
    redis = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
        "KEY_PREFIX": secrets.token_hex(),
    }
    more = {"CHATKIT": {"THROTTLE_RATE": "10/day"}, "CACHES": {"default": redis}}
    with gunicorn(tmp_path, workers=2, threads=4, **more) as site:
        yield site


def at_once(visitors: list[Visitor], times: int) -> list[tuple[Visitor, str, Any]]:
    """Who asked for which workflow, and the answer."""
    wanted = [(visitor, WORKFLOWS[number % 2]) for number in range(times) for visitor in visitors]
    gate = Barrier(len(wanted))

    def ask(visitor: Visitor, slug: str) -> tuple[Visitor, str, Any]:
        gate.wait()
        return visitor, slug, visitor.issue(workflow=slug)

    with ThreadPoolExecutor(len(wanted)) as tabs:
        return list(tabs.map(lambda one: ask(*one), wanted))


def some_visitors(site: Site, count: int) -> list[Visitor]:
    visitors = [Visitor(site.url, a_user(f"user{number}")) for number in range(count)]
    connection.close()
    return visitors


def test_everybody_gets_a_secret_of_their_own(site: Site, openai: FakeOpenAI) -> None:
    """What was handed out, what OpenAI issued and what is recorded are the same, one by one."""
    visitors = some_visitors(site, 20)
    answers = at_once(visitors, 10)
    assert [answer.status_code for _, _, answer in answers] == [201] * 200
    handed_out = {answer.json()["id"]: (visitor, slug, answer) for visitor, slug, answer in answers}
    assert len(handed_out) == len(set(openai.secrets)) == 200
    records = ChatSession.objects.select_related("workflow", "user")
    recorded = {record.session_id: record for record in records}
    assert set(handed_out) == set(openai.sessions) == set(recorded)
    for key, (visitor, slug, answer) in handed_out.items():
        issued, record = openai.sessions[key], recorded[key]
        assert answer.json()["client_secret"] == issued["client_secret"]
        assert answer.json()["workflow"] == record.workflow.slug == slug
        assert issued["workflow"]["id"] == record.workflow_id == f"wf_{slug}"
        assert record.user == visitor.user
        assert issued["user"] == record.user_identifier == f"user-{visitor.user.pk}"
    assert openai.cancelled == []

    again = at_once(visitors, 2)  # each of them from the cookie that one of the answers brought
    for visitor, slug, answer in again:
        owner, workflow, first = handed_out[answer.json()["id"]]
        assert (answer.status_code, owner, workflow) == (200, visitor, slug)
        assert answer.json()["client_secret"] == first.json()["client_secret"]
    assert len(openai.sessions) == 200
    assert site.logged("django_chatkit") == []


def test_the_throttle_lets_exactly_its_number_through(site: Site, openai: FakeOpenAI) -> None:
    visitors = some_visitors(site, 5)
    answers = at_once(visitors, 20)
    let_through = Counter(visitor.user for visitor, _, answer in answers if answer.status_code == 201)
    refused = [answer.json()["code"] for _, _, answer in answers if answer.status_code == 429]
    assert set(let_through.values()) == {10}
    assert len(let_through) == 5
    assert refused == ["throttled"] * 50
    assert len(openai.sessions) == ChatSession.objects.count() == 50
