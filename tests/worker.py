"""A process beside the test: ``python -m tests.worker tidy|issue NUMBER``. It begins when a line comes in.

It prints what happens, one JSON value a line, so that the test knows how far it had come when it was killed.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from django_chatkit import sessions  # noqa: E402
from django_chatkit.models import ChatSession, Workflow  # noqa: E402
from django_chatkit.signals import sessions_expired  # noqa: E402

from .records import a_record  # noqa: E402


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)  # noqa: T201


def announce(ids: list[int], **_kwargs: Any) -> None:
    say(ids=ids)


def tidy(batch_size: int) -> None:
    sessions_expired.connect(announce)
    say(expired=sessions.expire_sessions(batch_size=batch_size))
    say(deleted=sessions.delete_sessions(older_than=timedelta(days=1), batch_size=batch_size))


def issue(count: int) -> None:
    """Records of new sessions, and of some that are cancelled at once."""
    workflow = Workflow.objects.get()
    for number in range(count):
        record = a_record(workflow, session_id=f"cksess_new_{number}")
        record.save()
        if number % 2:
            ChatSession.objects.filter(pk=record.pk).update(status="cancelled")
    say(issued=count)


def dawdle(execute: Any, *statement: Any) -> Any:
    """Take one's time before each statement, so that those of other processes come in between."""
    time.sleep(0.003)
    return execute(*statement)


if __name__ == "__main__":
    work, number = sys.argv[1:]
    connection.ensure_connection()
    say(ready=True)
    sys.stdin.readline()
    with connection.execute_wrapper(dawdle):
        {"tidy": tidy, "issue": issue}[work](int(number))
