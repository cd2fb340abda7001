"""One table of medians, with the goals of the design's performance page beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import Any

from tests.bench.run import Cell, Results
from tests.bench.targets import CORE, RAW, TARGETS
from tests.bench.workloads import SELF, WORKLOADS, Goal

_ROW = "{:<14} {:<17} {:>9} {:>8} {:>5} {:>6} {:>6} {:>7} {:>7} {:>6} {:>6}  {}"
WIDTH = 128
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
    "cpu µs",
    "×grow",
    "goal",
)


def rows(results: Results) -> list[dict[str, Any]]:
    """The figures. Ratios are medians of the rounds' own ratios, so that noise over a whole round
    cancels; `growth` is requests a second at the smallest size over those here."""
    sizes = sorted({claims for _, _, claims in results.cells})
    lines = []
    for (workload, target, claims), cell in sorted(
        results.cells.items(), key=lambda item: (list(WORKLOADS).index(item[0][0]), item[0][2])
    ):
        per_second = [load.per_second for load in cell.loads]
        middle = median(per_second)

        def ratio(numerator: str, on: str, at: int = claims, cell: Cell = cell) -> float | None:
            other = results.cells.get((on, numerator, at))
            if other is None or cell.problems or other.problems:
                return None
            if not all(load.requests for load in other.loads):
                return None
            return median(
                a.per_second / b.per_second for a, b in zip(cell.loads, other.loads, strict=True)
            )

        baseline = WORKLOADS[workload].baseline
        smaller = ratio(target, workload, sizes[0])
        lines.append(
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
                "cpu": median(cell.cpu),
                "growth": 1 / smaller if smaller and claims != sizes[0] else None,
                "problems": cell.problems,
                "rounds": per_second,
                **_goal(workload, target, middle, median(cell.cpu), ratio),
            }
        )
    return lines


def _goal(
    workload: str, target: str, per_second: float, processor: float, ratio: Any
) -> dict[str, Any]:
    """What is asked of this row, what it reached of that, and whether it is enough."""
    target_row = TARGETS[target]
    workload_row = WORKLOADS[workload]
    goal: Goal | None = (
        workload_row.goal if target_row.database == "postgresql" else workload_row.on_sqlite
    )
    if goal is None or not target_row.judged:
        return {"goal": None, "reached": None, "met": None}
    if goal.per_second:
        return {
            "goal": f"≥{goal.per_second:.0f}/s",
            "reached": per_second,
            "met": per_second >= goal.per_second,
            "distance": per_second / goal.per_second - 1,
        }
    if goal.processor:
        return {
            "goal": f"≤{goal.processor * 1e3:g} ms cpu",
            "reached": processor,
            "met": processor <= goal.processor,
            "distance": 1 - processor / goal.processor,
        }
    against = target if goal.of == SELF else goal.of
    actual_ratio = ratio(against, goal.on)
    words = f"≥{goal.ratio}× {goal.on if goal.of == SELF else goal.of.removeprefix('ref:')}"
    if actual_ratio is None:
        return {"goal": words, "reached": None, "met": None}
    return {
        "goal": words,
        "reached": actual_ratio,
        "met": actual_ratio >= goal.ratio,
        "distance": actual_ratio / goal.ratio - 1,
    }


def processes(results: Results) -> list[dict[str, Any]]:
    """Cold start and memory of each server, with their goals."""
    lines = []
    for r in results.runners:
        for name, value, most, unit in (
            ("cold start", r.alone.cold_start, 1.2, "s"),
            ("memory idle", r.alone.idle / 1e6, 120, "MB"),
            ("memory loaded", r.loaded / 1e6, 150, "MB"),
        ):
            row: dict[str, Any] = {
                "row": name,
                "target": r.name,
                "claims": r.desk.claims,
                "value": value,
                "unit": unit,
                "goal": None,
                "met": None,
            }
            if r.target.judged:
                row |= {"goal": f"≤{most} {unit}", "met": value <= most}
                row["distance"] = 1 - value / most
            lines.append(row)
    return sorted(lines, key=lambda row: row["row"])


def _verdict(row: dict[str, Any]) -> str:
    if row["goal"] is None or row["met"] is None:
        return row["goal"] or ""
    word = "met" if row["met"] else "MISSED"
    return f"{row['goal']} {word} ({row['distance']:+.0%})"


def table(results: Results) -> Iterator[str]:
    yield _ROW.format(*_TITLES)
    last = None
    for row in rows(results):
        if row["workload"] != last:
            yield "-" * WIDTH
            last = row["workload"]
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
            f"{row['cpu'] * 1e6:,.0f}",
            _times(row["growth"]),
            _verdict(row),
        ).rstrip()
        for problem in dict.fromkeys(row["problems"]):
            yield f"  INVALID: {problem}"
    yield from _growth(results)
    last = None
    for row in processes(results):
        if row["row"] != last:
            yield "-" * WIDTH
            last = row["row"]
        figure = f"{row['value']:.2f}" if row["unit"] == "s" else f"{row['value']:,.0f}"
        yield (
            f"{row['row']:<14} {row['target']:<17} {row['claims']:>9,}"
            f" {figure:>8} {row['unit']:<52} {_verdict(row)}"
        ).rstrip()


def _growth(results: Results) -> Iterator[str]:
    """How many times as long each workload takes at the larger sizes."""
    first = True
    for row in rows(results):
        limit = WORKLOADS[row["workload"]].growth
        if row["growth"] is None or limit is None or not TARGETS[row["target"]].judged:
            continue
        if first:
            yield "-" * WIDTH
            first = False
        word = "met" if row["growth"] <= limit else "MISSED"
        yield (
            f"{'growth':<14} {row['target']:<17} {row['claims']:>9,} {row['growth']:>7.2f}×"
            f" {row['workload']:<52} ≤{limit}× {word} ({1 - row['growth'] / limit:+.0%})"
        )


def summarize_goals(rows: Iterable[Mapping[str, Any]]) -> str:
    """Say in one line how many goals are met, and which are missed."""
    judged_rows = [row for row in rows if row["met"] is not None]
    missed_rows = [row for row in judged_rows if not row["met"]]
    names = ", ".join(
        f"{row.get('workload') or row['row']} of {row.get('target') or row['database']}"
        f" ({row['distance']:+.0%})"
        for row in missed_rows
    )
    verdict = f"{len(judged_rows) - len(missed_rows)} of {len(judged_rows)} goals are met"
    return f"{verdict}; missed: {names}." if missed_rows else f"{verdict}."


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
