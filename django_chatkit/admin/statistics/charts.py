"""Bars as SVG draws them: lengths that templates write as they are, whatever the language's decimal sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import formats

from .counting import Tally
from .periods import DAY, Period

#: Pixels. Across, a chart is as wide as the page: there everything is in percent.
HEIGHT = 220
#: Units of the small charts, which are scaled as a whole.
SMALL_WIDTH, SMALL_HEIGHT = 300, 60
#: Numbers beside a chart, and times below it, at most.
MAX_TICKS, MAX_TIMES = 5, 8


@dataclass(frozen=True)
class Part:
    """The sessions of one status in a bar."""

    status: str
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    """An hour or a day: the place it has (``left``, ``room``), the bar in it, and what it says when pointed at."""

    name: str
    tally: Tally
    left: str
    room: str
    x: str
    width: str
    parts: list[Part]


@dataclass(frozen=True)
class Tick:
    """A number beside a chart, or a time below it. Narrow screens leave out what is ``minor``."""

    label: str
    place: str
    minor: bool = False


@dataclass(frozen=True)
class Chart:
    """Bars over time, stacked by status."""

    bars: list[Bar]
    numbers: list[Tick]
    times: list[Tick]
    height: int = HEIGHT


def chart(period: Period, tallies: Sequence[Tally]) -> Chart:
    """The big chart."""
    step = round_step(max(tally.total for tally in tallies))
    top = step * max(-(-max(tally.total for tally in tallies) // step), 1)
    return Chart(
        bars=[_bar(index, name, tallies, top) for index, name in enumerate(period.names)],
        numbers=[Tick(_number(value), _pixels(top - value, top, HEIGHT)) for value in range(0, top + 1, step)],
        times=list(_times(period)),
    )


def small_chart(tallies: Sequence[Tally], top: int) -> list[tuple[str, str]]:
    """A path for each status: the bars of a small chart, of which ``top`` is the height."""
    paths: dict[str, str] = {}
    room = SMALL_WIDTH / len(tallies)
    for index, tally in enumerate(tallies):
        for part in _parts(tally, top, SMALL_HEIGHT):
            bar = f"M{index * room:.2f} {part.y}h{room * 0.8:.2f}v{part.height}h-{room * 0.8:.2f}z"
            paths[part.status] = paths.get(part.status, "") + bar
    return list(paths.items())


def round_step(largest: int) -> int:
    """The smallest step of 1, 2 or 5 times a power of ten that reaches ``largest`` in a few steps."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * (MAX_TICKS - 1) >= largest:
                return step
        size *= 10


def _bar(index: int, name: str, tallies: Sequence[Tally], top: int) -> Bar:
    room = 100 / len(tallies)
    return Bar(
        name=name,
        tally=tallies[index],
        left=f"{index * room:.3f}%",
        room=f"{room:.3f}%",
        x=f"{(index + 0.1) * room:.3f}%",
        width=f"{room * 0.8:.3f}%",
        parts=list(_parts(tallies[index], top, HEIGHT)),
    )


def _parts(tally: Tally, top: int, height: int) -> Iterator[Part]:
    """From the bottom up. The smallest number can still be seen."""
    y = float(height)
    for status, number in tally.parts():
        if number:
            length = max(number / top * height, 1)
            y -= length
            yield Part(str(status), f"{y:.2f}", f"{length:.2f}")


def _times(period: Period) -> Iterator[Tick]:
    starts = period.starts
    step = _time_step(len(starts), period.unit)
    for number, index in enumerate(range(0, len(starts), step)):
        place = f"{(index + 0.5) / len(starts) * 100:.3f}%"
        yield Tick(_time(starts[index], period.unit), place, minor=bool(number % 2))


def _time_step(count: int, unit: str) -> int:
    steps = (1, 2, 7, 14, 28, 56) if unit == DAY else (1, 3, 6, 12, 24, 48)
    return next(step for step in steps if count / step <= MAX_TIMES)


def _time(moment: datetime, unit: str) -> str:
    """An hour, or a day without its year and with its month cut short, in the language's own order."""
    if unit == DAY or moment.hour == 0:
        return formats.date_format(moment, formats.get_format("MONTH_DAY_FORMAT").replace("F", "M"))
    return formats.time_format(moment, "TIME_FORMAT")


def _number(value: int) -> str:
    return formats.number_format(value, force_grouping=True)


def _pixels(value: int, top: int, height: int) -> str:
    return f"{value / top * height:.2f}"
