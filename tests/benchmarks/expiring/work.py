"""One contender's work in a process of its own, ``python -m tests.benchmarks.expiring.work NAME``, and what it took."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

ROOT = Path(__file__).resolve().parents[3]
STATUS = Path("/proc/self/status")


def in_a_process(
    name: str, database: str, settings: str = "tests.benchmarks.settings", *arguments: int
) -> dict[str, Any]:
    """What ``name`` of ``WORKS`` took on that database: seconds, MiB above what the process had at its start."""
    environment = {**os.environ, "BENCHMARK_DATABASE": database, "DJANGO_SETTINGS_MODULE": settings}
    command = [sys.executable, "-m", "tests.benchmarks.expiring.work", name, *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def expire() -> int:
    return _commanded("expire_chatkit_sessions")


def delete() -> int:
    return _commanded("expire_chatkit_sessions", delete_older_than=0)


def expire_in_batches() -> list[float]:
    """When each batch was done, and when the first of them began."""
    from django_chatkit.sessions import expire_sessions

    moments = [time.monotonic()]
    expire_sessions(progress=lambda _count: moments.append(time.monotonic()))
    return moments


def bare_update() -> int:
    return _executed(
        f"UPDATE {_table()} SET status = 'expired', ended_at = expires_at WHERE status = 'active' AND expires_at <= %s"
    )


def bare_delete() -> int:
    return _executed(f"DELETE FROM {_table()} WHERE ended_at < %s")


def cleartokens() -> None:
    call_command("cleartokens", verbosity=0)


def flushexpiredtokens() -> None:
    call_command("flushexpiredtokens", verbosity=0)


def make_tokens(count: str) -> None:
    from .tokens import make

    make(int(count))


WORKS: dict[str, Callable[..., Any]] = {
    work.__name__: work
    for work in (
        expire,
        delete,
        expire_in_batches,
        bare_update,
        bare_delete,
        make_tokens,
        cleartokens,
        flushexpiredtokens,
    )
}


def _table() -> str:
    from ..rows import TABLE

    return TABLE


def _commanded(name: str, **options: Any) -> int:
    out = io.StringIO()
    call_command(name, stdout=out, **options)
    return int(out.getvalue().splitlines()[-1].split()[0])


def _executed(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.ops.adapt_datetimefield_value(timezone.now())])
        return int(cursor.rowcount)


def _memory(key: str) -> float:
    """MiB of this process: ``VmRSS`` now, or ``VmHWM`` at most."""
    found = re.search(rf"{key}:\s+(\d+) kB", STATUS.read_text())
    return int(found[1]) / 1024 if found else 0.0


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main(name: str, *arguments: str) -> None:
    django.setup()
    from .tables import settle

    settle()
    gc.collect()
    _forget_peak()
    before, started = _memory("VmRSS"), time.perf_counter()
    result = WORKS[name](*arguments)
    seconds = time.perf_counter() - started
    what = {"batches": result} if isinstance(result, list) else {"count": result}
    print(json.dumps({"seconds": seconds, "memory": _memory("VmHWM") - before, **what}))


if __name__ == "__main__":
    main(*sys.argv[1:])
