"""A site stays up while OpenAI is down, and issues sessions again afterwards. ``outage`` measures how well."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.behaviours import held, normal
from tests.fake_openai import FakeOpenAI

from .outage import CLIENTS, THREADS, WORKERS, crowd, look
from .process import Site

pytestmark = pytest.mark.services


def test_pages_are_answered_and_sessions_come_back(tmp_path: Path) -> None:
    back = threading.Event()
    with FakeOpenAI() as openai:
        openai.otherwise = held(back)
        site = Site(tmp_path, workers=WORKERS, threads=THREADS, BASE_URL=openai.url, TIMEOUT=[3, 2])
        with site:
            assert site.page().status == 200
            with crowd(site, CLIENTS) as sessions:
                pages = look(site, 6)
            assert set(pages.answers) == {"200"}
            assert set(sessions.answers) <= {"none", "502 upstream_error", "504 upstream_timeout"}
            assert not openai.sessions
            refused = site.issue()
            assert (refused.status, refused.code) in ((502, "upstream_error"), (504, "upstream_timeout"))
            assert all(" Answered 50" in line for line in site.logged())

            openai.otherwise = normal
            back.set()
            until_issued(site)
            assert site.page().status == 200


def until_issued(site: Site) -> None:
    """Each worker finds out by itself, with the first call that it lets through."""
    end = time.monotonic() + 60
    in_a_row = 0
    while in_a_row < 4 * WORKERS:
        in_a_row = in_a_row + 1 if site.issue().status == 201 else 0
        assert time.monotonic() < end
