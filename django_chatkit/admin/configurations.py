"""Presets in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import ChatKitConfiguration
from .defaults import DefaultableFilter, DefaultableSelect, defaultable_column
from .readonly import ReadableAdmin

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[ChatKitConfiguration]
else:
    BaseForm = forms.ModelForm

SWITCHES = ("automatic_thread_titling_enabled", "file_upload_enabled", "history_enabled")
COLUMNS = {name: defaultable_column(ChatKitConfiguration, name) for name in SWITCHES}


class ChatKitConfigurationForm(BaseForm):
    """Tells OpenAI's default from off."""

    class Meta:
        widgets = {name: DefaultableSelect(name) for name in SWITCHES}  # noqa: RUF012 - Django's own way to write it


@admin.register(ChatKitConfiguration)
class ChatKitConfigurationAdmin(ReadableAdmin):
    """Named presets, and how many workflows use each."""

    form = ChatKitConfigurationForm
    list_display = ("name", *COLUMNS.values(), "used_by")
    list_filter = tuple((name, DefaultableFilter) for name in SWITCHES)
    show_facets = admin.ShowFacets.NEVER
    ordering = ("name",)
    search_fields = ("name",)
    readable = COLUMNS
    fieldsets = (
        (None, {"fields": ("name",), "description": _("Workflows share a preset: a change here reaches all of them.")}),
        (_("Threads"), {"fields": ("automatic_thread_titling_enabled", "history_enabled", "history_recent_threads")}),
        (
            _("Files"),
            {
                "fields": ("file_upload_enabled", "file_upload_max_file_size", "file_upload_max_files"),
                "description": _("Limits that are left empty are OpenAI's defaults."),
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
