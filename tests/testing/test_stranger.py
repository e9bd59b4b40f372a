"""Somebody else's project: its tests, and those of docs/testing.md, in a process that can reach this machine only."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.services  # processes of its own, or time

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GUIDE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(# (\S+)\n.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
#: What of the guide needs the extra ``server``.
SELF_HOSTED = {"mysite/agents.py", "test_orders.py"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project as it is after its owner has followed the guide."""
    folder = tmp_path / "project"
    shutil.copytree(HERE / "stranger", folder)
    for code, name in BLOCKS:
        if name not in SELF_HOSTED:
            (folder / name).write_text(code, encoding="utf-8")
    return folder


def run(project: Path, *arguments: str) -> str:
    """What a module of Python says that succeeds there, without any key or setting of this environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    path = os.pathsep.join(map(str, (HERE / "guard", ROOT)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *arguments],
        cwd=project,
        env={**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "DJANGO_SETTINGS_MODULE": "mysite.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def count(*codes: str) -> int:
    """How many functions of these are tests."""
    trees = [node for code in codes for node in ast.walk(ast.parse(code))]
    return sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in trees)


def test_with_pytest(project: Path) -> None:
    said = run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_help.py", "test_staging.py", "test_more.py")
    tests = count(*(code for code, name in BLOCKS if name in ("test_help.py", "test_staging.py")))
    tests += count((HERE / "stranger" / "test_more.py").read_text(encoding="utf-8")) + 4  # one has five parameters
    assert f"{tests} passed" in said


@pytest.mark.services
def test_workflows_that_the_site_runs(project: Path) -> None:
    for code, name in BLOCKS:
        (project / name).write_text(code, encoding="utf-8")
    (agents,) = re.findall(r'`("AGENTS": \{.*\})`', GUIDE)
    with (project / "mysite" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(f"DJANGO_CHATKIT |= {{{agents}}}\n")
    assert "3 passed" in run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_orders.py")


def test_with_djangos_runner_in_several_processes(project: Path) -> None:
    said = run(project, "django", "test", "mysite", "--parallel", "2")
    assert "Ran 5 tests" in said
    assert "OK" in said


def test_every_block_of_the_guide_is_run() -> None:
    names = [name for _, name in BLOCKS]
    assert len(names) == GUIDE.count("```python")
    assert {*names} == {"conftest.py", "test_help.py", "test_staging.py", "mysite/tests.py", *SELF_HOSTED}


def test_the_guide_knows_every_attribute_of_the_fake() -> None:
    from django_chatkit.testing import FakeChatKit
    from django_chatkit.testing.failures import NAMES

    told = set(re.findall(r"chatkit\.(\w+)", GUIDE.partition("## Good to know")[0]))
    own = {name for name in (*vars(FakeChatKit), *vars(FakeChatKit())) if not name.startswith("_")}
    assert own - {"respond", "before_saving"} <= told
    assert not [name for name in NAMES if f'`chatkit.fail("{name}"' not in GUIDE]


def test_the_guard_is_on(project: Path) -> None:
    with pytest.raises(AssertionError, match=r"Somebody asks where api\.openai\.com is"):
        (project / "asks.py").write_text("import socket\nsocket.getaddrinfo('api.openai.com', 443)\n")
        run(project, "asks")
    (project / "connects.py").write_text("import socket\nsocket.create_connection(('192.0.2.1', 443))\n")
    with pytest.raises(AssertionError, match=r"Somebody (asks|connects)"):
        run(project, "connects")
