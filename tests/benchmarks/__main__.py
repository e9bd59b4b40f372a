"""The command: runs benchmarks, prints a table and, where ``--json`` says, writes the same as JSON."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import machine
from .catalogue import ALL, BENCHMARKS
from .figures import Figure, Goal, table

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    options = _parser().parse_args()
    chosen = [one for one in BENCHMARKS if one.name in (options.names or [known.name for known in BENCHMARKS])]
    report = {"machine": machine.machine(), "versions": machine.versions(), "quick": options.quick, "benchmarks": {}}
    print(_heading(options.quick))
    for benchmark in chosen:
        started = time.monotonic()
        print(f"\n### {benchmark.title}\n", flush=True)
        figures = []
        for database in benchmark.databases or ("",):
            if not database or database in options.databases:
                figures += _run(benchmark.name, database, quick=options.quick)
        print(table(figures), f"\n({time.monotonic() - started:.0f} s)", sep="\n", flush=True)
        report["benchmarks"][benchmark.name] = [figure.as_json() for figure in figures]
        if options.json:
            options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="name", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="few rounds and rows: rough figures, three minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--databases", nargs="+", choices=ALL, default=ALL, help="only these (default: all)")
    return parser


def _heading(quick: bool) -> str:  # noqa: FBT001
    found, known = machine.machine(), machine.versions()
    lines = [f"{found['cpu']}, {found['cores']} cores, {found['memory_gib']} GiB, {found['system']}"]
    lines.append(", ".join(f"{package} {number}" for package, number in known.items()))
    return "\n".join([*lines, "Quick: rough figures."] if quick else lines)


def _run(name: str, database: str, *, quick: bool) -> Iterator[Figure]:
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        command = [sys.executable, "-m", "tests.benchmarks.child", name, file.name, *(["--quick"] if quick else [])]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "DB_BACKEND": database,
            "PYTHONPATH": str(ROOT),
        }
        failed = subprocess.run(command, env=environment, cwd=ROOT).returncode
        for line in file:
            fields = json.loads(line)
            goal = None if fields["goal"] is None else Goal(**fields["goal"])
            yield Figure(**{**fields, "goal": goal})
    if failed:
        raise SystemExit(f"{name} could not be measured{f' on {database}' if database else ''}: see above.")


if __name__ == "__main__":
    main()
