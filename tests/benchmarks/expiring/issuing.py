"""Issuing at a steady rate while records expire: ``python -m tests.benchmarks.expiring.issuing`` issues, ``Issuer``
looks after that process.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Self

import django

from ..upstream import ROOT

#: Sessions that somebody asks for in a second, whether or not the last one has been issued.
RATE = 20


@dataclass(frozen=True)
class Issued:
    """One session: when it was due, and when it was there. Seconds of a clock that all processes share."""

    due: float
    done: float

    @property
    def wait(self) -> float:
        return self.done - self.due


def rate(issued: list[Issued], begin: float, end: float) -> float:
    """Sessions per second that were there between two moments."""
    return sum(begin <= one.done < end for one in issued) / (end - begin)


def longest_wait(issued: list[Issued], begin: float, end: float) -> float:
    """Of those that were waited for between two moments: beyond what it takes when nothing else goes on."""
    usual = median(one.wait for one in issued if one.done < begin)
    return max([0.0, *(one.wait - usual for one in issued if one.due < end and one.done >= begin)])


class Issuer:
    """Issues on a database from the beginning of the block on."""

    def __init__(self, database: str, upstream: str) -> None:
        more = {"DJANGO_CHATKIT": {"API_KEY": "sk-tests-benchmarks", "THROTTLE_RATE": None, "BASE_URL": upstream}}
        self._environment = {**os.environ, "BENCHMARK_DATABASE": database, "BENCHMARK_SETTINGS": json.dumps(more)}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.expiring.issuing"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=self._environment, cwd=ROOT, **pipes)
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> list[Issued]:
        """What has been issued."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [Issued(**one) for one in json.loads(self._process.stdout.readline())]


def main() -> None:
    django.setup()
    from django.contrib.auth.models import User

    from ..calling import Caller, login

    user = User.objects.filter(username__startswith="user-").first()
    call = Caller("/chatkit/sessions/", {"workflow": "support", "refresh": True}, login(user))
    for _ in range(5):
        call()
    print("ready", flush=True)
    issued, due = [], time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        call()
        issued.append({"due": due, "done": time.monotonic()})
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))
    print(json.dumps(issued), flush=True)


if __name__ == "__main__":
    main()
