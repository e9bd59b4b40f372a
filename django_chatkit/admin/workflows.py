"""Workflows in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import ChatSession, Workflow
from .defaults import defaultable_column
from .lists import LeanChangeList
from .readonly import ReadableAdmin, variables_table
from .workflow_form import WorkflowForm


@admin.register(Workflow)
class WorkflowAdmin(ReadableAdmin):
    """What can be embedded, who may use it, and with what it runs."""

    form = WorkflowForm
    list_display = ("name", "slug", "is_active", "audience", "chatkit_configuration")
    ordering = ("name",)
    list_filter = ("is_active", "allow_anonymous", "chatkit_configuration", "groups")
    list_select_related = ("chatkit_configuration",)
    list_defer = ("state_variables", "client_state_variables")
    list_prefetch = ("groups",)
    search_fields = ("name", "slug", "workflow_id")
    search_help_text = _("Name, slug or OpenAI's workflow id.")
    prepopulated_fields = {"slug": ("name",)}  # noqa: RUF012 - Django's own way to write it
    autocomplete_fields = ("chatkit_configuration",)
    actions = ("activate", "deactivate")
    fieldsets = (
        (None, {"fields": ("name", "slug", "is_active")}),
        (
            _("At OpenAI"),
            {
                "fields": ("workflow_id", "version", "api_key", "tracing_enabled"),
                "description": _(
                    "If OpenAI does not find the workflow, its key almost always belongs to another organization "
                    "or project than the workflow."
                ),
            },
        ),
        (_("What the workflow is told"), {"fields": ("state_variables", "client_state_variables")}),
        (_("Who may use it"), {"fields": ("allow_anonymous", "groups")}),
        (
            _("What a session may do"),
            {"fields": ("chatkit_configuration", "expires_after", "max_requests_per_1_minute")},
        ),
    )
    readable = {  # noqa: RUF012 - Django's own way to write it
        "tracing_enabled": defaultable_column(Workflow, "tracing_enabled"),
        "state_variables": "shown_state_variables",
        "client_state_variables": "shown_client_state_variables",
    }

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list without its JSON columns."""
        return LeanChangeList

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Presets and groups, where this administrator may search them; a plain select needs no permission there."""
        return tuple(name for name in ("chatkit_configuration", "groups") if self._can_search(request, name))

    def _can_search(self, request: HttpRequest, name: str) -> bool:
        related: Any = self.opts.get_field(name).related_model
        if not self.admin_site.is_registered(related):
            return False
        other = self.admin_site.get_model_admin(related)
        return bool(other.get_search_fields(request)) and other.has_view_permission(request)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django would load and list every session of a workflow in use, of which there may be millions."""
        sessions = ChatSession.objects.filter(workflow=OuterRef("pk"))
        in_use = Workflow.objects.filter(Exists(sessions), pk__in=[workflow.pk for workflow in objs]).only("name")
        protected = [self._in_use(workflow) for workflow in in_use]
        return ([], {}, set(), protected) if protected else super().get_deleted_objects(objs, request)

    def _in_use(self, workflow: Workflow) -> SafeString:
        return format_html(
            gettext("The sessions on record of <a href='{}'>{}</a>. Deactivate this workflow instead of deleting it."),
            reverse(f"{self.admin_site.name}:django_chatkit_workflow_change", args=[workflow.pk]),
            workflow,
        )

    @admin.display(description=_("who may use it"))
    def audience(self, workflow: Workflow) -> str:
        """Groups, everyone who is logged in, or everyone."""
        if names := sorted(group.name for group in workflow.groups.all()):
            return ", ".join(names)
        return gettext("everyone") if workflow.allow_anonymous else gettext("everyone who is logged in")

    @admin.display(description=_("state variables"))
    def shown_state_variables(self, workflow: Workflow) -> str:
        """State variables as a table."""
        return variables_table(workflow.state_variables) or self.get_empty_value_display()

    @admin.display(description=_("state variables the browser may set"))
    def shown_client_state_variables(self, workflow: Workflow) -> str:
        """Names, one a line."""
        return "\n".join(workflow.client_state_variables) or self.get_empty_value_display()

    @admin.action(permissions=["change"], description=_("Activate selected workflows"))
    def activate(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        """Pages can use them from now on."""
        count = self._switch(request, queryset, active=True)
        self.message_user(
            request,
            ngettext("%(count)d workflow activated.", "%(count)d workflows activated.", count) % {"count": count},
        )

    @admin.action(permissions=["change"], description=_("Deactivate selected workflows"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        """They issue no sessions from now on; the ones that are out end by themselves."""
        count = self._switch(request, queryset, active=False)
        self.message_user(
            request,
            ngettext(
                "%(count)d workflow deactivated: it issues no new sessions.",
                "%(count)d workflows deactivated: they issue no new sessions.",
                count,
            )
            % {"count": count},
        )

    def _switch(self, request: HttpRequest, queryset: QuerySet[Workflow], *, active: bool) -> int:
        changed = list(queryset.exclude(is_active=active))
        Workflow.objects.filter(pk__in=[workflow.pk for workflow in changed]).update(is_active=active)
        message = [{"changed": {"fields": ["active"]}}]
        administrator: Any = request.user
        LogEntry.objects.log_actions(administrator.pk, changed, CHANGE, message)
        return len(changed)
