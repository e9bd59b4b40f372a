"""Pages that only show: JSON columns become small tables, and unset switches say what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..models import ChatKitConfiguration
from .state_variables import PAGE_ONLY, TYPES, rows_of, text_of

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Any]
else:
    BaseAdmin = admin.ModelAdmin


class ReadableAdmin(BaseAdmin):
    """Shows the fields named in ``readable`` by other means to those who may look, but not change."""

    readable: Mapping[Any, str | Callable[[Any], Any]] = {}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The form's story; where there is no form, without what only a form makes readable."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {**options, "fields": [self.readable.get(name, name) for name in options["fields"]]})
            for title, options in fieldsets
        ]


def variables_table(variables: object, client_names: object = ()) -> SafeString | str:
    """State variables with their types, and which of them a page may set; ``""`` if there are none."""
    names = client_names if isinstance(client_names, list | tuple) else ()
    return _table((row["name"], _type(row), row["value"]) for row in rows_of(variables, names))


def _type(row: Mapping[str, Any]) -> str:
    name = str(dict(TYPES).get(row["type"], ""))
    return _("%s, a page may set it") % name if row["client"] and row["type"] != PAGE_ONLY else name


def configuration_table(configuration: object) -> SafeString | str:
    """A resolved ``chatkit_configuration``, in the words of the preset's form."""
    return _table((_label(path), "", _shown(value)) for path, value in _leaves(configuration))


def _table(rows: Iterable[tuple[str, Any, str]]) -> SafeString | str:
    listed = list(rows)
    return render_to_string("django_chatkit/admin/readonly_table.html", {"rows": listed}) if listed else ""


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if not isinstance(value, dict):
        if path:
            yield path, value
        return
    for name, inner in value.items():
        yield from _leaves(inner, (*path, name))


def _label(path: tuple[str, ...]) -> str:
    try:
        field = ChatKitConfiguration._meta.get_field("_".join(path))
    except FieldDoesNotExist:
        return ".".join(path)
    return str(capfirst(getattr(field, "verbose_name", "")))


def _shown(value: object) -> str:
    if value is None:
        return _("no limit")
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return text_of(value)
