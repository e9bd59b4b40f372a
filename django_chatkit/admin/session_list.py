"""The list of sessions: its filters, and an order that an index has, whatever was chosen."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Page
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from ..models import ChatSession
from .date_hierarchy import BEFORE, SINCE, Hierarchy, hierarchy
from .lists import BoundedPaginator, LeanChangeList

WORKFLOW, USER = "workflow__id__exact", "user__id__exact"
#: What the address bar may ask. Each has an index, and none tells what somebody may not see.
LOOKUPS = frozenset({WORKFLOW, USER, "status", SINCE, BEFORE})


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


class SessionPaginator(BoundedPaginator):
    """Counts and turns pages within an index, and fetches only the rows that are shown: rows are long here."""

    @cached_property
    def count(self) -> int:
        """In the order of the list, or MariaDB takes an index that does not have the other columns."""
        rows: Any = self.object_list
        return int(rows[: self.limit].count())

    def _get_page(self, object_list: Any, *args: Any, **kwargs: Any) -> Page[Any]:
        """Their keys first; skipping thousands of rows for the last page would read them all."""
        keys = list(object_list.prefetch_related(None).values_list("pk", flat=True))
        rows: Any = self.object_list
        page: Page[Any] = super()._get_page(rows.filter(pk__in=keys), *args, **kwargs)  # type: ignore[misc]  # not in the stubs
        return page


class SessionChangeList(LeanChangeList):
    """No database has to sort a long table for one page of it: newest first, in the order that an index has."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """The order of the index that finds the rows. Where it is that of ``id``, each column would do as well."""
        first, *others = super().get_ordering(request, queryset)
        if self.query or USER in self.params:
            return [first, *others]
        sign = "" if first == "created_at" else "-"
        return [sign + name for name in self._index(sorted_by=str(first).lstrip("-"))]

    def _index(self, sorted_by: str) -> tuple[str, ...]:
        """The columns of ``chatkit_session_workflow``, ``…_statistics`` or ``…_expiry``, less those that are given."""
        if WORKFLOW in self.params:
            return ("created_at", "id")
        if sorted_by == "created_at" or {SINCE, BEFORE} & self.params.keys():
            return ("created_at", "workflow_pk", "status", "expires_at", "id")
        single = self.params.get("status") in (ChatSession.Status.ACTIVE, ChatSession.Status.CANCELLED)
        return ("expires_at", "id") if single else ("id",)

    def dates(self) -> Hierarchy | None:
        """Years, months or days to choose from."""
        return hierarchy(self.root_queryset, self.params, self.get_query_string)
