"""The command ``expire_chatkit_sessions`` against one statement that does it all, and against others' commands."""

from __future__ import annotations

from collections.abc import Iterator

from ..figures import Figure


def measure(*, quick: bool) -> Iterator[Figure]:
    from . import comparing  # which imports models: the processes that it starts have not set up Django yet

    return comparing.measure(quick=quick)
