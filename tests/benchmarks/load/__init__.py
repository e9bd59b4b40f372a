"""Issuing sessions with many clients, behind real servers; and what becomes of the site's other pages meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.figures import Figure


def measure(*, quick: bool) -> Iterator[Figure]:
    from .measuring import everything, little  # which needs Django set up; the clients, in this package too, do not

    yield from little() if quick else everything()
