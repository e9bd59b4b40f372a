"""Hundreds of people who listen at once, on one worker: memory, connections, and whether all of them are served alike.

Against OpenAI's own server class in FastAPI with a store in memory, whose agent says the same words at the same pace.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..figures import Figure


def measure(*, quick: bool) -> Iterator[Figure]:
    from .comparing import compared  # with the app's models, which the rival's process has no settings for

    return compared(quick=quick)
