"""Compiles the catalogues for wheels and editable installs: the repository holds what people write, ``.po`` files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CATALOGUES = "django_chatkit/locale/*/LC_MESSAGES/django.po"


def compiled(catalogue: Path) -> bytes:
    """The ``.mo`` of a ``.po``."""
    with catalogue.open("rb") as source:
        messages = read_po(source, locale=catalogue.parts[-3], abort_invalid=True)
    target = BytesIO()
    write_mo(target, messages)
    return target.getvalue()


class CatalogueHook(BuildHookInterface[Any]):
    """An editable install runs from the tree, so its files are written there, where git ignores them. A wheel is made
    without a trace in the tree, and takes nothing that an earlier install has left in it.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        root = Path(self.root)
        self.folder = TemporaryDirectory()
        for catalogue in sorted(root.glob(CATALOGUES)):
            inside = catalogue.relative_to(root).with_suffix(".mo")
            if version == "editable":
                (root / inside).write_bytes(compiled(catalogue))
            else:
                made = Path(self.folder.name, *inside.parts[1:])
                made.parent.mkdir(parents=True)
                made.write_bytes(compiled(catalogue))
                build_data["force_include"][str(made)] = inside.as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called by hatchling when the wheel is made."""
        self.folder.cleanup()
