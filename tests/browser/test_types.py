"""The static module and the stand-in, checked by the TypeScript compiler against the types of ``@openai/chatkit``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
MODULE = HERE.parents[1] / "django_chatkit" / "static" / "django_chatkit" / "django-chatkit.js"


def tsc(project: Path) -> subprocess.CompletedProcess[str]:
    command = [str(HERE / "node_modules" / ".bin" / "tsc"), "-p", str(project)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_module_passes() -> None:
    done = tsc(HERE)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("getClientSecret: async (current)", "getSecret: async (current)"),
        ("return client_secret;", "return 1;"),
        ("chatkit.setOptions(all)", "chatkit.setOption(all)"),
        ('"chatkit.ready",', '"chatkit.redy",'),
    ],
)
def test_a_module_that_breaks_the_contract_does_not(before: str, after: str, tmp_path: Path) -> None:
    source = MODULE.read_text()
    assert before in source
    (tmp_path / MODULE.name).write_text(source.replace(before, after))
    project = {"extends": str(HERE / "tsconfig.json"), "files": [str(HERE / types()), MODULE.name]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(project))
    done = tsc(tmp_path)
    assert done.returncode != 0
    assert MODULE.name in done.stdout


def types() -> str:
    first: str = json.loads((HERE / "tsconfig.json").read_text())["files"][0]
    return first
