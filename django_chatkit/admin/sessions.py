"""Session records in the admin: to be looked at, found, filtered and cancelled, never to be edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import ChatSession, Workflow
from .cancelling import CancellingAdmin
from .lists import WorkflowFilter, exact_matches
from .readonly import configuration_table, variables_table
from .session_list import LOOKUPS, WORKFLOW, SessionChangeList, SessionPaginator, StatusFilter


@admin.register(ChatSession)
class ChatSessionAdmin(CancellingAdmin):
    """Every session that was issued, without the keys that tie records to logins and to secrets."""

    list_display = ("short_session_id", "workflow", "user", "shown_status", "created_at")
    list_filter = (StatusFilter, ("workflow", WorkflowFilter), "created_at")
    # No join: MariaDB would start from the few workflows and sort every session of theirs for one page of the list.
    list_select_related = ()
    list_prefetch = (Prefetch("workflow", Workflow.objects.only("name")), "user")
    list_defer = ("state_variables", "chatkit_configuration")
    ordering = ("-id",)
    sortable_by = ("created_at",)
    search_fields = ("session_id",)
    search_help_text = _("A session id, a user name or a user identifier, in full.")
    paginator = SessionPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "django_chatkit/admin/session_list.html"
    change_form_template = "django_chatkit/admin/session.html"
    fieldsets = (
        (None, {"fields": ("session_id", "shown_status", "workflow", "user", "user_identifier")}),
        (_("When"), {"fields": ("created_at", "expires_at", "ended_at")}),
        (
            _("What really ran"),
            {
                "fields": (
                    "backend",
                    "workflow_id",
                    "workflow_version",
                    "tracing_enabled",
                    "max_requests_per_1_minute",
                    "shown_state_variables",
                    "shown_configuration",
                )
            },
        ),
        (_("For OpenAI's support"), {"fields": ("request_id",)}),
    )

    class Media:
        css = {"all": ["django_chatkit/admin/pages.css", "django_chatkit/admin/lists.css"]}  # noqa: RUF012 - Django's own way to write it

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the API issues sessions."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChatSession | None = None) -> bool:
        """A record is evidence."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ChatSession | None = None) -> bool:
        """``expire_chatkit_sessions --delete-older-than`` deletes records."""
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Nothing that is hidden can be guessed through the address bar, and nothing makes the database read it all."""
        return lookup in LOOKUPS

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list without its JSON columns, in an order that costs nothing."""
        return SessionChangeList

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """No index has both a workflow and a status: there, each row that is counted has to be read."""
        paginator: Any = super().get_paginator(request, *args, **kwargs)
        if {WORKFLOW, "status"} <= request.GET.keys():
            paginator.limit //= 10
        return paginator

    def get_fieldsets(self, request: HttpRequest, obj: ChatSession | None = None) -> Any:
        """State variables only for those who may read them."""
        fieldsets = super().get_fieldsets(request, obj)
        user: Any = request.user
        if user.has_perm("django_chatkit.read_state_variables"):
            return fieldsets
        instead: dict[Any, str] = {"shown_state_variables": "hidden_state_variables"}
        return [
            (title, {**options, "fields": tuple(instead.get(name, name) for name in options["fields"])})
            for title, options in fieldsets
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exact matches only: each has an index."""
        return exact_matches(queryset, "session_id", search_term), False

    @admin.display(description=_("session id"))
    def short_session_id(self, session: ChatSession) -> str:
        """Both ends of the id, which leaves room for other columns; all of it as a tooltip."""
        whole = session.session_id
        short = whole if len(whole) <= 20 else f"{whole[:12]}…{whole[-6:]}"
        return format_html('<span class="chatkit-id" title="{}">{}</span>', whole, short)

    @admin.display(description=_("status"))
    def shown_status(self, session: ChatSession) -> Any:
        """The status as of now."""
        return ChatSession.Status(session.current_status).label

    @admin.display(description=_("state variables"))
    def shown_state_variables(self, session: ChatSession) -> str:
        """State variables as a table."""
        return variables_table(session.state_variables) or self.get_empty_value_display()

    @admin.display(description=_("state variables"))
    def hidden_state_variables(self, session: ChatSession) -> str:
        """How many there are."""
        count = len(session.state_variables or ())
        text = ngettext(
            "%(count)d state variable, hidden: reading it is a permission of its own.",
            "%(count)d state variables, hidden: reading them is a permission of its own.",
            count,
        )
        return text % {"count": count} if count else self.get_empty_value_display()

    @admin.display(description=_("configuration"))
    def shown_configuration(self, session: ChatSession) -> str:
        """The resolved configuration as a table."""
        return configuration_table(session.chatkit_configuration) or self.get_empty_value_display()
