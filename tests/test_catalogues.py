"""The catalogues: complete, faithful to the placeholders, and read by visitors.

They hold what visitors can read, and not the admin's texts. What people have compiled by an earlier install does not
count here: the tests compile for themselves.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from django.template import Context, Template
from django.utils.translation import gettext, override

import django_chatkit
from django_chatkit.models import Workflow
from django_chatkit.texts import widget_texts
from django_chatkit.views.troubles import WorkflowNotFound
from hatch_build import compiled

PACKAGE = Path(django_chatkit.__file__).parent
LANGUAGES = {
    "ar": "ar", "de": "de", "es": "es", "fr": "fr", "it": "it", "ja": "ja", "pt-br": "pt_BR", "zh-hans": "zh_Hans",
}  # fmt: skip
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)[sd]|%[sd]")


def visitors_texts() -> set[str]:
    """Every text that is marked for translation where visitors may read it."""
    server = set((PACKAGE / "server").rglob("*.py")) - {PACKAGE / "server" / "inspection.py"}  # that one is for admins
    sources = {PACKAGE / "texts.py", *(PACKAGE / "views").rglob("*.py"), *server}
    marked = {str(found[1]) for source in sources for found in extract_from_file("python", source)}
    template = (PACKAGE / "templates" / "django_chatkit" / "chatkit.html").read_text(encoding="utf-8")
    return marked | set(re.findall(r'{% translate "([^"]*)" %}', template))


def source_of(name: str) -> Path:
    return PACKAGE / "locale" / name / "LC_MESSAGES" / "django.po"


@pytest.fixture(params=LANGUAGES.values())
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with source_of(request.param).open("rb") as source:
        return read_po(source, locale=request.param, abort_invalid=True)


@pytest.fixture
def in_force(tmp_path: Path, settings: Any) -> None:
    """The catalogues as they are now, whatever an install has compiled before."""
    for name in LANGUAGES.values():
        folder = tmp_path / name / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "django.mo").write_bytes(compiled(source_of(name)))
    settings.LOCALE_PATHS = [tmp_path]


def test_there_is_one_for_each_language() -> None:
    assert {path.name for path in (PACKAGE / "locale").iterdir()} == set(LANGUAGES.values())


def test_it_has_every_text_of_visitors_and_no_other(catalogue: Catalog) -> None:
    assert {message.id for message in catalogue if message.id} == visitors_texts()


def test_every_text_is_translated(catalogue: Catalog) -> None:
    assert not [message.id for message in catalogue if message.id and (message.fuzzy or not message.string)]
    assert not catalogue.obsolete


def test_placeholders_are_kept(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            assert PLACEHOLDER.findall(message.string) == PLACEHOLDER.findall(message.id), message.id


def test_sentences_end_as_sentences(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            assert message.string == message.string.strip()
            assert message.string.endswith((".", "。")) == message.id.endswith("."), message.id


@pytest.mark.usefixtures("in_force")
@pytest.mark.parametrize(("language", "name"), LANGUAGES.items())
def test_a_page_has_the_texts_of_its_language(language: str, name: str) -> None:
    with source_of(name).open("rb") as source:
        translated = {message.id: message.string for message in read_po(source, locale=name)}
    with override("en"):
        english = widget_texts()
    with override(language):
        html = Template("{% load django_chatkit %}{% chatkit workflow %}").render(
            Context({"workflow": Workflow(slug="a")})
        )
        assert widget_texts() == {text: translated[english[text]] for text in english}
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in html
    assert f"<noscript>{translated['The chat needs JavaScript.']}</noscript>" in unescape(html)


@pytest.mark.usefixtures("in_force")
@pytest.mark.parametrize(("code", "language"), [("de-ch", "de"), ("es-mx", "es"), ("fr-ca", "fr"), ("ar-dz", "ar")])
def test_a_country_reads_its_language(code: str, language: str) -> None:
    with override(language):
        expected = gettext("Open the chat")
    with override(code):
        assert gettext("Open the chat") == expected != "Open the chat"


@pytest.mark.usefixtures("in_force")
def test_a_refusal_is_in_the_callers_language() -> None:
    with override("ja"):
        assert str(WorkflowNotFound().detail) == "このチャットは存在しません。"
