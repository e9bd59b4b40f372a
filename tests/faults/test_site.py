"""A site's only worker is free again after each fault: gunicorn with one thread, so that no other can help out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.behaviours import normal
from tests.fake_openai import FakeOpenAI

from .process import Site
from .upstream import FAULTS, Fault

pytestmark = pytest.mark.services

NAMES = ("silence", "a body byte by byte", "an endless body", "endless headers", "reset in the body", "500", "401")


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def site(upstream: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with Site(folder, BASE_URL=upstream.url, TIMEOUT=[10, 5], DEADLINE=8) as site:
        yield site


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name in NAMES], ids=lambda fault: fault.name)
def test_the_worker_is_free_again(fault: Fault, site: Site, upstream: FakeOpenAI) -> None:
    before = len(site.logged())
    upstream.otherwise = fault.behaviour
    answer = site.issue()
    assert (answer.status, answer.code) == fault.told[:2]
    assert len(site.logged()) == before + 1
    upstream.otherwise = normal
    assert site.page().status == 200
    assert site.issue().status == 201
    assert len(site.logged()) == before + 1
