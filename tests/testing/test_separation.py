"""The app never imports its testing kit, and the kit never needs pytest."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import django_chatkit

pytestmark = pytest.mark.services  # processes of its own, or time

PACKAGE = Path(django_chatkit.__file__).parent

PROGRAM = """
import sys
import django
django.setup()
from importlib import import_module
from pathlib import Path
import django_chatkit
package = Path(django_chatkit.__file__).parent
for path in sorted(package.rglob("*.py")):
    parts = path.relative_to(package.parent).with_suffix("").parts
    if "testing" not in parts and "migrations" not in parts and parts[-1] != "schema" and "server" not in parts:
        import_module(".".join(parts).removesuffix(".__init__"))
assert not [name for name in sys.modules if name.startswith("django_chatkit.testing")]
assert "pytest" not in sys.modules
import django_chatkit.testing
assert not {"pytest", "chatkit", "agents", "openai"} & set(sys.modules)
"""


def test_loading_all_of_the_app_loads_no_test_code() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)


def test_no_module_of_the_app_names_it() -> None:
    """Not in functions either."""
    for path in PACKAGE.rglob("*.py"):
        if path.is_relative_to(PACKAGE / "testing"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None) or ""
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
                assert not [name for name in names if "testing" in name.split(".")], path


def test_it_can_be_imported_before_there_are_settings() -> None:
    """As a ``conftest.py`` does."""
    program = "import os; os.environ.pop('DJANGO_SETTINGS_MODULE', None); import django_chatkit.testing.fixtures"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=120)
