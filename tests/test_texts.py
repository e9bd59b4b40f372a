"""What visitors read, and what only developers do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

import django_chatkit
from django_chatkit.texts import widget_texts

MODULES = Path(django_chatkit.__file__).parent / "static" / "django_chatkit" / "django-chatkit"
SCRIPTS = "".join(path.read_text(encoding="utf-8") for path in sorted(MODULES.glob("*.js")))


def test_visitors_are_not_told_what_is_for_developers() -> None:
    assert not [text for name, text in widget_texts().items() if name.endswith("_debug") or "DEBUG" in text]


def test_developers_are_told_more_about_some_of_it(settings: Any) -> None:
    before = widget_texts()
    settings.DEBUG = True
    texts = widget_texts()
    more = {name: texts[name] for name in texts.keys() - before.keys()}
    assert {name.removesuffix("_debug") for name in more} < before.keys()
    assert all(text.startswith("DEBUG: ") for text in more.values())
    assert "allowlist" in more["blank_debug"]


@pytest.mark.parametrize("name", ["busy", "throttled", "wait"])
def test_when_to_try_again_has_a_place_in_the_text(name: str) -> None:
    assert widget_texts()[name].count("{when}") == 1


def test_no_other_text_has_a_place_for_anything() -> None:
    assert {name for name, text in widget_texts().items() if "{" in text} == {"busy", "throttled", "wait"}


def test_the_element_uses_each_of_them() -> None:
    assert not [name for name in widget_texts() if not re.search(rf'\btexts\.{name}\b|"{name}"', SCRIPTS)]


def test_they_are_translated_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_chatkit.texts._", str.upper)
    with override("de"):
        assert widget_texts()["again"] == "TRY AGAIN"
