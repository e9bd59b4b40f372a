"""Our list of ChatKit's locales is that of its types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from django_chatkit.locales import SUPPORTED

pytestmark = pytest.mark.browser

TYPES = Path(__file__).parent / "node_modules/@openai/chatkit/types/index.d.ts"


def members(union: str, source: str) -> list[str]:
    """The strings of a TypeScript union, those of the unions in it included."""
    (body,) = re.findall(rf"^export type {union} =(.*?);", source, re.MULTILINE | re.DOTALL)
    named = [
        name for part in re.findall(r"\b[A-Z]\w+\b", re.sub("'[^']*'", "", body)) for name in members(part, source)
    ]
    return named + re.findall("'([^']*)'", body)


def test_the_locales_are_those_of_the_types() -> None:
    assert sorted(SUPPORTED) == sorted(members("SupportedLocale", TYPES.read_text(encoding="utf-8")))
