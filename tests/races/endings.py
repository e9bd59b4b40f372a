"""Rounds in which sessions are cancelled, expired, reused and logged out of at once, and what must hold of each."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, Self

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from django_chatkit.models import ChatSession
from tests.callers import Browser, a_workflow
from tests.fake_openai import FakeOpenAI
from tests.records import ACTIVE, CANCELLED, EXPIRED

from .processes import PATIENCE, Actor
from .visitors import cookies_of

ACTORS, THREADS = 2, 4
WORKFLOWS = ("support", "sales")


class Game:
    """``play`` a round with a seed; ``problems`` are what should not have been, in any round so far."""

    def __init__(self, openai: FakeOpenAI) -> None:
        self.openai = openai
        self.done: list[dict[str, Any]] = []
        self.cancelled: Counter[int] = Counter()
        self.expired: Counter[int] = Counter()
        self.backwards: list[Any] = []
        self._known: dict[int, tuple[str, datetime | None]] = {}

    def __enter__(self) -> Self:
        for slug in WORKFLOWS:
            a_workflow(slug)
        with ExitStack() as stack:
            self.actors = [stack.enter_context(Actor()) for _ in range(ACTORS)]
            for actor in self.actors:
                list(actor.hear("ready"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, seed: int) -> None:
        chance = random.Random(seed)
        logins = [a_login(number) for number in (0, 0, 1, 1, 2)]
        jobs = jobs_for(logins, chance)
        ending = end_soon(logins, chance)
        began = time.monotonic()
        for number, actor in enumerate(self.actors):
            actor.tell(order="browse", jobs=jobs[number :: len(self.actors)], threads=THREADS)
        for actor in self.actors:
            for said in self._observing(actor):
                self._note(said)
        self._observe()
        for said in self.done:
            if said["began"] > began and said.get("status") == 200 and said["job"]["act"] == "reuse":
                assert said["answer"]["id"] not in ending, f"{said} had less time left than a reused one must have"

    def _observing(self, actor: Actor) -> Any:
        """What the actor says, while all records are looked at again and again."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self._observe()
            for said in actor.heard_so_far():
                if "done" in said:
                    return
                yield said
        raise AssertionError("It takes too long.")

    def _observe(self) -> None:
        for pk, *now in ChatSession.objects.values_list("pk", "status", "ended_at"):
            before = self._known.get(pk, (ACTIVE, None))
            self._known[pk] = tuple(now)
            if before not in ((ACTIVE, None), tuple(now)):
                self.backwards.append((pk, before, now))

    def _note(self, said: dict[str, Any]) -> None:
        if "job" in said:
            self.done.append(said)
        self.cancelled.update([said["cancelled"]] if "cancelled" in said else [])
        self.expired.update(said.get("expired", ()))

    def problems(self) -> list[Any]:
        return [
            *(said for said in self.done if "failed" in said or said.get("status", 200) >= 500),
            *(f"{pk} went from {before} to {now}" for pk, before, now in self.backwards),
            *self._wrongly_announced(),
            *self._wrongly_reused(),
        ]

    def _wrongly_announced(self) -> list[Any]:
        """Of each record, its status and how often either signal told of it."""
        right = {ACTIVE: (0, 0), CANCELLED: (1, 0), EXPIRED: (0, 1)}
        rows = ChatSession.objects.values_list("pk", "status")
        found = [(pk, status, (self.cancelled[pk], self.expired[pk])) for pk, status in rows]
        return [row for row in found if row[2] != right[row[1]]]

    def _wrongly_reused(self) -> list[Any]:
        """Handed out again, by a request that began when the session's cancellation was over."""
        over: dict[str, float] = {}
        for said in self.done:
            if said["job"]["act"] == "cancel" and said.get("answer", {}).get("status") == CANCELLED:
                over[said["job"]["id"]] = min(said["ended"], over.get(said["job"]["id"], said["ended"]))
        reused = [said for said in self.done if said["job"]["act"] == "reuse" and said.get("status") == 200]
        late = [said for said in reused if over.get(said["answer"]["id"], said["began"]) < said["began"]]
        secrets = {key: session["client_secret"] for key, session in self.openai.sessions.items()}
        wrong = [said for said in reused if secrets[said["answer"]["id"]] != said["answer"]["client_secret"]]
        return late + wrong


def a_login(number: int) -> dict[str, Any]:
    """A new login of a user, with two sessions of each workflow; its browser knows the later ones."""
    user, _ = User.objects.get_or_create(username=f"user{number}")
    browser = Browser()
    for name, value in cookies_of(user).items():
        browser.cookies[name] = value
    ids = [browser.issue(workflow=slug, refresh=True).json()["id"] for slug in WORKFLOWS * 2]
    return {"cookies": {name: morsel.value for name, morsel in browser.cookies.items()}, "ids": ids}


def jobs_for(logins: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """In an order that the seed decides. Some log out, some twice, and some stay."""
    jobs: list[dict[str, Any]] = [{"act": "expire", "batch_size": chance.randint(1, 5)} for _ in range(8)]
    for login in logins:
        who = {"cookies": login["cookies"]}
        jobs += [{"act": "cancel", "id": key, **who} for key in login["ids"] for _ in range(chance.randint(0, 3))]
        jobs += [{"act": "reuse", "workflow": slug, **who} for slug in WORKFLOWS * 3]
        jobs += [{"act": "log out", **who} for _ in range(chance.randint(0, 2))]
    chance.shuffle(jobs)
    return jobs


def end_soon(logins: list[dict[str, Any]], chance: random.Random) -> set[str]:
    """Half of the sessions, as if they had been issued long ago: their ids."""
    ids = [key for login in logins for key in login["ids"]]
    ending = chance.sample(ids, len(ids) // 2)
    for key in ending:
        moment = timezone.now() + timedelta(seconds=chance.uniform(0, 0.6))
        ChatSession.objects.filter(session_id=key).update(expires_at=moment)
    connection.close()
    return set(ending)
