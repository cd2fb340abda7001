"""Figures with what is asked of them, and the table of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.bench.report import WIDTH

_ROW = "{:<15} {:<50} {:<11} {:>10} {:<7} {:>5}  {}"


@dataclass(frozen=True)
class Goal:
    """At least, or at most, so much."""

    least: float | None = None
    most: float | None = None

    def is_met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def distance(self, value: float) -> float:
        """How far on the good side, as a share of the goal."""
        if self.least is not None:
            return value / self.least - 1
        assert self.most is not None
        return 1 - value / self.most

    def __str__(self) -> str:
        sign, limit = ("≥", self.least) if self.least is not None else ("≤", self.most)
        return f"{sign}{limit:,g}"


@dataclass(frozen=True)
class Figure:
    """The median of `rounds`. `problem`: why it is no figure."""

    part: str
    row: str
    kind: str
    unit: str
    rounds: tuple[float, ...]
    goal: Goal | None = None
    problem: str | None = None

    @property
    def value(self) -> float:
        return median(self.rounds) if self.rounds else float("nan")

    @property
    def spread(self) -> float:
        middle = self.value
        return (max(self.rounds) - min(self.rounds)) / 2 / middle if middle else 0


@dataclass
class Rounds:
    """What the rounds of one part find, by row and kind."""

    part: str
    _found: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    _goals: dict[tuple[str, str, str], Goal] = field(default_factory=dict)
    _problems: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(
        self, row: str, kind: str, unit: str, value: float | None, goal: Goal | None = None
    ) -> None:
        key = row, kind, unit
        values = self._found.setdefault(key, [])
        if value is not None:
            values.append(value)
        if goal is not None:
            self._goals[key] = goal

    def add_problem(self, row: str, kind: str, unit: str, problem: str) -> None:
        self._found.setdefault((row, kind, unit), [])
        self._problems[row, kind, unit] = problem

    def list_values(self, row: str, kind: str, unit: str) -> list[float]:
        return self._found.get((row, kind, unit), [])

    def figures(self) -> list[Figure]:
        return [
            Figure(
                self.part,
                *key,
                tuple(values),
                self._goals.get(key),
                self._problems.get(key),
            )
            for key, values in sorted(self._found.items(), key=lambda item: item[0][1])
        ]


def table(figures: Sequence[Figure]) -> Iterator[str]:
    yield _ROW.format("part", "figure", "database", "median", "", "±%", "goal")
    last = None
    for figure in figures:
        if figure.part != last:
            yield "-" * WIDTH
            last = figure.part
        if figure.rounds:
            yield _ROW.format(
                figure.part,
                figure.row,
                figure.kind,
                _number(figure.value),
                figure.unit,
                f"{figure.spread:.0%}".rstrip("%") if len(figure.rounds) > 1 else "",
                _verdict(figure),
            ).rstrip()
        if figure.problem is not None:
            yield f"  INVALID: {figure.part}, {figure.row}, {figure.kind}: {figure.problem}"


def describe_figures(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """For --json."""
    return [
        {
            "part": figure.part,
            "row": figure.row,
            "database": figure.kind,
            "unit": figure.unit,
            "value": figure.value,
            "spread": figure.spread if figure.rounds else None,
            "rounds": figure.rounds,
            "goal": str(figure.goal) if figure.goal else None,
            "met": figure.goal.is_met(figure.value) if figure.goal else None,
            "distance": figure.goal.distance(figure.value) if figure.goal else None,
            "problems": [figure.problem] if figure.problem else [],
        }
        for figure in figures
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    word = "met" if figure.goal.is_met(figure.value) else "MISSED"
    return f"{figure.goal} {word} ({figure.goal.distance(figure.value):+.0%})"
