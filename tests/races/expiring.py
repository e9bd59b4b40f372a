"""Rounds of ``expire_chatkit_sessions``, many of them killed, and what must hold of the records afterwards."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack
from typing import Any, Self

from django.db.models import F

from django_chatkit.models import ChatSession
from tests.callers import a_user, a_workflow
from tests.records import ACTIVE, EXPIRED, records

from .processes import Actor
from .visitors import cookies_of

BATCH = 10


class Tidying:
    """One actor forks the commands; another one issues sessions all the time."""

    def __init__(self) -> None:
        self.announced: Counter[int] = Counter()
        self.killed = self.finished = 0

    def __enter__(self) -> Self:
        self.workflow = a_workflow()
        self.cookies = cookies_of(a_user())
        with ExitStack() as stack:
            self.commander, self.issuer = (stack.enter_context(Actor()) for _ in range(2))
            for actor in (self.commander, self.issuer):
                list(actor.hear("ready"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def round(self, seed: int, *, stale: int = 150, fresh: int = 20) -> list[Any]:
        """Two commands at once, killed and begun again, until two of them can finish: what should not have been."""
        chance, before = random.Random(seed), self.killed
        old = {row.pk for row in records(self.workflow, stale, lives=-60)}
        new = {row.pk for row in records(self.workflow, fresh)}
        self.issue(20)
        for _ in range(4):
            self.run(*(a_fate(chance) for _ in range(2)))
        self.run(*({"batch_size": BATCH} for _ in range(2)))
        return [*self.wrong(old, new, self.killed - before), *self.not_issued()]

    def issue(self, count: int) -> None:
        job = {"act": "issue", "workflow": self.workflow.slug, "cookies": self.cookies}
        self.issuer.tell(order="browse", jobs=[job] * count, threads=2)

    def issued(self) -> list[dict[str, Any]]:
        return [said for said in self.issuer.hear("done") if "job" in said]

    def not_issued(self) -> list[Any]:
        return [said for said in self.issued() if said.get("status") != 201]

    def run(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        self.commander.tell(order="tidy", commands=commands)
        return [self.noted(said) for said in self.commander.hear("done")]

    def noted(self, said: dict[str, Any]) -> dict[str, Any]:
        self.announced.update(said.get("expired", ()))
        self.killed += said.get("returned") == -9
        self.finished += said.get("returned") == 0
        assert said.get("returned", 0) in (0, -9), f"{said}: see what it wrote to its standard error"
        return said

    def wrong(self, stale: set[int], fresh: set[int], killed: int) -> list[Any]:
        """Only the batch that was in hand when a command was killed can lack its signal."""
        rows = ChatSession.objects.filter(pk__in=stale)
        untold = stale - set(self.announced)
        found = {
            "left": list(rows.exclude(status=EXPIRED, ended_at=F("expires_at"))),
            "ended": list(ChatSession.objects.filter(pk__in=fresh).exclude(status=ACTIVE, ended_at=None)),
            "told twice": [pk for pk, times in self.announced.items() if times > 1],
            "untold": untold if len(untold) > killed * BATCH else set(),
        }
        return [f"{name}: {keys}" for name, keys in found.items() if keys]


def a_fate(chance: random.Random) -> dict[str, Any]:
    """How a command ends, if it gets so far. A batch takes three statements or four, and is told of once."""
    fate = chance.choice(["before", "after", "told", "moment"])
    where = {"told": chance.randint(1, 6), "moment": chance.uniform(0, 0.3)}.get(fate, chance.randint(1, 25))
    return {"batch_size": BATCH, "fate": fate, "where": where, "dawdle": chance.choice([0, 0.003])}
