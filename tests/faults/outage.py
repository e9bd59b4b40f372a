"""How a site fares while OpenAI is down, with and without the client's gate: ``python -m tests.faults.outage``.

Gunicorn with 2 workers of 4 threads each; 64 impatient clients ask for sessions, give up after 3 seconds and try again
a second later; one more client asks for an ordinary page all the time. ``--seconds`` says for how long.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.behaviours import normal, silent
from tests.fake_openai import FakeOpenAI

from .process import Answer, Site

WORKERS, THREADS, CLIENTS = 2, 4, 64
PATIENCE, PAUSE = 3.0, 1.0


@dataclass
class Visits:
    """What became of the visits to one page: a count for each answer, and the seconds that answers took."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def count(self, visit: Callable[[], Answer]) -> None:
        started = time.monotonic()
        try:
            answer = visit()
        except OSError:  # a timeout, for one
            self.answers["none"] += 1
        else:
            self.answers[f"{answer.status} {answer.code or ''}".strip()] += 1
        self.seconds.append(time.monotonic() - started)

    def quantile(self, share: float) -> float:
        return sorted(self.seconds)[math.ceil(share * len(self.seconds)) - 1] if self.seconds else math.nan


@contextmanager
def crowd(site: Site, clients: int) -> Iterator[Visits]:
    """Impatient clients that want sessions for as long as the block lasts."""
    over = threading.Event()
    visits = Visits()

    def want() -> None:
        while not over.is_set():
            visits.count(lambda: site.issue(timeout=PATIENCE))
            over.wait(PAUSE)

    threads = [threading.Thread(target=want) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield visits
    finally:
        over.set()
        for thread in threads:
            thread.join()


def look(site: Site, seconds: float) -> Visits:
    """Ask for the ordinary page all the time, and wait for it as long as a browser might."""
    pages = Visits()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pages.count(lambda: site.page(timeout=30))
        time.sleep(0.05)
    return pages


def refusing() -> str:
    """A base URL where nobody listens."""
    with FakeOpenAI() as gone:
        return gone.url


def measure(outage: str, gate: str, seconds: float) -> Visits:
    """The visits to the ordinary page while OpenAI is down."""
    with FakeOpenAI() as openai, tempfile.TemporaryDirectory() as folder:
        url = refusing() if outage == "refuses" else openai.url
        openai.otherwise = normal if outage == "falls silent" else silent
        with Site(Path(folder), workers=WORKERS, threads=THREADS, gate=gate, BASE_URL=url) as site:
            for _ in range(20):
                site.page()  # the workers are there
            with crowd(site, CLIENTS) as sessions:
                if outage == "falls silent":
                    time.sleep(5)
                    openai.otherwise = silent
                pages = look(site, seconds)
        print(f"<!-- {outage}, {gate or 'with'}: sessions {dict(sessions.answers)} -->", flush=True)  # noqa: T201
        return pages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    seconds = parser.parse_args().seconds
    lines = ["| OpenAI | gate | pages answered | failed | p50 s | p99 s | max s |", "|---|---|--:|--:|--:|--:|--:|"]
    for outage in ("silent", "falls silent", "refuses"):
        found = {gate: measure(outage, gate, seconds) for gate in ("", "open")}
        for gate, pages in found.items():
            times = " | ".join(f"{pages.quantile(share):.3f}" for share in (0.5, 0.99, 1))
            answered, failed = pages.answers["200"], pages.answers.total() - pages.answers["200"]
            lines.append(f"| {outage} | {'without' if gate else 'with'} | {answered} | {failed} | {times} |")
        more = found[""].answers["200"] / max(found["open"].answers["200"], 1)
        shares = [found[""].quantile(share) / found["open"].quantile(share) for share in (0.5, 0.99, 1)]
        lines.append(f"| | *with : without* | {more:.1f} | | {' | '.join(f'{share:.3f}' for share in shares)} |")
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
