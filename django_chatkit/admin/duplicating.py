"""Duplicating a workflow: the copy is there to be changed, and nobody can use it before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, filterfalse, islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext

from ..models import Workflow
from .readonly import ReadableAdmin

_COPIES = re.compile(r"-copy(-\d+)?\Z")
#: How often somebody else may take the free slug in the same moment.
_ATTEMPTS = 5


def duplicate(workflow: Workflow) -> Workflow:
    """A copy with the same groups, a name and slug that say what it is, and not active."""
    using, slugs = router.db_for_write(Workflow), islice(_free_slugs(workflow), _ATTEMPTS)
    fields = [field for field in Workflow._meta.concrete_fields if not field.primary_key]
    values = {field.attname: getattr(workflow, field.attname) for field in fields}
    for slug in slugs:
        copy = Workflow(**values | {"slug": slug, "name": _name_of_copy(workflow.name), "is_active": False})
        try:
            with transaction.atomic(using=using):
                copy.save(using=using)
                copy.groups.set(workflow.groups.all())
        except IntegrityError as taken:
            error = taken
        else:
            return copy
    raise error


def _free_slugs(workflow: Workflow) -> Iterator[str]:
    """``support-copy``, ``support-copy-2`` and so on, without those in use; a copy's copy is one of the original."""
    longest: Any = Workflow._meta.get_field("slug").max_length
    base = _COPIES.sub("", workflow.slug)
    used = Workflow.objects.filter(slug__icontains="-copy").values_list("slug", flat=True)
    taken = {slug.lower() for slug in used}  # MariaDB takes "Support-Copy" for the same

    def candidate(number: int) -> str:
        suffix = "-copy" if number == 1 else f"-copy-{number}"
        return base[: longest - len(suffix)] + suffix

    return filterfalse(lambda slug: slug.lower() in taken, map(candidate, count(1)))


def _name_of_copy(name: str) -> str:
    longest: Any = Workflow._meta.get_field("name").max_length
    suffix = gettext(" (copy)")
    return name if name.endswith(suffix) else name[: longest - len(suffix)] + suffix


class DuplicatingAdmin(ReadableAdmin):
    """Adds the button *Duplicate* to each workflow."""

    def get_urls(self) -> list[URLPattern]:
        """What the button posts to."""
        view = self.admin_site.admin_view(self.duplicate_view)
        return [path("<int:pk>/duplicate/", view, name="django_chatkit_workflow_duplicate"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Tells the template whether there is a button."""
        offered = {"may_duplicate": self.has_add_permission(request)}
        return super().change_view(request, object_id, form_url, offered | (extra_context or {}))

    def duplicate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make the copy, and lead to its form."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        workflow: Any = self.get_object(request, str(pk))
        if not (self.has_add_permission(request) and self.has_view_or_change_permission(request, workflow)):
            raise PermissionDenied
        if workflow is None:
            raise Http404("There is no such workflow.")
        copy = duplicate(workflow)
        self.log_addition(request, copy, gettext("Copied from “%(slug)s”.") % {"slug": workflow.slug})
        text = gettext(
            "This is the copy of “%(name)s”. It is not active: change what shall be different, then activate it."
        )
        self.message_user(request, text % {"name": workflow.name}, messages.SUCCESS)
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:django_chatkit_workflow_change", args=[copy.pk]))
