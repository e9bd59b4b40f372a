"""Django's languages in ChatKit's words: ``SupportedLocale`` of ``@openai/chatkit``."""

from __future__ import annotations

#: Every locale that ChatKit shows without falling back to English.
SUPPORTED = (
    "am", "ar", "bg-BG", "bn-BD", "bs-BA", "ca-ES", "cs-CZ", "da-DK", "de-DE", "el-GR", "es-419", "es-ES", "et-EE",
    "fi-FI", "fr-CA", "fr-FR", "gu-IN", "hi-IN", "hr-HR", "hu-HU", "hy-AM", "id-ID", "is-IS", "it-IT", "ja-JP", "ka-GE",
    "kk", "kn-IN", "ko-KR", "lt", "lv-LV", "mk-MK", "ml", "mn", "mr-IN", "ms-MY", "my-MM", "nb-NO", "nl-NL", "pa",
    "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "sl-SI", "so-SO", "sq-AL", "sr-RS", "sv-SE", "sw-TZ", "ta-IN",
    "te-IN", "th-TH", "tl", "tr-TR", "uk-UA", "ur", "vi-VN", "zh-CN", "zh-HK", "zh-TW",
    "bg", "bn", "bs", "ca", "cs", "da", "de", "el", "es", "et", "fi", "fr", "gu", "hi", "hr", "hu", "hy", "id", "is",
    "it", "ja", "ka", "kn", "ko", "lv", "mk", "mr", "ms", "my", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "so",
    "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "vi", "zh", "zh-Hant", "en",
)  # fmt: skip

_BY_CODE = {locale.lower(): locale for locale in SUPPORTED}
_LATIN_AMERICA = (
    "ar", "bo", "cl", "co", "cr", "cu", "do", "ec", "gt", "hn", "mx", "ni", "pa", "pe", "pr", "py", "sv", "us", "uy",
    "ve",
)  # fmt: skip
#: Codes that mean another one of ChatKit's than their own letters say.
_NEAREST = {
    # Where Django's catalogue is that of one country, and ChatKit has several.
    "es": "es-ES",
    "fr": "fr-FR",
    "pt": "pt-PT",
    "zh": "zh-CN",
    **{f"es-{country}": "es-419" for country in _LATIN_AMERICA},
    # Scripts, where ChatKit has countries.
    "zh-hans": "zh-CN",
    "zh-hant": "zh-TW",
    **dict.fromkeys(("zh-hant-hk", "zh-hant-mo", "zh-mo", "yue"), "zh-HK"),
    # The same language, or one that everybody who reads this one reads, too.
    "fil": "tl",
    "nn": "nb",
    "no": "nb",
    **dict.fromkeys(("ast", "eu", "gl"), "es-ES"),
    "br": "fr-FR",
    "fy": "nl",
    **dict.fromkeys(("dsb", "hsb", "lb"), "de"),
    **dict.fromkeys(("os", "tt", "udm"), "ru"),
}


def chatkit_locale(language: str) -> str:
    """The locale of ChatKit that is nearest to a code of ``LANGUAGES``: ``pt-br`` is ``pt-BR``, ``de-at`` is ``de``.

    A language that ChatKit has no texts in, nor in one close to it, is ``en``.
    """
    code = language.lower().replace("_", "-")
    while code:
        if found := _NEAREST.get(code) or _BY_CODE.get(code):
            return found
        code = code.rpartition("-")[0]
    return "en"
