"""The look of a workflow in the admin: what empty fields mean, colours with a picker, long texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from ..models import Workflow
from .prompts import prompts_in
from .rows import with_plain_line_ends

#: What an empty field means: ChatKit's own defaults are those of the types of ``@openai/chatkit``.
UNSET = {
    "color_scheme": _("default: as the page around it"),
    "accent": _("default: ChatKit's own"),
    "radius": _("default: pill"),
    "density": _("default: normal"),
    "title": _("default: the title of the open thread"),
    "greeting": _("default: What can I help with today?"),
    "placeholder": _("default: Message the AI"),
    "disclaimer": _("default: none"),
    "frame_title": _("default: the title in the header, or else “Chat”"),
}
CHOICES = ("color_scheme", "radius", "density")
#: The long texts, and how many lines each is likely to have.
TEXTS = {"title": 1, "greeting": 2, "placeholder": 1, "disclaimer": 3, "frame_title": 1}


class ColorInput(forms.TextInput):
    """A colour as #rrggbb; JavaScript adds the browser's own picker."""

    def __init__(self) -> None:
        super().__init__({"data-chatkit-color": _("Choose a colour"), "autocomplete": "off", "spellcheck": "false"})

    class Media:
        js = (forms.Script("django_chatkit/admin/colors.js", defer=True),)


class LookText(forms.CharField):
    """Text that arrives in the chat as it was typed: spaces count, and line ends are not a browser's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "strip": False})

    def to_python(self, value: Any) -> Any:
        """Nothing but spaces is nothing."""
        text = with_plain_line_ends(super().to_python(value) or "")
        return text if text.strip() else ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Line ends do not change by being shown."""
        return super().has_changed(with_plain_line_ends(initial or ""), with_plain_line_ends(data or ""))


WIDGETS: dict[str, Any] = {
    "accent": ColorInput(),
    **{name: forms.Textarea({"class": "vLargeTextField", "rows": rows}) for name, rows in TEXTS.items()},
}


def show_unset(form: forms.BaseForm) -> None:
    """Empty fields of this form say what they mean."""
    for name, words in UNSET.items():
        field: Any = form.fields.get(name)
        if field and name in CHOICES:
            field.choices = [("", words), *(choice for choice in field.choices if choice[0])]
        elif field:
            field.widget.attrs["placeholder"] = words


def _column(name: str) -> Callable[[Any], Any]:
    @admin.display(description=Workflow._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    def column(workflow: Workflow) -> Any:
        shown = getattr(workflow, f"get_{name}_display")() if name in CHOICES else getattr(workflow, name)
        return shown or UNSET[name]

    column.__name__ = name
    return column


@admin.display(description=_("starter prompts"))
def _shown_prompts(workflow: Workflow) -> Any:
    prompts = prompts_in(workflow.prompts)
    rows = [(prompt.get("label", ""), prompt.get("icon") or "—", prompt.get("prompt", "")) for prompt in prompts]
    return render_to_string("django_chatkit/admin/readonly_table.html", {"rows": rows}) if rows else _("none")


#: For those who may only look.
READABLE: dict[Any, str | Callable[[Any], Any]] = {**{name: _column(name) for name in UNSET}, "prompts": _shown_prompts}
