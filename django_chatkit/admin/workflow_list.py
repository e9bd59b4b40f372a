"""The list of workflows: who may use which, and what can be done with several of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..diagnosis import SHUTDOWN
from ..models import ChatAttachment, ChatSession, ChatThread, Workflow
from .date_hierarchy import SINCE, local
from .duplicating import DuplicatingAdmin
from .lists import LeanChangeList
from .session_list import WORKFLOW


class WorkflowChangeList(LeanChangeList):
    """Counts the sessions of the page's workflows with one query, and finds the last of each by index."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Model]:
        """With the time of the last session."""
        of_workflow = ChatSession.objects.filter(workflow=OuterRef("pk")).order_by("-created_at")
        rows: QuerySet[Any] = super().get_queryset(*args, **kwargs)
        timed: QuerySet[Any] = rows.annotate(last_session_at=Subquery(of_workflow.values("created_at")[:1]))
        return timed

    def get_results(self, request: HttpRequest) -> None:
        """The page's workflows, each with ``recent``: the sessions of the last 24 hours, and where they are listed."""
        super().get_results(request)
        since = timezone.now() - timedelta(days=1)
        listed: list[Any] = list(self.result_list)
        counts = _counts_since(since, [workflow.pk for workflow in listed])
        address = self._address_of_sessions(request)
        for workflow in listed:
            workflow.recent = counts.get(workflow.pk, 0)
            query = urlencode({WORKFLOW: workflow.pk, SINCE: since.isoformat(" ", "minutes")})
            workflow.sessions_address = f"{address}?{query}" if address else ""
        self.result_list = listed

    def _address_of_sessions(self, request: HttpRequest) -> str:
        """Where sessions are listed; nowhere for those who may not see them."""
        site = self.model_admin.admin_site
        if not site.is_registered(ChatSession) or not site.get_model_admin(ChatSession).has_view_permission(request):
            return ""
        return reverse(f"{site.name}:django_chatkit_chatsession_changelist")


def _counts_since(since: Any, pks: list[Any]) -> dict[Any, int]:
    """Rows are not read for it: ``chatkit_session_statistics`` has all it takes."""
    recent = ChatSession.objects.filter(created_at__gte=since, workflow__in=pks).order_by()
    return dict(recent.values_list("workflow").annotate(number=Count("*")))


class WorkflowListAdmin(DuplicatingAdmin):
    """What the list shows, and its actions."""

    list_display = (
        "name",
        "slug",
        "shown_backend",
        "is_active",
        "sessions_today",
        "last_session",
        "audience",
    )
    ordering = ("name",)
    list_filter = ("backend", "is_active", "allow_anonymous", "chatkit_configuration", "groups")
    list_select_related = ()
    list_defer = ("state_variables", "client_state_variables")
    list_prefetch = ("groups",)
    search_fields = ("name", "slug", "workflow_id", "agent")
    search_help_text = _("Name, slug, agent or OpenAI's workflow id.")
    actions = ("activate", "deactivate")

    class Media:
        css = {"all": ["django_chatkit/admin/lists.css"]}  # noqa: RUF012 - Django's own way to write it

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list without its JSON columns, with what is known of sessions."""
        return WorkflowChangeList

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django would load and list every session and thread of a workflow in use, of which there may be millions."""
        used: Any = Q()
        for model in (ChatSession, ChatThread, ChatAttachment):
            used |= Exists(model._default_manager.filter(workflow=OuterRef("pk")))
        in_use = Workflow.objects.filter(used, pk__in=[workflow.pk for workflow in objs]).only("name")
        protected = [self._in_use(workflow) for workflow in in_use]
        return ([], {}, set(), protected) if protected else super().get_deleted_objects(objs, request)

    def _in_use(self, workflow: Workflow) -> SafeString:
        return format_html(
            gettext(
                "What is on record of <a href='{}'>{}</a>: sessions, or conversations. "
                "Deactivate this workflow instead of deleting it."
            ),
            reverse(f"{self.admin_site.name}:django_chatkit_workflow_change", args=[workflow.pk]),
            workflow,
        )

    @admin.display(description=_("run by"), ordering="backend")
    def shown_backend(self, workflow: Workflow) -> SafeString | str:
        """OpenAI or this site; and that OpenAI stops."""
        label = workflow.get_backend_display()
        if workflow.is_self_hosted:
            return label
        ends, remark = date_format(SHUTDOWN), '{} <span class="help">{}</span>'
        if timezone.now().date() <= SHUTDOWN:
            return format_html(remark, label, gettext("closes on %(day)s") % {"day": ends})
        if not workflow.is_active:
            return format_html(remark, label, gettext("closed on %(day)s") % {"day": ends})
        text = gettext("closed on %(day)s: let this site run it, or deactivate it") % {"day": ends}
        return format_html('{} <strong class="chatkit-warning">{}</strong>', label, text)

    @admin.display(description=_("sessions in 24 h"))
    def sessions_today(self, workflow: Any) -> SafeString | str:
        """How many, as a link to them for those who may see them."""
        if not (workflow.recent and workflow.sessions_address):
            return str(workflow.recent)
        return format_html('<a href="{}">{}</a>', workflow.sessions_address, workflow.recent)

    @admin.display(description=_("last session"))
    def last_session(self, workflow: Any) -> SafeString | str:
        """How long ago the last one was issued; the time itself as a tooltip."""
        moment = workflow.last_session_at
        if moment is None:
            return gettext("never")
        shown = local(moment)
        recent = timezone.now() - moment < timedelta(minutes=1)
        ago = gettext("just now") if recent else gettext("%(time)s ago") % {"time": timesince(moment, depth=1)}
        return format_html(
            '<time datetime="{}" title="{}">{}</time>', shown.isoformat(), date_format(shown, "DATETIME_FORMAT"), ago
        )

    @admin.display(description=_("who may use it"))
    def audience(self, workflow: Workflow) -> str:
        """Groups, everyone who is logged in, or everyone."""
        if names := sorted(group.name for group in workflow.groups.all()):
            return ", ".join(names)
        return gettext("everyone") if workflow.allow_anonymous else gettext("everyone who is logged in")

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
