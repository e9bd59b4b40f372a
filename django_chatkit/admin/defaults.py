"""Yes/no settings that may be unset: OpenAI's default is shown as such, and never looks like "off"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.utils.translation import gettext_lazy as _

#: What OpenAI does where a setting is left out: the API reference of ``POST /v1/chatkit/sessions``.
OPENAI_DEFAULTS = {
    "automatic_thread_titling_enabled": True,
    "file_upload_enabled": False,
    "history_enabled": True,
    "tracing_enabled": True,
}

_WORDS = {True: _("on"), False: _("off")}
_DEFAULT_WORDS = {True: _("OpenAI's default (on)"), False: _("OpenAI's default (off)")}


class DefaultableSelect(forms.NullBooleanSelect):
    """A choice of OpenAI's default, on, and off. ``name`` is a key of ``OPENAI_DEFAULTS``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        default = _DEFAULT_WORDS[OPENAI_DEFAULTS[name]]
        self.choices = [("unknown", default), ("true", _WORDS[True]), ("false", _WORDS[False])]


class DefaultableFilter(admin.BooleanFieldListFilter):
    """Filters by on, off and unset, in the words of the select."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Django's own choices: all, yes, no and unknown."""
        words = (_("All"), _WORDS[True], _WORDS[False], _DEFAULT_WORDS[OPENAI_DEFAULTS[str(self.field_path)]])
        for choice, word in zip(super().choices(changelist), words, strict=True):
            yield {**choice, "display": word}


def defaultable_column(model: type[models.Model], name: str) -> Callable[[Any], Any]:
    """A sortable column for ``list_display`` that says the same as the select."""

    @admin.display(description=model._meta.get_field(name).verbose_name, ordering=name)  # type: ignore[union-attr]
    def column(obj: models.Model) -> Any:
        value = getattr(obj, name)
        return _DEFAULT_WORDS[OPENAI_DEFAULTS[name]] if value is None else _WORDS[value]

    return column
