"""How many sessions were issued, when, of which workflow, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ...models import Workflow
from ..readonly import ReadableAdmin
from .charts import chart, small_chart
from .counting import STATUSES, Counts, count, count_before
from .form import RANGES, StatisticsForm
from .sheet import sheet
from .words import figures, number

#: Workflows that get a small chart of their own; the table has them all.
MAX_SMALL_CHARTS = 12

#: Workflows by primary key: slug and name.
Workflows = dict[int, tuple[str, str]]


class StatisticsAdmin(ReadableAdmin):
    """Adds the page *Statistics* beside the list of workflows, for everybody who may see that list."""

    change_list_template = "django_chatkit/admin/workflow_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The admin's own, and the page's."""
        view = self.admin_site.admin_view(self.statistics_view)
        return [path("statistics/", view, name="django_chatkit_workflow_statistics"), *super().get_urls()]

    def statistics_view(self, request: HttpRequest) -> HttpResponse:
        """The page, or with ``format=csv`` its numbers."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        workflows = {key: (slug, name) for key, slug, name in _workflows()}
        form = StatisticsForm(request.GET, workflows=workflows.values(), now=timezone.now())
        if not form.is_valid():
            return self._page(request, form, {})
        filters, now = _filters(form, workflows), form.now
        counts = count(form.period, now, filters)
        if request.GET.get("format") == "csv":
            return sheet(form.period, counts, workflows, form.cleaned_data["workflow"])
        before = count_before(form.period, now, filters)
        return self._page(request, _filled(form, workflows), _context(form, counts, before, workflows))

    def _page(self, request: HttpRequest, form: StatisticsForm, context: dict[str, Any]) -> HttpResponse:
        return TemplateResponse(
            request,
            "django_chatkit/admin/statistics.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Statistics"),
                "opts": self.opts,
                "form": form,
                "ranges": list(_ranges(form)),
                **context,
            },
        )


def _workflows() -> Any:
    return Workflow.objects.order_by("name", "pk").values_list("pk", "slug", "name")


def _filters(form: StatisticsForm, workflows: Workflows) -> dict[str, Any]:
    """By the key, which is in the index: a database knows how many sessions it has, and joins nothing."""
    chosen = form.cleaned_data["workflow"]
    keys = [key for key, (slug, _name) in workflows.items() if slug == chosen]
    return {"workflow__in": keys} if chosen else {}


def _filled(form: StatisticsForm, workflows: Workflows) -> StatisticsForm:
    """The form as it is shown: with the days that were chosen by a name, such as *Last 7 days*."""
    days = {"start": form.period.first_day, "end": form.period.last_day}
    shown = StatisticsForm(initial={**form.cleaned_data, **days}, workflows=workflows.values(), now=form.now)
    shown.notice = form.notice
    return shown


def _ranges(form: StatisticsForm) -> Iterator[dict[str, Any]]:
    """Links to the ranges that have a name, with everything else as it is."""
    chosen = form.initial or form.data
    kept = {name: chosen[name] for name in ("unit", "workflow") if chosen.get(name)}
    for name, label in RANGES.items():
        yield {"label": label, "query": urlencode({"range": name, **kept}), "current": chosen.get("range") == name}


def _context(form: StatisticsForm, counts: Counts, before: int, workflows: Workflows) -> dict[str, Any]:
    period, tallies, total = form.period, counts.by_time, counts.total
    return {
        "period": period,
        "total": total,
        "figures": figures(period, tallies, before),
        "legend": [(status, number(tally)) for status, tally in total.parts()],
        "statuses": STATUSES,
        "chart": chart(period, tallies) if total.total else None,
        "rows": zip(period.starts, period.names, tallies, strict=True),
        "workflows": list(_by_workflow(form, counts, workflows)),
        "limit": MAX_SMALL_CHARTS,
        "csv": urlencode({**_query(form), "format": "csv"}),
    }


def _query(form: StatisticsForm) -> dict[str, str]:
    """What was chosen, as the address says it."""
    return {name: str(value) for name, value in form.cleaned_data.items() if value}


def _by_workflow(form: StatisticsForm, counts: Counts, workflows: Workflows) -> Iterator[dict[str, Any]]:
    query, top = _query(form), max((tally.total for tally in counts.cells.values()), default=0)
    for place, (key, tally) in enumerate(counts.by_workflow.items()):
        slug, name = workflows.get(key, ("", str(key)))
        paths = small_chart(counts.of_workflow(key), top) if place < MAX_SMALL_CHARTS else []
        link = urlencode({**query, "workflow": slug})
        yield {"name": name, "tally": tally, "number": number(tally.total), "paths": paths, "query": link}
