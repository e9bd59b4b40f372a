"""What the benchmarks say is what they measured: ratios, goals, the table. The benchmarks themselves are no tests."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from .benchmarks.catalogue import BENCHMARKS
from .benchmarks.figures import Figure, at_least, at_most, table
from .benchmarks.measuring import in_turns


@pytest.mark.parametrize(
    ("ours", "theirs", "goal", "is_met"),
    [
        (9, 10, at_most(0.9), True),
        (9.1, 10, at_most(0.9), False),
        (7, 10, at_least(0.7), True),
        (6.9, 10, at_least(0.7), False),
        (6, 10, None, None),
        (49, None, at_most(50), True),
        (51, None, at_most(50), False),
        (0, None, at_most(0), True),
    ],
)
def test_a_goal_bounds_the_ratio_or_the_value_where_there_is_no_rival(ours, theirs, goal, is_met):
    assert Figure("issue", "CPU", ours, "ms", "by hand", theirs, goal).is_met is is_met


def test_the_table_says_what_was_not_met():
    figures = [
        Figure("issue", "CPU", 1234.5, "ms", "by hand", 1000, at_most(0.9)),
        Figure("issue", "queries", 4, "", goal=at_most(4), note="warm"),
    ]
    assert table(figures).splitlines()[2:] == [
        "| issue | CPU | 1,234 ms | by hand | 1,000 ms | **1.23** | ≤ 0.9 | **not met** |",
        "| issue (warm) | queries | 4 |  |  |  | ≤ 4 | met |",
    ]


def test_figures_are_json():
    found = json.loads(json.dumps(Figure("issue", "CPU", 1, "ms", "by hand", 2, at_least(0.7)).as_json()))
    assert (found["ratio"], found["goal"], found["is_met"]) == (0.5, "≥ 0.7", False)


def test_contenders_take_turns():
    called = []
    costs = in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, rounds=2, calls=2)
    assert called == ["a", "a", "b", "b"] * 3
    assert all(cost.cpu >= 0 and cost.latency > 0 for cost in costs.values())


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_every_benchmark_that_is_listed_exists(benchmark):
    assert find_spec(f"tests.benchmarks.{benchmark.name}")
