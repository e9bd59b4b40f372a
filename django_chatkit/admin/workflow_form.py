"""The form of a workflow: rows instead of JSON, and names of keys instead of keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..models import Workflow
from .defaults import DefaultableSelect
from .state_variables import StateVariablesField

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[Workflow]
else:
    BaseForm = forms.ModelForm


class NamesField(forms.CharField):
    """A list of names, one a line."""

    widget = forms.Textarea({"rows": 3, "cols": 40, "spellcheck": "false"})

    def prepare_value(self, value: object) -> object:
        """What is stored is a list; what was submitted is text already."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The names without outer spaces; empty lines do not count."""
        return [name.strip() for name in re.split(r"[\r\n]+", value or "") if name.strip()]


class WorkflowForm(BaseForm):
    """What the admin shows of a workflow. The model's own rules are checked as well."""

    state_variables = StateVariablesField(
        label=_("State variables"),
        help_text=_(
            "What the workflow is told on every page: at most 64 variables, with names of at most 64 characters. "
            "Write numbers with a decimal point (0.5). Empty rows are ignored."
        ),
    )
    client_state_variables = NamesField(
        label=_("State variables the browser may set"),
        required=False,
        help_text=_(
            "One name a line. A page may set these, and no others; the rows above are their defaults. "
            "Visitors can change what a page sends: never list one that a permission depends on."
        ),
    )

    class Meta:
        widgets = {  # noqa: RUF012 - Django's own way to write it
            "api_key": forms.Select,
            "tracing_enabled": DefaultableSelect("tracing_enabled"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.instance.state_variables, dict):
            rows: Any = self.fields["state_variables"]
            rows.stored = self.instance.state_variables
        if "api_key" in self.fields:
            select: Any = self.fields["api_key"].widget
            select.choices = list(_key_names(self.instance.api_key))

    def clean(self) -> dict[str, Any]:
        """A workflow is open to everybody or to groups, not both."""
        data = super().clean() or {}
        if data.get("allow_anonymous") and data.get("groups"):
            self.add_error(
                "allow_anonymous",
                _("Visitors who are not logged in belong to no group. Clear this, or remove the groups."),
            )
        return data


def _key_names(stored: str) -> Iterator[tuple[str, Any]]:
    """The names an administrator may choose; a stored one that the settings have lost stays visible."""
    yield "", _("default key") if conf.API_KEY else _("default key (the settings have none)")
    yield from ((name, name) for name in conf.API_KEYS)
    if stored and stored not in conf.API_KEYS:
        yield stored, _("%(name)s (no longer in the settings)") % {"name": stored}
