"""The static modules and the stand-in, checked by the TypeScript compiler against the types of ``@openai/chatkit``."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "django_chatkit" / "static" / "django_chatkit"
TYPES = HERE / "node_modules" / "@openai" / "chatkit" / "types"


def tsc(project: Path) -> subprocess.CompletedProcess[str]:
    command = [str(HERE / "node_modules" / ".bin" / "tsc"), "-p", str(project)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A copy of the modules without the versions in their imports, which the compiler would look for in file names."""
    for path in [STATIC / "django-chatkit.js", *(STATIC / "django-chatkit").glob("*.js")]:
        copy = tmp_path / path.relative_to(STATIC)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(re.sub(r"\?v=[^\"]+\"", '"', path.read_text()))
    project = {"extends": str(HERE / "tsconfig.json"), "files": [str(TYPES / "dom-augment.d.ts"), "django-chatkit.js"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(project))
    return tmp_path


def test_the_modules_pass(modules: Path) -> None:
    done = tsc(modules)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_stand_in_passes() -> None:
    done = tsc(HERE)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("chat", "getClientSecret: async (current)", "getSecret: async (current)"),
        ("chat", "return client_secret;", "return 1;"),
        ("chat", "setOptions(this.#options)", "setOption(this.#options)"),
        ("chat", '"chatkit.ready",', '"chatkit.redy",'),
        ("chat", "      domainKey,\n", ""),
        ("chat", 'uploadStrategy: { type: "two_phase" }', 'uploadStrategy: { type: "two" }'),
        ("chat", "setComposerValue({ text: prompt })", "setComposerValue({ prompt })"),
        ("chat", "options.initialThread = this.#opened", "options.firstThread = this.#opened"),
        ("options", '? "dark" : "light"', '? "dark" : "bright"'),
        ("options", "attachments.maxCount", "attachments.maximum"),
        ("self-hosted", "asEvent(response, wait) : response;", "asEvent(response, wait) : response.status;"),
    ],
)
def test_a_module_that_breaks_the_contract_does_not(name: str, before: str, after: str, modules: Path) -> None:
    path = modules / "django-chatkit" / f"{name}.js"
    source = path.read_text()
    assert before in source
    path.write_text(source.replace(before, after))
    done = tsc(modules)
    assert done.returncode != 0
    assert path.name in done.stdout
