"""What the app adds to the start of a site, against what another app with an API and an admin adds to the same one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

from .figures import Figure, at_most

OURS, OTHER, NONE = "django_chatkit", "oauth2_provider", ""
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Start:
    """Medians: seconds of CPU for ``django.setup()`` and then for the URLconf, bytes of memory when both are there."""

    setup: float
    urls: float
    memory: float

    def __sub__(self, other: Start) -> Start:
        return Start(self.setup - other.setup, self.urls - other.urls, self.memory - other.memory)

    @property
    def all(self) -> float:
        return self.setup + self.urls


def measure(*, quick: bool) -> Iterator[Figure]:
    apps = [app for app in (NONE, OURS, OTHER) if not app or find_spec(app)]
    starts, heavy = _starts(apps, rounds=1 if quick else 9)
    site, ours = starts[NONE], starts[OURS]
    bare = "the same site without the app"
    yield Figure("start a site that has the app", "CPU", ours.all * 1e3, "ms", bare, site.all * 1e3, at_most(1.25))
    yield Figure("the same", "memory", ours.memory / MEBIBYTE, "MiB", bare, site.memory / MEBIBYTE, at_most(1.1))
    if OTHER in starts:
        mine, theirs = ours - site, starts[OTHER] - site
        rival = "django-oauth-toolkit"
        yield Figure("what the app adds", "CPU", mine.all * 1e3, "ms", rival, theirs.all * 1e3, at_most(1))
        yield Figure("the same", "memory", mine.memory / MEBIBYTE, "MiB", rival, theirs.memory / MEBIBYTE, at_most(1))
    note = f"loaded: {', '.join(heavy)}" if heavy else ""
    yield Figure("openai-chatkit and what it needs", "loaded", len(heavy), "", goal=at_most(0), note=note)


def _starts(apps: list[str], *, rounds: int) -> tuple[dict[str, Start], list[str]]:
    """Of a site with each app, in turns, after a round that compiles all modules. And what ours should not load."""
    answers: dict[str, list[dict[str, Any]]] = {app: [] for app in apps}
    with tempfile.TemporaryDirectory() as compiled:
        for number in range(rounds + 1):
            for app in apps:
                answer = _start(app, compiled)
                if number:
                    answers[app].append(answer)
    names = ("setup", "urls", "memory")
    starts = {app: Start(*(median(one[name] for one in answers[app]) for name in names)) for app in apps}
    return starts, answers[OURS][0]["heavy"]


def _start(app: str, compiled: str) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "tests.benchmarks.starting", *filter(None, [app])]
    answer: dict[str, Any] = json.loads(
        subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    )
    return answer
