"""Secrets, languages and texts."""

from __future__ import annotations

import copy
import json
import pickle
from string import Formatter

import pytest
from django.conf import settings
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.locales import SUPPORTED, chatkit_locale
from django_chatkit.redaction import Secret
from django_chatkit.texts import widget_texts

from .anything import texts


@given(texts.filter(bool))
def test_a_secret_is_its_text_and_never_shows_it(text: str) -> None:
    secret = Secret(text)
    assert secret == text == str(secret)
    assert json.dumps([secret]) == json.dumps([text])
    shown = {repr(secret), ascii(secret), f"{secret!r}", "%r" % (secret,), repr([secret])[1:-1]}  # noqa: UP031
    assert shown == {"Secret('********')"}
    assert copy.deepcopy({"key": [secret]})["key"][0] is secret
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps([secret])


codes = st.sampled_from([code for code, _ in settings.LANGUAGES] + list(SUPPORTED))
odd_codes = st.builds("{}{}{}".format, codes, st.sampled_from(["", "-", "_", "--", "-x"]), texts)


@given(texts | codes | odd_codes)
def test_every_language_has_a_locale_that_chatkit_knows(code: str) -> None:
    locale = chatkit_locale(code)
    assert locale in SUPPORTED
    assert chatkit_locale(code.upper().replace("-", "_")) == locale
    assert chatkit_locale(locale).split("-")[0] == locale.split("-")[0]


@pytest.mark.parametrize("code", [code for code, _ in settings.LANGUAGES])
def test_every_language_has_every_text_with_its_blanks(code: str) -> None:
    with override("en"):
        english = widget_texts()
    with override(code):
        told = widget_texts()
    assert told.keys() == english.keys()
    for name, text in told.items():
        assert text.strip()
        assert fields(text) == fields(english[name])


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)
