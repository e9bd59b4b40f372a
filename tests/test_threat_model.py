"""The threat model names a test for each threat: they must exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    line
    for line in (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| (?!threat \||-)", line)
]


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:60] for row in ROWS])
def test_each_threat_has_a_defence_and_tests_that_exist(row: str) -> None:
    threat, defence, shown = (cell.strip() for cell in row.strip("|").split("|"))
    assert threat
    assert defence
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", shown)
    assert named
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert not test or test in functions(ROOT / path), f"{path}::{test}"
    assert not re.sub(r"`(tests/[\w/]+\.py)(?:::(\w+))?`|[, ]", "", shown)
