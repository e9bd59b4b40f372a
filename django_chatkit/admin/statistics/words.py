"""What the statistics say in a few words, before anybody looks at a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext

from .counting import Tally
from .periods import DAY, Period


@dataclass(frozen=True)
class Figure:
    """A number with its name, and a remark."""

    label: str
    value: str
    remark: str = ""


def figures(period: Period, tallies: Sequence[Tally], before: int) -> list[Figure]:
    """How many there were, how that compares with the time before, and when most of them were issued."""
    total = sum(tally.total for tally in tallies)
    return [
        Figure(gettext("Sessions"), number(total)),
        Figure(capfirst(period.before), number(before), _change(total, before)),
        _busiest(period, tallies),
    ]


def number(value: int) -> str:
    """With the language's own grouping of digits."""
    return formats.number_format(value, force_grouping=True)


def _change(total: int, before: int) -> str:
    if not before:
        return ""
    percent = round(abs(total - before) * 100 / before)
    words = gettext("now %(percent)s %% more") if total > before else gettext("now %(percent)s %% fewer")
    return words % {"percent": number(percent)} if percent else gettext("now about as many")


def _busiest(period: Period, tallies: Sequence[Tally]) -> Figure:
    label = gettext("Busiest day") if period.unit == DAY else gettext("Busiest hour")
    most = max(tallies, key=lambda tally: tally.total)
    if not most.total:
        return Figure(label, gettext("none"))
    remark = ngettext("%(count)s session", "%(count)s sessions", most.total) % {"count": number(most.total)}
    return Figure(label, period.names[tallies.index(most)], remark)
