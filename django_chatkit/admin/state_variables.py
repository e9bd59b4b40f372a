"""State variables as rows of name, type, value, and whether a page may set it: edited instead of two JSON columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..validators import MAX_NAME_LENGTH, MAX_STATE_VARIABLES, validate_names, validate_state_variables
from .rows import BaseRows, LongText, RowsField, RowsWidget, in_one_line, with_plain_line_ends

MOST_ROWS_READ = 3 * MAX_STATE_VARIABLES  # room for rows that are empty or deleted

#: Among the types of a row: no value of the workflow's own, only a name that a page may set.
PAGE_ONLY = "page"


class Kind(TextChoices):
    """The types that OpenAI takes, in an administrator's words."""

    TEXT = "text", _("text")
    INTEGER = "integer", _("whole number")
    NUMBER = "number", _("number")
    BOOLEAN = "boolean", _("yes/no")


#: What a row may choose.
TYPES = [*Kind.choices, (PAGE_ONLY, _("set by the page only"))]


def kind_of(value: object) -> Kind | None:
    """The type of a stored value, or ``None`` for one that should never have been stored."""
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER
    return Kind.NUMBER if isinstance(value, float) else None


def text_of(value: object) -> str:
    """A value as it is typed into a row, and as read-only pages show it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if kind_of(value) is Kind.NUMBER:
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def _parse_integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text.strip()):
        raise ValidationError(gettext("Write a whole number, such as 10 or -3."))
    return int(text)


def _parse_number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text.strip()):
        raise ValidationError(gettext("Write a number with a decimal point, such as 0.5 or 1e-7."))
    return float(text)


def _parse_boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in {gettext("yes").lower(), "yes", "true"}:
        return True
    if word in {gettext("no").lower(), "no", "false"}:
        return False
    raise ValidationError(gettext("Write yes or no."))


PARSERS: dict[str, Callable[[str], str | int | float | bool]] = {
    Kind.TEXT: with_plain_line_ends,
    Kind.INTEGER: _parse_integer,
    Kind.NUMBER: _parse_number,
    Kind.BOOLEAN: _parse_boolean,
}


class RowForm(forms.Form):
    """One state variable. After validation ``cleaned_data["value"]`` has the row's type."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=MAX_NAME_LENGTH,
        widget=forms.TextInput({"autocapitalize": "off", "autocomplete": "off", "spellcheck": "false"}),
    )
    type = forms.ChoiceField(
        label=_("Type"),
        required=False,
        choices=TYPES,
        initial=Kind.TEXT,
    )
    value = LongText(label=_("Value"))
    client = forms.BooleanField(label=_("A page may set it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self["type"].value():
            # A stored value of no known type: nothing is chosen, so that saving cannot quietly turn it into text.
            select: Any = self.fields["type"].widget
            select.choices = [("", "—"), *select.choices]

    def clean(self) -> dict[str, Any]:
        """A row without a name and a value is no row; any other needs both, unless only pages set its value."""
        data = self.cleaned_data
        if not data.get("name") and not data.get("value", "").strip():
            return {}
        if data.get("name") == "":
            self.add_error("name", _("Give this state variable a name."))
        if data.get("type") == "":
            self.add_error("type", _("Choose a type."))
        if "type" in data and "value" in data:
            self._read_value(data)
        return data

    def _read_value(self, data: dict[str, Any]) -> None:
        if data["type"] == PAGE_ONLY:
            data["client"] = True
            if data["value"].strip():
                self.add_error("value", _("Only the page sets it: leave this empty, or choose the type of the value."))
            return
        try:
            data["value"] = PARSERS[data["type"]](data["value"])
            validate_state_variables({data.get("name") or "-": data["value"]})
        except ValidationError as err:
            self.add_error("value", err)


class BaseVariableRows(BaseRows):
    """All rows of one workflow."""

    def clean(self) -> None:
        """Each name may be used once."""
        seen: set[str] = set()
        for row in self.kept():
            name = row.cleaned_data.get("name")
            if name in seen:
                row.add_error("name", _("Another row has this name."))
            seen.add(name)

    def variables(self) -> dict[str, Any]:
        """Names and values of valid rows, in their order."""
        rows = (row.cleaned_data for row in self.kept())
        return {row["name"]: row["value"] for row in rows if row["type"] != PAGE_ONLY}

    def client_names(self) -> list[str]:
        """The names that a page may set."""
        return [row.cleaned_data["name"] for row in self.kept() if row.cleaned_data["client"]]


Rows: Any = forms.formset_factory(
    RowForm,
    formset=BaseVariableRows,
    extra=3,
    can_delete=True,
    max_num=MAX_STATE_VARIABLES,
    absolute_max=MOST_ROWS_READ,
)


class StateVariablesWidget(RowsWidget):
    """Rows whose value is chosen where it can only be yes or no, and hidden where there is none."""

    template_name = "django_chatkit/admin/state_variables.html"
    formset = Rows
    words = {"all": _("State variables"), "add": _("Add another state variable")}  # noqa: RUF012

    class Media:
        js = (forms.Script("django_chatkit/admin/state_variables.js", defer=True),)


class StateVariablesField(RowsField):
    """A dictionary of state variables; ``client_names``, after validation, are those that a page may set.

    Call ``remember`` with what is stored now, so that it comes back unchanged.
    """

    widget = StateVariablesWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.remember({}, [])

    def remember(self, variables: object, client_names: object) -> None:
        """What is stored in both columns."""
        self._variables: dict[str, Any] = variables if isinstance(variables, dict) else {}
        names = client_names if isinstance(client_names, list) else []
        self._names = list(dict.fromkeys(name for name in names if isinstance(name, str)))
        self.client_names = self._names

    def rows_of(self, value: object) -> list[dict[str, Any]]:
        """The workflow's own variables first, then the names that have no value of their own."""
        return list(rows_of(value, self._names))

    def value_of(self, rows: Any) -> dict[str, Any]:
        """Every name and text that nobody touched is the one that is stored."""
        names = {_as_typed(name): name for name in (*self._names, *self._variables)}
        chosen = [names.get(name, name) for name in rows.client_names()]
        self.client_names = [name for name in self._names if name in chosen]
        self.client_names += [name for name in chosen if name not in self._names]
        validate_names(self.client_names)
        return {names.get(name, name): self._as_stored(names.get(name), new) for name, new in rows.variables().items()}

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the variables changed, or which of them a page may set."""
        return super().has_changed(initial, data) or self.client_names != self._names

    def _as_stored(self, name: str | None, value: Any) -> Any:
        """Browsers change the line ends of text that nobody touched."""
        old = self._variables.get(name) if name is not None else None
        untouched = isinstance(old, str) and isinstance(value, str) and with_plain_line_ends(old) == value
        return old if untouched else value


def rows_of(variables: object, client_names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Stored variables as the initial data of rows."""
    stored = variables if isinstance(variables, dict) else {}
    for name, value in stored.items():
        yield {
            "name": name,
            "type": kind_of(value) or "",
            "value": text_of(value),
            "client": name in client_names,
        }
    for name in client_names:
        if name not in stored:
            yield {"name": name, "type": PAGE_ONLY, "value": "", "client": True}


def _as_typed(name: str) -> str:
    return in_one_line(name).strip()
