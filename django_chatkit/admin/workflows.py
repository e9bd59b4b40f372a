"""Workflows in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import ChatKitConfiguration, Workflow
from .configurations import in_words
from .defaults import defaultable_column
from .look import READABLE
from .readonly import variables_table
from .statistics import StatisticsAdmin
from .trying import TryingAdmin
from .workflow_form import IGNORED, WorkflowForm
from .workflow_list import WorkflowListAdmin

DEFAULTABLE = ("expires_after", "max_requests_per_1_minute", "tracing_enabled")
LOOK_FIELDS = (
    *("layout", "color_scheme", "accent", "radius", "density"),
    *("title", "greeting", "prompts", "placeholder", "disclaimer", "frame_title"),
)


@admin.register(Workflow)
class WorkflowAdmin(TryingAdmin, StatisticsAdmin, WorkflowListAdmin):
    """What can be embedded, who may use it, and with what it runs."""

    form = WorkflowForm
    change_form_template = "django_chatkit/admin/workflow_form.html"
    prepopulated_fields = {"slug": ("name",)}  # noqa: RUF012 - Django's own way to write it
    radio_fields = {"backend": admin.VERTICAL}  # noqa: RUF012 - Django's own way to write it
    readonly_fields = ("preset_in_words",)
    fieldsets = (
        (
            _("What it is"),
            {
                "fields": ("name", "slug", "is_active", "backend", "agent", "workflow_id", "version", "api_key"),
                "description": _("A workflow is one chat that your pages can show: its name, and who answers in it."),
            },
        ),
        (
            _("What it knows"),
            {
                "fields": ("state_variables",),
                "description": _("What the workflow is told about your site, besides what visitors write."),
            },
        ),
        (
            _("What visitors may do"),
            {
                "fields": ("allow_anonymous", "groups", "chatkit_configuration", "preset_in_words"),
                "description": _(
                    "Who may use the chat, whether they may upload files and how large, and what they see of their "
                    "earlier conversations."
                ),
            },
        ),
        (
            _("Limits"),
            {
                "fields": ("expires_after", "max_requests_per_1_minute", "tracing_enabled"),
                "description": _(
                    "How long, how often, and what is kept; limits of uploads are in the preset above. All may stay "
                    "empty."
                ),
            },
        ),
        (
            _("Look"),
            {
                "fields": LOOK_FIELDS,
                "description": _("How the chat looks and greets; a page's own tag may override each of these."),
            },
        ),
    )
    readable = {  # noqa: RUF012 - Django's own way to write it
        **{name: defaultable_column(Workflow, name) for name in DEFAULTABLE},
        **READABLE,
        "state_variables": "shown_state_variables",
    }

    class Media:
        js = tuple(forms.Script(f"django_chatkit/admin/{name}.js", defer=True) for name in ("backends", "presets"))

    def get_fieldsets(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        """Who may only look is spared what the workflow's backend ignores."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        ignored = IGNORED[obj.backend]
        return [
            (title, {"fields": [name for name in options["fields"] if name not in ignored]})
            for title, options in fieldsets
        ]

    def get_urls(self) -> list[URLPattern]:
        """What a preset comes to, for the page that has just changed it."""
        view = self.admin_site.admin_view(self.preset_view)
        name = "django_chatkit_workflow_preset"
        return [path("presets/", view, name=name), path("presets/<int:pk>/", view, name=name), *super().get_urls()]

    def preset_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Plain text, for whoever may see what workflows have chosen."""
        if not self.has_view_or_change_permission(request) and not self.has_add_permission(request):
            raise PermissionDenied
        preset = None if pk is None else get_object_or_404(ChatKitConfiguration, pk=pk)
        return HttpResponse(in_words(preset), content_type="text/plain")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Presets: what is chosen without one, and how to make one, for whoever may."""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        field.empty_label = gettext("OpenAI's defaults")
        field.help_text = _preset_help(self.admin_site, request)
        return field

    @admin.display(description=_("which means"))
    def preset_in_words(self, workflow: Workflow) -> SafeString:
        """What the chosen preset comes to; a script keeps it so."""
        return format_html(
            '<span data-chatkit="preset" data-url="{}" aria-live="polite">{}</span>',
            reverse(f"{self.admin_site.name}:django_chatkit_workflow_preset"),
            in_words(workflow.chatkit_configuration),
        )

    @admin.display(description=_("state variables"))
    def shown_state_variables(self, workflow: Workflow) -> str:
        """State variables as a table, and which of them a page may set."""
        table = variables_table(workflow.state_variables, workflow.client_state_variables)
        return table or self.get_empty_value_display()


def _preset_help(site: admin.AdminSite, request: HttpRequest) -> str:
    presets = site.get_model_admin(ChatKitConfiguration) if site.is_registered(ChatKitConfiguration) else None
    if presets and (presets.has_add_permission(request) or presets.has_change_permission(request)):
        return gettext(
            "A preset for titles, file uploads with their limits, and history. Make one with + or edit the chosen one "
            "with the pencil: both open a small window, and what you typed here stays."
        )
    return gettext(
        "A preset for titles, file uploads with their limits, and history. To make or change one you need a "
        "permission that you do not have."
    )
