"""What one block counts, for throttles and limits, does not count in the next: users there may have the same keys."""

from __future__ import annotations

from collections.abc import Callable

from django.core.cache.backends.base import BaseCache

Count = Callable[[BaseCache, str, int], int]

_counted: list[tuple[BaseCache, str]] = []


def remembering(count: Count) -> Count:
    """``throttling.count``, which remembers where in the cache it has counted."""

    def counted(cache: BaseCache, key: str, lifetime: int) -> int:
        number = count(cache, key, lifetime)
        _counted.extend([(cache, key), (cache, f"{key}_{number}")])  # the latter is where places are taken
        return number

    return counted


def forget() -> None:
    """Nothing has been counted."""
    while _counted:
        cache, key = _counted.pop()
        cache.delete(key)
