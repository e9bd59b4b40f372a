"""Settings that may be unset: the default is shown as such, and never looks like "off", nothing or 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.utils.translation import gettext_lazy as _

_ON = _("OpenAI's default (on)")
_OFF = _("OpenAI's default (off)")

#: What happens where a setting is left out: the API reference of ``POST /v1/chatkit/sessions``. Presets mean the same
#: on this site; traces do not, because they take conversations to OpenAI.
DEFAULT_WORDS = {
    "automatic_thread_titling_enabled": _ON,
    "file_upload_enabled": _OFF,
    "history_enabled": _ON,
    "tracing_enabled": _("default (on at OpenAI, off on this site)"),
}

#: The same of numbers.
DEFAULT_NUMBERS = {
    "expires_after": _("default: 600"),
    "max_requests_per_1_minute": _("default: 10"),
    "file_upload_max_file_size": _("default: 512"),
    "file_upload_max_files": _("default: 10"),
    "history_recent_threads": _("default: no limit"),
}

_WORDS = {True: _("on"), False: _("off")}


class DefaultableSelect(forms.NullBooleanSelect):
    """A choice of the default, on, and off. ``name`` is a key of ``DEFAULT_WORDS``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.choices = [("unknown", DEFAULT_WORDS[name]), ("true", _WORDS[True]), ("false", _WORDS[False])]


def show_default_numbers(form: forms.BaseForm) -> None:
    """Empty numbers of this form say what they mean."""
    for name in DEFAULT_NUMBERS.keys() & form.fields.keys():
        form.fields[name].widget.attrs["placeholder"] = DEFAULT_NUMBERS[name]


class DefaultableFilter(admin.BooleanFieldListFilter):
    """Filters by on, off and unset, in the words of the select."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Django's own choices: all, yes, no and unknown."""
        words = (_("All"), _WORDS[True], _WORDS[False], DEFAULT_WORDS[str(self.field_path)])
        for choice, word in zip(super().choices(changelist), words, strict=True):
            yield {**choice, "display": word}


def defaultable_column(model: type[models.Model], name: str) -> Callable[[Any], Any]:
    """A sortable column for ``list_display`` that says the same as the select, or as the empty number."""

    @admin.display(description=model._meta.get_field(name).verbose_name, ordering=name)  # type: ignore[union-attr]
    def column(obj: models.Model) -> Any:
        value = getattr(obj, name)
        if name in DEFAULT_NUMBERS:
            return DEFAULT_NUMBERS[name] if value is None else value
        return DEFAULT_WORDS[name] if value is None else _WORDS[value]

    column.__name__ = name
    return column
