"""What keeps change lists quick: big columns stay in the database, long tables are not counted, texts not searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from ..identity import Owner
from ..models import Workflow

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator


class LeanChangeList(ChangeList):
    """Leaves out the columns that the model admin's ``list_defer`` names, and fetches ``list_prefetch`` at once."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Model]:
        """The rows of the list, filtered and in order."""
        model_admin: Any = self.model_admin
        rows = super().get_queryset(*args, **kwargs)
        return rows.defer(*model_admin.list_defer).prefetch_related(*model_admin.list_prefetch)

    def get_results(self, request: HttpRequest) -> None:
        """Where one page has all rows, Django sets no limit, and a database may then read all that could be one."""
        super().get_results(request)
        if (self.show_all and self.can_show_all) or not self.multi_page:
            self.result_list = self.queryset[: self.result_count]


class BoundedPaginator(AnyPaginator):
    """Counts no further than ``limit``: counting hundreds of millions of rows takes a database minutes."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, or ``limit`` if there are more; the list ends there."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.limit].count())


class WorkflowFilter(admin.RelatedFieldListFilter):
    """By workflow, without loading the workflows' JSON columns."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Keys and names."""
        return list(Workflow.objects.values_list("pk", "name"))


def exact_matches(queryset: QuerySet[Any], id_field: str, search_term: str) -> QuerySet[Any]:
    """The row with this id; or else those of the user of this name, and of this identifier.

    Each has an index, on tables where a search in the middle of texts would not end. One after the other: SQLite may
    rather read the whole table than two indexes.
    """
    term, users = search_term.strip(), get_user_model()
    if not term:
        return queryset
    of_id = queryset.filter(**{id_field: term})
    if of_id.exists():
        return of_id
    identified = queryset.filter(user_key=Owner(None, term).key)
    named = list(users._default_manager.filter(**{users.USERNAME_FIELD: term}).values_list("pk", flat=True))
    if not named:
        return identified
    theirs = queryset.filter(user__in=named)
    return theirs | identified if identified.exists() else theirs
