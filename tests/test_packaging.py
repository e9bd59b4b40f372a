"""What the built wheel holds: looked at, not assumed."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import django_chatkit
from hatch_build import CatalogueHook, compiled

ROOT = Path(__file__).resolve().parent.parent
DIST_INFO = f"django_openai_chatkit-{django_chatkit.__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.iterdir()
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def metadata(wheel):
    return email.message_from_string(wheel.read(f"{DIST_INFO}/METADATA").decode())


def test_every_file_of_the_package_and_no_other(wheel):
    package = ROOT / "django_chatkit"
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".mo"
    }
    catalogues = {name.removesuffix(".po") + ".mo" for name in sources if name.endswith(".po")}
    metadata = {f"{DIST_INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    assert catalogues
    assert sorted(wheel.namelist()) == sorted(sources | catalogues | metadata)


def test_catalogues_are_compiled_for_the_wheel_from_what_is_written(wheel):
    for source in (ROOT / "django_chatkit" / "locale").rglob("*.po"):
        inside = source.relative_to(ROOT).with_suffix(".mo").as_posix()
        assert wheel.read(inside) == compiled(source)


def test_an_editable_install_compiles_into_the_tree(tmp_path):
    source = "django_chatkit/locale/de/LC_MESSAGES/django.po"
    (tmp_path / source).parent.mkdir(parents=True)
    (tmp_path / source).write_bytes((ROOT / source).read_bytes())
    build_data = {"force_include": {}}
    hook = CatalogueHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel")

    hook.initialize("editable", build_data)
    hook.finalize("editable", build_data, "")

    assert build_data == {"force_include": {}}
    assert (tmp_path / source).with_suffix(".mo").read_bytes() == compiled(ROOT / source)


@pytest.mark.parametrize(
    "start",
    [
        "django_chatkit/py.typed",
        "django_chatkit/migrations/0001_initial.py",
        "django_chatkit/migrations/__init__.py",
        "django_chatkit/management/commands/expire_chatkit_sessions.py",
        "django_chatkit/templatetags/django_chatkit.py",
        "django_chatkit/testing/fixtures.py",
        "django_chatkit/templates/django_chatkit/",
        "django_chatkit/static/django_chatkit/",
        "django_chatkit/locale/pt_BR/LC_MESSAGES/django.mo",
    ],
)
def test_data_is_in_the_wheel(wheel, start):
    assert [name for name in wheel.namelist() if name.startswith(start)]


@pytest.mark.parametrize(
    "unwanted", ["tests/", "example_project/", ".ci/", "node_modules", "__pycache__", ".sqlite3", "hatch_build"]
)
def test_neither_tests_nor_the_example_are_in_the_wheel(wheel, unwanted):
    assert [name for name in wheel.namelist() if unwanted in name] == []


def test_name_version_and_licence(metadata):
    assert metadata["Name"] == "django-openai-chatkit"
    assert metadata["Version"] == django_chatkit.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_licence_is_named_once(metadata):
    assert metadata["License"] is None
    assert not [name for name in metadata.get_all("Classifier") if name.startswith("License")]


def test_three_dependencies(metadata):
    always = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert sorted(line.split(">")[0] for line in always) == ["django", "djangorestframework", "requests"]


def test_extras(metadata):
    assert {"test", "ci"} <= set(metadata.get_all("Provides-Extra"))


@pytest.mark.parametrize(
    "supported", ["Framework :: Django :: 5.2", "Framework :: Django :: 6.0", "Framework :: Django :: 6.1"]
)
def test_django_versions(metadata, supported):
    assert supported in metadata.get_all("Classifier")


@pytest.mark.parametrize("minor", range(11, 14))
def test_python_versions(metadata, minor):
    assert f"Programming Language :: Python :: 3.{minor}" in metadata.get_all("Classifier")


def test_it_is_typed(metadata):
    assert "Typing :: Typed" in metadata.get_all("Classifier")


def test_it_runs_everywhere(wheel):
    assert "Root-Is-Purelib: true" in wheel.read(f"{DIST_INFO}/WHEEL").decode()
