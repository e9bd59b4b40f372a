"""Many threads that begin together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def at_once(act: Callable[[], Any], times: int) -> list[Any]:
    """What so many threads got that started together."""
    gate, results = threading.Barrier(times), []
    threads = [threading.Thread(target=lambda: (gate.wait(), results.append(act()))) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
