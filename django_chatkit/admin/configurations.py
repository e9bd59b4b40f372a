"""Presets in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import ChatKitConfiguration
from ..models.configuration import resolved
from .defaults import DefaultableFilter, DefaultableSelect, defaultable_column, show_default_numbers
from .readonly import ReadableAdmin

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[ChatKitConfiguration]
else:
    BaseForm = forms.ModelForm

SWITCHES = ("automatic_thread_titling_enabled", "file_upload_enabled", "history_enabled")
COLUMNS = {name: defaultable_column(ChatKitConfiguration, name) for name in SWITCHES}
NUMBERS = ("file_upload_max_file_size", "file_upload_max_files", "history_recent_threads")


class ChatKitConfigurationForm(BaseForm):
    """Tells OpenAI's default from off."""

    class Meta:
        widgets = {name: DefaultableSelect(name) for name in SWITCHES}  # noqa: RUF012 - Django's own way to write it
        help_texts = {  # noqa: RUF012
            "name": _("What administrators choose it by, such as “Files up to 2 MB”. Visitors do not see it."),
        }

    class Media:
        css = {"all": ["django_chatkit/admin/pages.css"]}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        show_default_numbers(self)


@admin.register(ChatKitConfiguration)
class ChatKitConfigurationAdmin(ReadableAdmin):
    """Named presets, and how many workflows use each."""

    form = ChatKitConfigurationForm
    list_display = ("name", *COLUMNS.values(), "used_by")
    list_filter = tuple((name, DefaultableFilter) for name in SWITCHES)
    show_facets = admin.ShowFacets.NEVER
    ordering = ("name",)
    search_fields = ("name",)
    readable = {**COLUMNS, **{name: defaultable_column(ChatKitConfiguration, name) for name in NUMBERS}}  # noqa: RUF012
    fieldsets = (
        (None, {"fields": ("name",), "description": _("Workflows share a preset: a change here reaches all of them.")}),
        (
            _("Files"),
            {
                "fields": ("file_upload_enabled", "file_upload_max_file_size", "file_upload_max_files"),
                "description": _("What visitors may send. The two limits count only where file upload is on."),
            },
        ),
        (
            _("Threads"),
            {
                "fields": ("automatic_thread_titling_enabled", "history_enabled", "history_recent_threads"),
                "description": _("What becomes of a visitor's earlier conversations."),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatKitConfiguration]:
        """Presets with the number of workflows that use them."""
        presets: QuerySet[ChatKitConfiguration] = super().get_queryset(request)
        return presets.annotate(workflow_count=Count("workflows"))

    @admin.display(description=_("workflows"), ordering="workflow_count")
    def used_by(self, preset: Any) -> int:
        """How many workflows use this preset."""
        return int(preset.workflow_count)


def in_words(preset: ChatKitConfiguration | None) -> str:
    """What a preset comes to, defaults included; without one, the defaults."""
    preset = preset or ChatKitConfiguration()
    effect = resolved(preset)
    parts = [
        gettext("titles: %s") % _switch(preset.automatic_thread_titling_enabled, default=True),
        gettext("uploads: %s") % _switch(preset.file_upload_enabled, default=False),
        gettext("history: %s") % _switch(preset.history_enabled, default=True),
    ]
    if effect["file_upload"]["enabled"]:
        limits = gettext(", at most %(max_file_size)s MB a file, at most %(max_files)s files")
        parts[1] += limits % effect["file_upload"]
    if effect["history"]["enabled"] and preset.history_recent_threads:
        parts[2] += gettext(", the last %d threads") % preset.history_recent_threads
    return " · ".join(parts)


def _switch(value: bool | None, *, default: bool) -> str:  # noqa: FBT001 - it is what is shown
    if value is None:
        return gettext("on (default)") if default else gettext("off (default)")
    return gettext("on") if value else gettext("off")
