"""Session records in the admin: to be looked at, found and filtered, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Model, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ..identity import Owner
from ..models import ChatSession, Workflow
from .lists import BoundedPaginator, LeanChangeList
from .readonly import configuration_table, variables_table

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[ChatSession]
else:
    BaseAdmin = admin.ModelAdmin


class StatusFilter(admin.SimpleListFilter):
    """By the status that the list shows: a session past its time is expired, whatever its column still says."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Every status."""
        return ChatSession.Status.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Sessions of the chosen status."""
        if self.value() == ChatSession.Status.ACTIVE:
            return queryset.active()
        if self.value() == ChatSession.Status.EXPIRED:
            stale = Q(status=ChatSession.Status.ACTIVE, expires_at__lte=timezone.now())
            return queryset.filter(stale | Q(status=ChatSession.Status.EXPIRED))
        return queryset.filter(status=self.value()) if self.value() else queryset


class WorkflowFilter(admin.RelatedFieldListFilter):
    """By workflow, without loading the workflows' JSON columns."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Keys and names."""
        return list(Workflow.objects.values_list("pk", "name"))


@admin.register(ChatSession)
class ChatSessionAdmin(BaseAdmin):
    """Every session that was issued, without the keys that tie records to logins; a secret is not on record."""

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
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "django_chatkit/admin/session_list.html"
    fieldsets = (
        (None, {"fields": ("session_id", "shown_status", "workflow", "user", "user_identifier")}),
        (_("When"), {"fields": ("created_at", "expires_at", "ended_at")}),
        (
            _("What really ran"),
            {
                "fields": (
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
        css = {"all": ["django_chatkit/admin/pages.css"]}  # noqa: RUF012 - Django's own way to write it

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
        """The hidden keys cannot be guessed through the address bar either."""
        return not lookup.startswith(("login_key", "user_key")) and super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list without its JSON columns."""
        return LeanChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exact matches only: each has an index, on a table where a search in the middle of texts would not end."""
        term, users = search_term.strip(), get_user_model()
        if not term:
            return queryset, False
        named = users._default_manager.filter(**{users.USERNAME_FIELD: term}).values_list("pk", flat=True)
        owned = Q(user_key=Owner(None, term).key) | Q(user__in=list(named))
        return queryset.filter(Q(session_id=term) | owned), False

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

    @admin.display(description=_("configuration"))
    def shown_configuration(self, session: ChatSession) -> str:
        """The resolved configuration as a table."""
        return configuration_table(session.chatkit_configuration) or self.get_empty_value_display()
