"""docs/benchmarks.md: where each goal stands, what cannot be compared, then all figures.

A fall is seen by whoever reads its diff.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.bench import peer_pocketbase
from tests.bench.targets import EMBEDDED, PEER, SERVICE
from tests.bench.webhooks import latency

Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""All rows that were measured, by part."""
PARTS = ("requests", "deliveries", "latency", "hole", "streams", "work")
"""What is measured for a page, if no part is named."""


@dataclass(frozen=True)
class Stand:
    """A line of the first table: a kind of work, and where its figure is among those results."""

    work: str
    part: str
    where: Mapping[str, str]
    peer: str = ""
    """The peer's row of the same work."""

    def find(self, results: Results, target: str = "") -> Mapping[str, Any] | None:
        place_filter = {**self.where, **({"target": target} if target else {})}
        rows = [
            row
            for row in results.get(self.part, ())
            if all(row.get(name) == value for name, value in place_filter.items())
        ]
        return rows[-1] if rows else None  # the largest desk's


def _of_request(work: str, workload: str, target: str = SERVICE) -> Stand:
    return Stand(work, "cells", {"workload": workload, "target": target}, workload)


def _of_process(work: str, row: str, target: str = SERVICE) -> Stand:
    return Stand(work, "processes", {"row": row, "target": target}, row)


def _of_work(work: str, row: str, database: str = "postgresql", part: str = "work") -> Stand:
    return Stand(work, part, {"row": row, "database": database})


DELIVERIES = {"row": "10 endpoints, answered at once", "database": "postgresql", "unit": "/s"}
CORES = len(os.sched_getaffinity(0))
STANDS = (
    _of_request("get", "get"),
    _of_request("get 304", "get 304"),
    _of_request("get with evidence (`expand=links`)", "get+evidence"),
    _of_request("list of 25", "list"),
    _of_request("1,000th page", "1000th page"),
    _of_request("filtered page", "filtered"),
    _of_request("as-of, one", "as-of"),
    _of_request("list as-of", "list as-of"),
    _of_request("search: a common word", "search common"),
    _of_request("search: two common words", "search two common"),
    _of_request("search: a rare word", "search rare"),
    _of_request("search: a phrase", "search phrase"),
    _of_request("search: a prefix", "search prefix"),
    _of_request("search: filtered", "search filtered"),
    _of_request("board", "board"),
    _of_request("create", "create"),
    _of_request("status change", "transition"),
    _of_request("create, SQLite", "create", EMBEDDED),
    _of_request("status change, SQLite", "transition", EMBEDDED),
    _of_process("memory idle", "memory idle"),
    _of_process("memory loaded", "memory loaded"),
    _of_process("memory loaded, SQLite", "memory loaded", EMBEDDED),
    _of_process("cold start", "cold start"),
    _of_process("cold start, SQLite", "cold start", EMBEDDED),
    _of_work("bytes a claim", "room of a claim"),
    _of_work("bytes a claim, SQLite", "room of a claim", "sqlite"),
    _of_work(f"`verify`, {CORES} cores", f"verify, {CORES} at once"),
    _of_work(f"`verify`, {CORES} cores, SQLite", f"verify, {CORES} at once", "sqlite"),
    _of_work("import of CSV, SQLite", "import of csv", "sqlite"),
    Stand("webhooks a second and worker", "webhooks", DELIVERIES),
    _of_work("event → 2xx, idle, p99", "idle: p99", part="webhooks"),
    _of_work("event → 2xx, idle, p99, SQLite", "idle: p99", "sqlite", "webhooks"),
    _of_work("one black hole among ten", latency.BESIDE_A_HOLE, part="webhooks"),
    _of_work("one black hole among ten, SQLite", latency.BESIDE_A_HOLE, "sqlite", "webhooks"),
    _of_work("1,000 event streams: memory", "PSS of 1000 streams", part="streams"),
    _of_work("1,000 event streams: p99", "50 changes/s: p99", part="streams"),
)


def list_stands(results: Results) -> Iterator[tuple[str, ...]]:
    """The cells of the first table."""
    for stand in STANDS:
        row = stand.find(results)
        if row is None:
            yield stand.work, "not measured", "", "", "", ""
            continue
        other = stand.find(results, target=PEER) if stand.peer else None
        yield (
            stand.work,
            _describe(row),
            _describe_reached(row),
            row["goal"] or "",
            {None: "", True: "yes", False: "**no**"}[row["met"]],
            _describe(other) if other else "",
        )


def _describe(row: Mapping[str, Any]) -> str:
    if row.get("problems"):
        return "invalid"
    if "per_second" in row:
        cpu = row["cpu"]
        time_text = f"{cpu * 1e3:.1f} ms" if cpu >= 0.001 else f"{cpu * 1e6:.0f} µs"
        return f"{row['per_second']:,.0f}/s · {time_text}"
    value = row["value"]
    return f"{value:,.0f} {row['unit']}" if value >= 100 else f"{value:.3g} {row['unit']}"


def _describe_reached(row: Mapping[str, Any]) -> str:
    """A ratio where one is asked for."""
    if row.get("reached") is None or "×" not in row["goal"]:
        return ""
    return f"{row['reached']:.2f} {row['goal'].split(' ', 1)[1]}".replace(" ", " × ", 1)


def render_page(
    claims: Sequence[int], results: Results, summary: str, tables: Sequence[str]
) -> str:
    describing = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describing, capture_output=True, text=True, check=True).stdout.strip()
    sizes = ", ".join(f"{size:,}" for size in claims)
    titles = ("Work", "Now", "Against", "Goal", "Holds", f"PocketBase {peer_pocketbase.VERSION}")
    lines = [titles, ("---",) * len(titles), *list_stands(results)]
    table_lines = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    differences = "\n".join(f"- {difference}" for difference in peer_pocketbase.DIFFERENCES)
    text = "\n".join(tables)
    return f"""\
# Benchmarks

Written by `make bench ARGS="--page docs/benchmarks.md"` on a quiet machine. The service is measured
beside two yardsticks (`tests/bench/ref_raw.py`, `ref_core.py`: minimal applications without keys,
evidence or rules) and a peer, in one interleaved run; then its webhooks, its event streams, and
long work on a desk. Absolute figures are those of one machine; read the ratios.

| | |
|---|---|
| commit | {commit} |
| date | {datetime.now(UTC):%Y-%m-%d} |
| machine | {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()} |
| claims | {sizes} |

{summary}

## Where it stands

Requests a second with 16 connections, and the server's processor time for one. On PostgreSQL, if
nothing else is said; "raw" and "core" are the yardsticks.

{table_lines}

## What cannot be compared

{differences}

## All figures

{text}"""
