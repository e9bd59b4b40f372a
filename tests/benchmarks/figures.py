"""What benchmarks say: figures, of which those with a rival are ratios, and goals that are met or not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A bound for a figure's ``ratio``, or for its ``value`` where it has no rival."""

    most: float | None = None
    least: float | None = None

    def is_met(self, figure: float) -> bool:
        return (self.most is None or figure <= self.most) and (self.least is None or figure >= self.least)

    def __str__(self) -> str:
        bounds = (("≤", self.most), ("≥", self.least))
        return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


def at_most(bound: float) -> Goal:
    return Goal(most=bound)


def at_least(bound: float) -> Goal:
    return Goal(least=bound)


@dataclass(frozen=True)
class Figure:
    """One line of the table: ``value`` of ours, in ``unit``, beside ``rival_value`` of ``rival``.

    ``what`` says what is done ("issue a session"), ``measure`` what is counted ("CPU"). ``note`` says what a reader has
    to know besides.
    """

    what: str
    measure: str
    value: float
    unit: str
    rival: str = ""
    rival_value: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours to the rival's."""
        return self.value / self.rival_value if self.rival_value else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; ``None`` if there is none."""
        if self.goal is None:
            return None
        return self.goal.is_met(self.value if self.ratio is None else self.ratio)

    def as_json(self) -> dict[str, Any]:
        goal = None if self.goal is None else str(self.goal)
        return {**asdict(self), "ratio": self.ratio, "goal": goal, "is_met": self.is_met}


def table(figures: list[Figure]) -> str:
    """Markdown."""
    lines = ["| what | measure | ours | against | theirs | ratio | goal | |", "|---|---|--:|---|--:|--:|--:|---|"]
    return "\n".join(lines + [f"| {' | '.join(_cells(figure))} |" for figure in figures])


def _cells(figure: Figure) -> list[str]:
    theirs = "" if figure.rival_value is None else _number(figure.rival_value, figure.unit)
    ratio = "" if figure.ratio is None else f"**{figure.ratio:.2f}**"
    goal = "" if figure.goal is None else str(figure.goal)
    verdict = {None: "", True: "met", False: "**not met**"}[figure.is_met]
    what = f"{figure.what} ({figure.note})" if figure.note else figure.what
    return [what, figure.measure, _number(figure.value, figure.unit), figure.rival, theirs, ratio, goal, verdict]


def _number(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value >= 1_000 or value == int(value) else f"{value:.3g}"
    return f"{digits} {unit}".strip()
