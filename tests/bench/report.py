"""One table of medians, 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench.run import Cell, Results
from tests.bench.targets import CORE, RAW, TARGETS
from tests.bench.workloads import SELF, WORKLOADS, Goal

_ROW = "{:<14} {:<17} {:>9} {:>8} {:>5} {:>6} {:>6} {:>7} {:>7} {:>6}  {}"
_TITLES = (
    "workload",
    "target",
    "claims",
    "req/s",
    "±%",
    "×raw",
    "×core",
    "p50 ms",
    "p99 ms",
    "×grow",
    "goal",
)


def rows(results: Results) -> list[dict[str, Any]]:
    """The figures. Ratios are medians of the rounds' own ratios, so that noise over a whole round
    cancels; `growth` is requests a second at the smallest size over those here."""
    sizes = sorted({claims for _, _, claims in results.cells})
    found = []
    for (workload, target, claims), cell in sorted(
        results.cells.items(), key=lambda item: (list(WORKLOADS).index(item[0][0]), item[0][2])
    ):
        per_second = [load.per_second for load in cell.loads]
        middle = median(per_second)

        def ratio(of: str, on: str, at: int = claims, cell: Cell = cell) -> float | None:
            other = results.cells.get((on, of, at))
            if other is None or cell.problems or other.problems:
                return None
            return median(
                a.per_second / b.per_second for a, b in zip(cell.loads, other.loads, strict=True)
            )

        baseline = WORKLOADS[workload].baseline
        smaller = ratio(target, workload, sizes[0])
        found.append(
            {
                "workload": workload,
                "target": target,
                "claims": claims,
                "per_second": middle,
                "spread": (max(per_second) - min(per_second)) / 2 / middle if middle else 0,
                "of_raw": ratio(RAW, baseline),
                "of_core": ratio(CORE, baseline),
                "p50": median(load.p50 for load in cell.loads),
                "p99": median(load.p99 for load in cell.loads),
                "growth": 1 / smaller if smaller and claims != sizes[0] else None,
                "problems": cell.problems,
                "rounds": per_second,
                **_goal(workload, target, middle, ratio),
            }
        )
    return found


def _goal(workload: str, target: str, per_second: float, ratio: Any) -> dict[str, Any]:
    described = TARGETS[target]
    asked = WORKLOADS[workload]
    goal: Goal | None = asked.goal if described.database == "postgresql" else asked.on_sqlite
    if goal is None or described.yardstick:
        return {"goal": None, "met": None}
    if goal.per_second:
        return {"goal": f"≥{goal.per_second:.0f}/s", "met": per_second >= goal.per_second}
    against = target if goal.of == SELF else goal.of
    reached = ratio(against, goal.on)
    words = f"≥{goal.ratio}× {goal.on if goal.of == SELF else goal.of.removeprefix('ref:')}"
    return {"goal": words, "met": None if reached is None else reached >= goal.ratio}


def memory(results: Results) -> list[dict[str, Any]]:
    return [
        {
            "target": r.name,
            "claims": r.desk.claims,
            "cold_start": r.alone.cold_start,
            "idle": r.alone.idle,
            "loaded": r.loaded,
        }
        for r in results.runners
    ]


def table(results: Results) -> Iterator[str]:
    yield _ROW.format(*_TITLES)
    last = None
    for row in rows(results):
        if row["workload"] != last:
            yield "-" * 100
            last = row["workload"]
        verdict = {True: " met", False: " MISSED", None: ""}[row["met"]]
        yield _ROW.format(
            row["workload"],
            row["target"],
            f"{row['claims']:,}",
            f"{row['per_second']:,.0f}",
            f"{row['spread']:.0%}".rstrip("%"),
            _times(row["of_raw"]),
            _times(row["of_core"]),
            f"{row['p50']:.2f}",
            f"{row['p99']:.1f}",
            _times(row["growth"]),
            (row["goal"] or "") + verdict,
        ).rstrip()
        for problem in dict.fromkeys(row["problems"]):
            yield f"  INVALID: {problem}"
    yield "-" * 100
    yield (
        f"{'memory (PSS)':<14} {'target':<17} {'claims':>9}"
        f" {'cold start':>12} {'idle MB':>9} {'loaded MB':>10}"
    )
    for row in memory(results):
        yield (
            f"{'':<14} {row['target']:<17} {row['claims']:>9,} {row['cold_start']:>10.2f} s"
            f" {row['idle'] / 1e6:>9.0f} {row['loaded'] / 1e6:>10.0f}"
        )


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
