"""Starter prompts as rows of label, prompt and icon, in an order that can be changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..models.look import ICONS, is_icon, validate_prompts
from .rows import BaseRows, LongText, RowsField, RowsWidget, in_one_line, with_plain_line_ends
from .state_variables import text_of

MOST_PROMPTS = 100
ICON_LIST = "chatkit-icons"


class PromptForm(forms.Form):
    """One starter prompt."""

    label = forms.CharField(label=_("Label"), required=False, strip=False)
    prompt = LongText(label=_("Prompt"))
    icon = forms.CharField(
        label=_("Icon"),
        required=False,
        widget=forms.TextInput(
            {"list": ICON_LIST, "placeholder": _("none"), "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    def clean(self) -> dict[str, Any]:
        """An empty row is no prompt; any other needs a label and a prompt."""
        data = self.cleaned_data
        if not any(data.get(name, "-").strip() for name in ("label", "prompt", "icon")):
            return {}
        if not data.get("label", "-").strip():
            self.add_error("label", _("Write what the button says."))
        if not data.get("prompt", "-").strip():
            self.add_error("prompt", _("Write the message that the button sends."))
        if data.get("icon") and not is_icon(data["icon"]):
            self.add_error(
                "icon",
                _("ChatKit has no such icon. Choose one of the list, or write one such as lucide:truck."),
            )
        return data


Prompts: Any = forms.formset_factory(
    PromptForm,
    formset=BaseRows,
    extra=3,
    can_delete=True,
    can_order=True,
    max_num=MOST_PROMPTS,
    absolute_max=2 * MOST_PROMPTS,
)


class PromptsWidget(RowsWidget):
    """Rows with a list of ChatKit's own icons to choose from."""

    template_name = "django_chatkit/admin/prompts.html"
    formset = Prompts
    words = {"all": _("Starter prompts"), "add": _("Add another starter prompt")}  # noqa: RUF012

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The rows, and the icons."""
        return {**super().get_context(name, value, attrs), "icons": ICONS, "icon_list": ICON_LIST}


class PromptsField(RowsField):
    """A list of starter prompts. Call ``remember`` with what is stored now, so that it comes back unchanged."""

    widget = PromptsWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.remember([])

    def remember(self, prompts: object) -> None:
        """What is stored, by what a browser makes of it."""
        self._stored = {_typed(prompt): prompt for prompt in prompts_in(prompts) if _is_valid(prompt)}

    def rows_of(self, value: object) -> list[dict[str, Any]]:
        """What is no prompt at all is shown as one that has to be mended."""
        return [
            {name: text_of(prompt[name]) for name in ("label", "prompt", "icon") if name in prompt}
            for prompt in prompts_in(value)
        ]

    def value_of(self, rows: Any) -> list[dict[str, str]]:
        """The prompts in their order; one without an icon has no such key."""
        return [self._as_stored(row.cleaned_data) for row in rows.kept()]

    def _as_stored(self, row: dict[str, Any]) -> dict[str, str]:
        given = {"label": row["label"], "prompt": with_plain_line_ends(row["prompt"]), "icon": row["icon"]}
        prompt = {name: text for name, text in given.items() if text}
        return self._stored.get(_typed(prompt), prompt)


def prompts_in(value: object) -> list[dict[str, Any]]:
    """What is stored, each entry as an object, whatever it is."""
    entries = value if isinstance(value, list) else []
    return [entry if isinstance(entry, dict) else {"prompt": entry} for entry in entries]


def _typed(prompt: dict[str, Any]) -> tuple[str, str, str]:
    """A prompt as a browser sends it back."""
    label, text, icon = (text_of(prompt.get(name, "")) for name in ("label", "prompt", "icon"))
    return in_one_line(label), with_plain_line_ends(text), icon


def _is_valid(prompt: object) -> bool:
    try:
        validate_prompts([prompt])
    except ValidationError:
        return False
    return True
