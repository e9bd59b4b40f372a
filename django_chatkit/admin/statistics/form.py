"""Which time, which workflow, and whether by hour or by day: the form above the statistics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..date_hierarchy import local
from .periods import DAY, HOUR, Period

LAST_DAY = "24h"
RANGES = {LAST_DAY: _("Last 24 hours"), "7d": _("Last 7 days"), "30d": _("Last 30 days"), "90d": _("Last 90 days")}
DAYS = {"7d": 7, "30d": 30, "90d": 90}
DEFAULT_RANGE = "30d"

#: Days, at most: in all; shown by the hour; shown by the hour unless days are asked for.
MAX_DAYS, MAX_DAYS_BY_HOUR, FEW_DAYS = 366, 7, 2


class DayField(forms.DateField):
    """A day as the browser's own date picker sends it, in years that every time zone can reckon with."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})

    def __init__(self, **options: Any) -> None:
        message = _("Choose a day between 2000 and 2999.")
        limits = [MinValueValidator(date(2000, 1, 1), message), MaxValueValidator(date(2999, 12, 31), message)]
        errors = {"invalid": _("Write the day as year-month-day, such as 2026-01-31.")}
        super().__init__(
            required=False, input_formats=["%Y-%m-%d"], validators=limits, error_messages=errors, **options
        )


class StatisticsForm(forms.Form):
    """Everything may be left out. ``period`` and ``notice`` are there once the form is valid."""

    range = forms.ChoiceField(choices=RANGES, required=False, widget=forms.HiddenInput)
    start = DayField(label=_("From"))
    end = DayField(label=_("To"))
    unit = forms.ChoiceField(
        label=_("Shown by"), choices={"": _("hour or day, as fits"), HOUR: _("hour"), DAY: _("day")}, required=False
    )
    workflow = forms.ChoiceField(label=_("Workflow"), required=False)

    def __init__(
        self, data: Any = None, *, workflows: Iterable[tuple[str, str]], now: datetime, **options: Any
    ) -> None:
        super().__init__(data, auto_id="id_statistics_%s", **options)
        self.now, self.today = now, local(now).date()
        self.period = Period.of_hours(now, 24)
        self.notice = ""
        choice: Any = self.fields["workflow"]
        choice.choices = [("", gettext("all workflows")), *workflows]

    def clean(self) -> dict[str, Any]:
        """Choose the period, if everything else is right."""
        data = self.cleaned_data
        if self.errors:
            return data
        chosen = (data["range"] or DEFAULT_RANGE) if not (data["start"] or data["end"]) else ""
        if chosen == LAST_DAY:
            self._choose_hours(data["unit"])
        else:
            self._choose_days(*self._days(chosen), data["unit"])
        return data | {"range": chosen}

    def _days(self, chosen: str) -> tuple[date, date]:
        first, last = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        count = DAYS[chosen or DEFAULT_RANGE] - 1
        last = last or max(self.today, first or self.today)
        return first or last - timedelta(days=count), last

    def _choose_hours(self, unit: str) -> None:
        if unit == DAY:
            self.notice = gettext("The last 24 hours are shown by the hour: they are parts of two days.")

    def _choose_days(self, first: date, last: date, unit: str) -> None:
        if first > last:
            raise ValidationError(gettext("“From” is later than “To”. Swap the two days."))
        days = (last - first).days + 1
        if days > MAX_DAYS:
            message = gettext("These are %(days)d days. Choose at most %(limit)d at once.")
            raise ValidationError(message % {"days": days, "limit": MAX_DAYS})
        if unit == HOUR and days > MAX_DAYS_BY_HOUR:
            unit = DAY
            message = gettext("Shown by day: more than %(limit)d days are too many for single hours.")
            self.notice = message % {"limit": MAX_DAYS_BY_HOUR}
        self.period = Period.of_days(first, last, unit or (HOUR if days <= FEW_DAYS else DAY))
