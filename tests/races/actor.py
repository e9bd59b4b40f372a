"""A process beside the test: ``python -m tests.races.actor``. Orders come in as JSON, one a line.

``browse`` answers requests in several threads, through all of the site's middleware. ``tidy`` forks a process for each
``expire_chatkit_sessions``; those may be killed, or stop, where the order says. What happens is told as it happens.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.urls import reverse  # noqa: E402

from django_chatkit.signals import session_cancelled, sessions_expired  # noqa: E402
from tests.callers import Browser  # noqa: E402


def say(**words: Any) -> None:
    """In one write, so that the lines of several processes and threads stay whole."""
    os.write(1, (json.dumps(words) + "\n").encode())


def tell_cancelled(session: Any, **_: Any) -> None:
    say(cancelled=session.pk)


def tell_expired(ids: list[int], **_: Any) -> None:
    say(expired=ids, at=time.monotonic())


# Visitors


def browse(jobs: list[dict[str, Any]], threads: int) -> None:
    """Do the jobs in this order, so many at once."""
    left: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    for job in jobs:
        left.put(job)
    team = [threading.Thread(target=work_through, args=[left]) for _ in range(threads)]
    for one in team:
        one.start()
    for one in team:
        one.join()
    say(done=len(jobs))


def work_through(left: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        while True:
            do(left.get_nowait())
    except queue.Empty:
        pass
    finally:
        connection.close()


def do(job: dict[str, Any]) -> None:
    began = time.monotonic()
    try:
        result = JOBS[job["act"]](job)
    except Exception as error:
        result = {"failed": f"{type(error).__name__}: {error}"}
    job.pop("cookies", None)
    say(job=job, began=began, ended=time.monotonic(), **result)


def a_browser(job: dict[str, Any]) -> Browser:
    browser = Browser()
    for name, value in job["cookies"].items():
        browser.cookies[name] = value
    return browser


def answered(response: Any) -> dict[str, Any]:
    return {"status": response.status_code, "answer": response.json()}


def reuse(job: dict[str, Any]) -> dict[str, Any]:
    return answered(a_browser(job).issue(workflow=job["workflow"]))


def issue(job: dict[str, Any]) -> dict[str, Any]:
    return answered(a_browser(job).issue(workflow=job["workflow"], refresh=True))


def cancel(job: dict[str, Any]) -> dict[str, Any]:
    return answered(a_browser(job).cancel(job["id"]))


def log_out(job: dict[str, Any]) -> dict[str, Any]:
    return {"status": a_browser(job).post("/logout/").status_code}


def expire(job: dict[str, Any]) -> dict[str, Any]:
    call_command("expire_chatkit_sessions", batch_size=job["batch_size"], stdout=sys.stderr)
    return {}


JOBS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "reuse": reuse,
    "issue": issue,
    "cancel": cancel,
    "log out": log_out,
    "expire": expire,
}


# Those who tidy up


def tidy(commands: list[dict[str, Any]]) -> None:
    """All of them at once; tells how each one ended."""
    running = {fork(command): command for command in commands}
    ends = {pid: a_timer(pid, command) for pid, command in running.items()}
    while running:
        pid, status = os.waitpid(-1, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            say(stopped=pid)
            sys.stdin.readline()
            os.kill(pid, signal.SIGCONT)
        else:
            ends[pid].cancel()
            say(command=running.pop(pid), returned=os.waitstatus_to_exitcode(status))
    say(done=len(commands))


def a_timer(pid: int, command: dict[str, Any]) -> threading.Timer:
    """Ends the process at a moment that the order says, whatever it does then."""
    timer = threading.Timer(command.get("where", 0), os.kill, (pid, signal.SIGKILL))
    if command.get("fate") == "moment":
        timer.start()
    return timer


def fork(command: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        expire_as_told(**command)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def expire_as_told(batch_size: int, dawdle: float = 0, fate: str = "", where: float = 0) -> None:
    """``fate`` is what happens ``where``: ``before`` or ``after`` a statement, ``told`` after a commit and before its
    signal is heard, ``moment`` seconds after the beginning; or that it is ``stopped`` after marking records.
    """
    sessions_expired.disconnect(tell_expired)
    end = Fate(signal.SIGSTOP if fate == "stopped" else signal.SIGKILL, where)
    if fate == "told":
        sessions_expired.connect(end.comes_nearer, weak=False)
    sessions_expired.connect(tell_expired)

    def execute(run: Any, *statement: Any) -> Any:
        time.sleep(dawdle)
        if fate == "before":
            end.comes_nearer()
        result = run(*statement)
        if fate == "after" or (fate == "stopped" and "expired" in (statement[1] or ())):
            end.comes_nearer()
        return result

    with connection.execute_wrapper(execute):
        call_command("expire_chatkit_sessions", batch_size=batch_size, stdout=sys.stderr)
    connection.close()


class Fate:
    """A signal to oneself, at the call that is number ``where``."""

    def __init__(self, number: signal.Signals, where: float) -> None:
        self.number, self.left = number, where

    def comes_nearer(self, **_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


if __name__ == "__main__":
    reverse("django_chatkit:session-list")  # what is imported late
    session_cancelled.connect(tell_cancelled)
    sessions_expired.connect(tell_expired)
    say(ready=True)
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        {"browse": browse, "tidy": tidy}[order.pop("order")](**order)
