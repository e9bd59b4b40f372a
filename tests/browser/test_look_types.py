"""What the form of a workflow offers is what the component's types know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from django_chatkit.models.look import CHOICES, ICONS

pytestmark = pytest.mark.browser

TYPES = Path(__file__).parent / "node_modules" / "@openai" / "chatkit" / "types" / "index.d.ts"


def words(pattern: str) -> list[str]:
    """The texts that one declaration allows."""
    (declaration,) = re.findall(pattern, TYPES.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall("'([^']+)'", declaration)


def test_icons_are_those_of_the_types() -> None:
    assert sorted(ICONS) == sorted(words(r"^export type ChatKitIcon =(.*?);"))
    assert "`lucide:${string}`" in TYPES.read_text()


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("radius", r"^  radius\?: (.*?);"),
        ("density", r"^  density\?: (.*?);"),
        ("color_scheme", r"^export type ColorScheme = (.*?);"),
    ],
)
def test_choices_are_those_of_the_types(field: str, pattern: str) -> None:
    ours = set(CHOICES[field].values) - {"auto"}  # which is our own: as the visitor's device is set
    assert ours == set(words(pattern))
