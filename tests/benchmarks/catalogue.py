"""The benchmarks, in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass

ALL = ("postgresql", "sqlite", "mysql")


@dataclass(frozen=True)
class Benchmark:
    """``name`` is that of its module. It runs once on each of ``databases``; without any, in a process without one."""

    name: str
    title: str
    databases: tuple[str, ...] = ("postgresql",)


BENCHMARKS = (
    Benchmark("issuing", "Issuing a session"),
    Benchmark("load", "Issuing under load"),
    Benchmark("tag", "The template tag"),
    Benchmark("imports", "Starting up", databases=()),
    Benchmark("browser", "In the browser", databases=("sqlite",)),
    Benchmark("expiring", "Expiring and deleting records", databases=ALL),
    Benchmark("lists", "Lists, searches and statistics"),
    Benchmark("streaming", "Streaming an answer"),
    Benchmark("open_streams", "Five hundred open streams"),
    Benchmark("long_thread", "A thread of 10,000 items"),
)
