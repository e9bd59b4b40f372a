"""Times of contenders that take turns, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Of one call: seconds of this process's CPU, and seconds by the clock. Medians."""

    cpu: float
    latency: float


def in_turns(contenders: Mapping[str, Callable[[], Any]], *, rounds: int, calls: int) -> dict[str, Cost]:
    """Call each contender ``calls`` times, ``rounds`` times over, after a round that does not count."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, call in contenders.items():
            cost = _cost(call, calls)
            if number:
                costs[name].append(cost)
    return {
        name: Cost(median(cost.cpu for cost in found), median(cost.latency for cost in found))
        for name, found in costs.items()
    }


def _cost(call: Callable[[], Any], calls: int) -> Cost:
    gc.collect()
    latencies = []
    cpu = time.process_time()
    for _ in range(calls):
        started = time.perf_counter()
        call()
        latencies.append(time.perf_counter() - started)
    return Cost((time.process_time() - cpu) / calls, median(latencies))
