"""``Look``: the widget's options that administrators choose, in the words of the tag's keywords."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..validators import text_problem

#: ``ChatKitIcon`` of ``@openai/chatkit``; besides these it takes ``lucide:<name>``.
ICONS = (
    "agent", "analytics", "atom", "batch", "bolt", "book-open", "book-closed", "book-clock", "bug", "calendar", "chart",
    "check", "check-circle", "check-circle-filled", "chevron-left", "chevron-right", "circle-question", "clock",
    "compass", "confetti", "cube", "desktop", "document", "dots-horizontal", "dots-vertical", "empty-circle",
    "external-link", "globe", "keys", "lab", "images", "info", "lifesaver", "lightbulb", "mail", "map-pin", "maps",
    "mobile", "name", "notebook", "notebook-pencil", "page-blank", "phone", "play", "plus", "profile", "profile-card",
    "reload", "star", "star-filled", "search", "sparkle", "sparkle-double", "square-code", "square-image",
    "square-text", "suitcase", "settings-slider", "user", "wreath", "write", "write-alt", "write-alt2",
)  # fmt: skip
_LUCIDE = re.compile(r"lucide:[a-z0-9]+(-[a-z0-9]+)*")


class Layout(models.TextChoices):
    """Where the chat is on its page."""

    INLINE = "inline", _("in the page, where the tag is")
    FLOATING = "floating", _("a button in the corner, which opens a panel")
    PAGE = "page", _("all of the page")


class ColorScheme(models.TextChoices):
    """Which colours the chat has; unset, those of the page around it."""

    LIGHT = "light", _("light")
    DARK = "dark", _("dark")
    AUTO = "auto", _("as the visitor's device is set")


class Radius(models.TextChoices):
    """``theme.radius`` of ``@openai/chatkit``."""

    PILL = "pill", _("pill")
    ROUND = "round", _("round")
    SOFT = "soft", _("soft")
    SHARP = "sharp", _("sharp")


class Density(models.TextChoices):
    """``theme.density`` of ``@openai/chatkit``."""

    COMPACT = "compact", _("compact")
    NORMAL = "normal", _("normal")
    SPACIOUS = "spacious", _("spacious")


#: The keywords whose values are a choice.
CHOICES: dict[str, type[models.TextChoices]] = {
    "layout": Layout,
    "color_scheme": ColorScheme,
    "radius": Radius,
    "density": Density,
}


def is_icon(name: object) -> bool:
    """Whether ChatKit has an icon of this name."""
    return isinstance(name, str) and (name in ICONS or bool(_LUCIDE.fullmatch(name)))


def validate_prompts(value: object) -> None:
    """Raise ``ValidationError`` unless ``value`` is a list of objects with ``label``, ``prompt`` and maybe ``icon``."""
    if not isinstance(value, list):
        raise ValidationError(gettext("Starter prompts are a list."), code="invalid")
    for number, prompt in enumerate(value, 1):
        if problem := _prompt_problem(prompt):
            raise ValidationError(gettext("Starter prompt %(number)d: ") % {"number": number} + problem, code="invalid")


def _prompt_problem(prompt: object) -> str | None:
    if not isinstance(prompt, dict) or not set(prompt) <= {"label", "prompt", "icon"}:
        return gettext("it has a label, a prompt and maybe an icon, nothing else.")
    for name in ("label", "prompt"):
        text = prompt.get(name)
        if not isinstance(text, str) or not text.strip() or text_problem(text):
            return gettext("its label and its prompt are texts.")
    if "icon" in prompt and not is_icon(prompt["icon"]):
        return gettext("ChatKit has no such icon.")
    return None


def _one_of(field: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": ["", *CHOICES[field].values]}), name=name)


class Look(models.Model):
    """How the chat looks and greets. Empty fields are ChatKit's own defaults; the tag's keywords win over all of them.

    The names are those of the keywords; what the component would refuse is refused here.
    """

    layout = models.CharField(
        _("place"), max_length=10, choices=Layout.choices, default=Layout.INLINE,
        help_text=_("On a phone the panel of the button fills the screen."),
    )  # fmt: skip
    color_scheme = models.CharField(
        _("colours"), max_length=10, choices=ColorScheme.choices, blank=True, default="",
        help_text=_("Empty: as the page around it."),
    )  # fmt: skip
    accent = models.CharField(
        _("accent colour"), max_length=7, blank=True, default="",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write a colour as #rrggbb, such as #1f7a4d."))],
        help_text=_("Of buttons and links, as #rrggbb. Empty: ChatKit's own."),
    )  # fmt: skip
    radius = models.CharField(
        _("corners"), max_length=10, choices=Radius.choices, blank=True, default="",
        help_text=_("Empty: ChatKit's default, pill."),
    )  # fmt: skip
    density = models.CharField(
        _("spacing"), max_length=10, choices=Density.choices, blank=True, default="",
        help_text=_("Empty: ChatKit's default, normal."),
    )  # fmt: skip
    greeting = models.TextField(
        _("greeting"), blank=True, default="",
        help_text=_("What an empty chat says. Empty: ChatKit's own, “What can I help with today?”"),
    )  # fmt: skip
    prompts = models.JSONField(
        _("starter prompts"), default=list, blank=True, validators=[validate_prompts],
        help_text=_("Buttons of an empty chat, each of which sends a message."),
    )  # fmt: skip
    placeholder = models.TextField(
        _("placeholder"), blank=True, default="",
        help_text=_("What the empty message field says. Empty: ChatKit's own, “Message the AI”."),
    )  # fmt: skip
    disclaimer = models.TextField(
        _("disclaimer"), blank=True, default="",
        help_text=_("Small print below the message field, in Markdown. Empty: none."),
    )  # fmt: skip
    title = models.TextField(
        _("title in the header"), blank=True, default="", help_text=_("Empty: the title of the open thread.")
    )
    frame_title = models.TextField(
        _("name for screen readers"), blank=True, default="",
        help_text=_("What assistive technology calls the chat. Empty: the title in the header, or else “Chat”."),
    )  # fmt: skip

    class Meta:
        abstract = True
        constraints = (
            models.CheckConstraint(condition=Q(layout__in=Layout.values), name="chatkit_workflow_layout"),
            _one_of("color_scheme", "chatkit_workflow_color_scheme"),
            _one_of("radius", "chatkit_workflow_radius"),
            _one_of("density", "chatkit_workflow_density"),
        )

    def look(self) -> dict[str, Any]:
        """What is set, by the tag's keywords."""
        values = {field.name: getattr(self, field.name) for field in Look._meta.fields}
        return {name: value for name, value in values.items() if value}
