"""State variables as rows of name, type and value, which is what an administrator edits instead of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.forms.formsets import DELETION_FIELD_NAME
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..validators import MAX_NAME_LENGTH, MAX_STATE_VARIABLES, validate_state_variables

MOST_LINES_SHOWN = 8
MOST_ROWS_READ = 3 * MAX_STATE_VARIABLES  # room for rows that are empty or deleted


class Kind(TextChoices):
    """The types that OpenAI takes, in an administrator's words."""

    TEXT = "text", _("text")
    INTEGER = "integer", _("whole number")
    NUMBER = "number", _("number")
    BOOLEAN = "boolean", _("yes/no")


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


def _parse_text(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text)


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
    Kind.TEXT: _parse_text,
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
    type = forms.ChoiceField(label=_("Type"), required=False, choices=Kind.choices, initial=Kind.TEXT)
    value = forms.CharField(label=_("Value"), required=False, strip=False, widget=forms.Textarea({"rows": 1}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = str(self["value"].value() or "").count("\n") + 1
        self.fields["value"].widget.attrs["rows"] = min(lines, MOST_LINES_SHOWN)
        if not self["type"].value():
            # A stored value of no known type: nothing is chosen, so that saving cannot quietly turn it into text.
            self.fields["type"].widget.choices = [("", "—"), *Kind.choices]

    def clean(self) -> dict[str, Any]:
        """A row without a name and a value is no row; any other needs all three."""
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
        try:
            data["value"] = PARSERS[data["type"]](data["value"])
            validate_state_variables({data.get("name") or "-": data["value"]})
        except ValidationError as err:
            self.add_error("value", err)


if TYPE_CHECKING:
    RowFormSet = forms.BaseFormSet[RowForm]
else:
    RowFormSet = forms.BaseFormSet


class BaseRows(RowFormSet):
    """All rows of one workflow."""

    def clean(self) -> None:
        """Each name may be used once."""
        seen: set[str] = set()
        for row in self._kept():
            name = row.cleaned_data["name"]
            if name in seen:
                row.add_error("name", _("Another row has this name."))
            seen.add(name)

    def variables(self) -> dict[str, Any]:
        """What valid rows say, in their order."""
        return {row.cleaned_data["name"]: row.cleaned_data["value"] for row in self._kept()}

    def _kept(self) -> Iterator[RowForm]:
        for row in self.forms:
            if row.cleaned_data.get("name") and not row.cleaned_data.get(DELETION_FIELD_NAME):
                yield row


Rows = cast(
    "type[BaseRows]",
    forms.formset_factory(
        RowForm, formset=BaseRows, extra=3, can_delete=True, max_num=MAX_STATE_VARIABLES, absolute_max=MOST_ROWS_READ
    ),
)


def rows_of(variables: object) -> list[dict[str, Any]]:
    """Stored variables as the initial data of rows."""
    stored = variables if isinstance(variables, dict) else {}
    return [{"name": name, "type": kind_of(value) or "", "value": text_of(value)} for name, value in stored.items()]


class RowsWidget(forms.Widget):
    """Renders the rows; a few empty ones work without JavaScript, which adds more."""

    template_name = "django_chatkit/admin/state_variables.html"
    use_fieldset = True

    class Media:
        css = {"all": ["django_chatkit/admin/pages.css"]}  # noqa: RUF012 - Django's own way to write it
        js = (forms.Script("django_chatkit/admin/state_variables.js", defer=True),)

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """``value`` is what is stored, or the submitted rows with their errors."""
        rows = value if isinstance(value, BaseRows) else Rows(prefix=name, initial=rows_of(value))
        if rows.is_bound:
            rows.full_clean()  # Rows find their own errors, but only all of them together see a name used twice.
        return {"rows": rows, "attrs": attrs or {}}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> BaseRows:
        """The submitted rows."""
        return Rows(data, prefix=name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: a form whose rows are all gone means that no variables are left."""
        return False


class StateVariablesField(forms.Field):
    """A dictionary of state variables. Set ``stored`` to what is stored now, so that it comes back unchanged."""

    widget = RowsWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.stored: dict[str, Any] = {}

    def to_python(self, value: Any) -> dict[str, Any]:
        """The variables of valid rows; the rows themselves show what is wrong with them."""
        if not value.is_valid():
            raise ValidationError(list(value.non_form_errors()) or _("Correct the rows that are marked."))
        return dict(_as_stored(value.variables(), self.stored))

    def has_changed(self, initial: object, data: object) -> bool:
        """Unlike ``==``, tells 1 from 1.0 and from yes, and sees a new order."""
        return super().has_changed(initial, data) or json.dumps(initial) != json.dumps(self.to_python(data))


def _as_stored(variables: dict[str, Any], stored: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Undo what a browser does to text nobody touched: it changes line endings, and names lose outer spaces."""
    originals = {_as_typed(name): (name, value) for name, value in stored.items()}
    for name, value in variables.items():
        old_name, old = originals.get(name, (name, None))
        untouched = isinstance(old, str) and isinstance(value, str) and _parse_text(old) == value
        yield old_name, old if untouched else value


def _as_typed(name: str) -> str:
    return re.sub(r"[\r\n]", "", name).strip()
