"""The static modules as a site serves them: of one version, and under hashed names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command

import django_chatkit

STATIC = Path(django_chatkit.__file__).parent / "static" / "django_chatkit"
MODULES = [STATIC / "django-chatkit.js", *sorted((STATIC / "django-chatkit").glob("*.js"))]
SHEETS = [STATIC / "django-chatkit.css", *sorted((STATIC / "django-chatkit").glob("*.css"))]
#: What follows ``from``, or is named in a type or in ``@import``: addresses of our own.
ADDRESS = re.compile(r"""(?:from |import\(|url\()"(\.{0,2}[/\w][^"@:]*)\"""")
#: How imports write the dot that their addresses begin with.
DOT = "\\x2e"


class AggregatingStorage(ManifestStaticFilesStorage):
    """As Django leaves it to projects: imports are rewritten, too."""

    support_js_module_import_aggregation = True


def addresses(path: Path) -> list[str]:
    return ADDRESS.findall(path.read_text(encoding="utf-8").replace(DOT, "."))


@pytest.mark.parametrize("path", MODULES + SHEETS, ids=lambda path: path.name)
def test_what_is_imported_is_there_and_of_this_version(path):
    for address in addresses(path):
        name, _, version = address.partition("?v=")
        assert (path.parent / name).is_file()
        assert version == django_chatkit.__version__


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_storages_leave_imports_alone(path):
    """Those that rewrite imports look for a dot or a slash, and do not know the hash of an address with a query."""
    assert not re.search(r"""\b(from|import)\s*["'][./]""", path.read_text(encoding="utf-8"))


def test_every_module_is_reached():
    reached = {(path.parent / address.partition("?")[0]).resolve() for path in MODULES for address in addresses(path)}
    assert reached == {path.resolve() for path in MODULES[1:]}


@pytest.mark.parametrize("path", MODULES + SHEETS, ids=lambda path: path.name)
def test_modules_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 320


@pytest.mark.parametrize("storage", [ManifestStaticFilesStorage, AggregatingStorage], ids=["plain", "aggregating"])
def test_files_are_collected_under_hashed_names(storage, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    path = f"{storage.__module__}.{storage.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": path}}
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    for source in MODULES + SHEETS:
        name = hashed[f"django_chatkit/{source.relative_to(STATIC).as_posix()}"]
        served = tmp_path / name
        for address in addresses(served):
            assert (served.parent / address.partition("?")[0]).is_file()
