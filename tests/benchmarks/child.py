"""One benchmark on one database, in a process of its own: ``python -m tests.benchmarks.child NAME FILE [--quick]``."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import nullcontext
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from .databases import new_database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("file", type=Path, help="where the figures go, one a line, as JSON")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with new_database() if os.environ.get("DB_BACKEND") else nullcontext(), options.file.open("w") as file:
        for figure in import_module(f"tests.benchmarks.{options.name}").measure(quick=options.quick):
            file.write(json.dumps(asdict(figure)) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
