"""Every language of Django's has one of ChatKit's."""

from __future__ import annotations

import pytest
from django.conf import global_settings
from django.template import Context, Template
from django.utils.translation import override

from django_chatkit.locales import SUPPORTED, chatkit_locale
from django_chatkit.models import Workflow

#: The languages of Django that ChatKit has texts in under the same code are not listed.
OTHERS = {
    "ar-dz": "ar", "ast": "es-ES", "br": "fr-FR", "dsb": "de", "es": "es-ES", "es-ar": "es-419", "es-co": "es-419",
    "es-mx": "es-419", "es-ni": "es-419", "es-ve": "es-419", "eu": "es-ES", "fr": "fr-FR", "fy": "nl", "gl": "es-ES",
    "hsb": "de", "lb": "de", "nn": "nb", "os": "ru", "pt": "pt-PT", "sr-latn": "sr", "tt": "ru", "udm": "ru",
    "zh-hans": "zh-CN", "zh-hant": "zh-TW",
}  # fmt: skip
#: Those that ChatKit does not know at all. Later versions of Django may have more of them.
IN_ENGLISH = {
    "af", "az", "be", "ckb", "cy", "en-au", "en-gb", "eo", "fa", "ga", "gd", "he", "ht", "ia", "ig", "io", "kab",
    "km", "ky", "ne", "tg", "tk", "ug", "uz",
}  # fmt: skip
LANGUAGES = [code for code, _ in global_settings.LANGUAGES]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_of_django_is_one_that_chatkit_knows(code: str) -> None:
    locale = chatkit_locale(code)
    assert locale in SUPPORTED
    assert locale.lower() == ("en" if code in IN_ENGLISH else OTHERS.get(code, code).lower())


@pytest.mark.parametrize("locale", SUPPORTED)
def test_every_locale_of_chatkit_can_be_had(locale: str) -> None:
    has_countries = {"es": "es-ES", "fr": "fr-FR", "pt": "pt-PT", "zh": "zh-CN", "zh-Hant": "zh-TW"}
    assert chatkit_locale(locale) == has_countries.get(locale, locale)


@pytest.mark.parametrize(
    ("code", "locale"),
    [
        ("de-ch", "de"), ("de-x-simple", "de"), ("en-us", "en"), ("es-es", "es-ES"), ("es-cl", "es-419"),
        ("es-us", "es-419"), ("es-gq", "es-ES"), ("fil", "tl"), ("fr-be", "fr-FR"), ("fr-ca", "fr-CA"),
        ("nb-no", "nb-NO"), ("no", "nb"), ("nn-no", "nb"), ("pt-ao", "pt-PT"), ("pt_BR", "pt-BR"), ("PT-br", "pt-BR"),
        ("sr-cyrl-rs", "sr"), ("yue", "zh-HK"), ("zh", "zh-CN"), ("zh-cn", "zh-CN"), ("zh-hans-sg", "zh-CN"),
        ("zh-hant-hk", "zh-HK"), ("zh-hk", "zh-HK"), ("zh-mo", "zh-HK"), ("zh-sg", "zh-CN"), ("zh_Hant", "zh-TW"),
        ("tlh", "en"), ("x-klingon", "en"), ("", "en"),
    ],
)  # fmt: skip
def test_codes_of_a_project_have_the_nearest(code: str, locale: str) -> None:
    assert chatkit_locale(code) == locale


@pytest.mark.parametrize("code", LANGUAGES)
def test_right_to_left_languages_are_said_to_be(code: str) -> None:
    context = Context({"workflow": Workflow(slug="support")})
    with override(code):
        html = Template("{% load django_chatkit %}{% chatkit workflow %}").render(context)
    direction = "rtl" if code in global_settings.LANGUAGES_BIDI else "ltr"
    assert f'lang="{code}" dir="{direction}"' in html
