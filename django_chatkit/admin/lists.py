"""What keeps change lists quick: big columns stay in the database, and long tables are not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.utils.functional import cached_property

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


class BoundedPaginator(AnyPaginator):
    """Counts no further than ``limit``: counting hundreds of millions of rows takes a database minutes."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, or ``limit`` if there are more; the list ends there."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.limit].count())
