"""Lists that are edited as rows: a table of small forms, which works without JavaScript; with it, rows are added."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import DELETION_FIELD_NAME, ORDERING_FIELD_NAME
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    BaseFormSet = forms.BaseFormSet[forms.Form]
else:
    BaseFormSet = forms.BaseFormSet

MOST_LINES_SHOWN = 8


def with_plain_line_ends(text: str) -> str:
    """Text as it was before a browser made CRLF of its line ends."""
    return re.sub(r"\r\n?", "\n", text)


def in_one_line(text: str) -> str:
    """Text as a browser shows it in a field that has one line only."""
    return re.sub(r"[\r\n]", "", text)


class LongText(forms.CharField):
    """Text of any length in a row: its box is as high as it needs to be, within reason."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, widget=forms.Textarea({"rows": 1}), **options)

    def get_bound_field(self, form: Any, field_name: str) -> Any:
        """Django's own, with the box fitted to its text."""
        bound = super().get_bound_field(form, field_name)
        lines = str(bound.value() or "").count("\n") + 1
        self.widget.attrs["rows"] = min(lines, MOST_LINES_SHOWN)
        return bound


class BaseRows(BaseFormSet):
    """All rows of one field. A row whose ``clean`` returns nothing is an empty one."""

    def kept(self) -> Iterator[Any]:
        """The rows that are neither empty nor deleted, in the order that was chosen."""
        rows = [row for row in self.forms if row.cleaned_data and not row.cleaned_data.get(DELETION_FIELD_NAME)]
        return iter(sorted(rows, key=self._place) if self.can_order else rows)

    def _place(self, row: Any) -> tuple[bool, int, int]:
        """Typing 1 into the third row moves it before the first; typing 3 into the first, behind the third."""
        position = self.forms.index(row) + 1
        order = row.cleaned_data.get(ORDERING_FIELD_NAME)
        if order is None:
            return True, position, 0
        return False, order, (order > position) - (order < position)


class RowsWidget(forms.Widget):
    """Renders rows of ``formset``; a few empty ones are always there."""

    template_name = "django_chatkit/admin/rows.html"
    use_fieldset = True
    formset: Any
    words: Any

    class Media:
        css = {"all": ["django_chatkit/admin/pages.css", "django_chatkit/admin/rows.css"]}  # noqa: RUF012 - Django's own way to write it
        js = (forms.Script("django_chatkit/admin/rows.js", defer=True),)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """``value`` is the initial data of rows, or the submitted rows with their errors."""
        rows = value if isinstance(value, BaseRows) else self.formset(prefix=name, initial=value)
        if rows.is_bound:
            rows.full_clean()  # Rows find their own errors, but only all of them together see a name used twice.
        return {"rows": rows, "attrs": attrs or {}, "words": self.words}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The submitted rows."""
        return self.formset(data, prefix=name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: a form whose rows are all gone means that nothing is left."""
        return False


class RowsField(forms.Field):
    """What is stored as JSON and edited as rows."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    if TYPE_CHECKING:

        def rows_of(self, value: object) -> list[dict[str, Any]]:
            """What is stored, as the initial data of rows."""

        def value_of(self, rows: Any) -> Any:
            """What valid rows say, as it is to be stored."""

    def prepare_value(self, value: Any) -> Any:
        """What is stored becomes rows; what was submitted has them already."""
        return value if isinstance(value, BaseRows) else self.rows_of(value)

    def to_python(self, value: Any) -> Any:
        """The value of valid rows; the rows themselves show what is wrong with them."""
        if not value.is_valid():
            raise ValidationError(list(value.non_form_errors()) or _("Correct the rows that are marked."))
        return self.value_of(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Unlike ``==``, tells 1 from 1.0 and from yes, and sees a new order."""
        return super().has_changed(initial, data) or json.dumps(initial) != json.dumps(self.to_python(data))
