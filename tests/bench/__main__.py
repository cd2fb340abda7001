"""`python -m tests.bench`: the service beside two yardsticks, interleaved, as one table; then its
webhooks, its event streams and long work, as others."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench import cache, desk, generate, page, plans, report, run, streams, work, wrk
from tests.bench.targets import TARGETS
from tests.bench.webhooks import figures
from tests.bench.webhooks import run as webhooks
from tests.bench.workloads import WORKLOADS
from tests.support import postgres

PARTS = ("requests", *webhooks.PARTS, streams.PART, work.PART)
APART = (plans.PART,)
"""No measurements: they are made where they are named."""
SEARCH = "search"
"""The requests that search, alone."""
ALIASES = {"webhooks": webhooks.PARTS, SEARCH: (SEARCH,)}

# Smaller desks have too few claims to move: two changes of one would be under way at once.
SMALLEST = 3_000


def _names(choices: Mapping[str, object]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        unknown = [name for name in names if name not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)}: not one of {', '.join(choices)}"
            )
        return [name for name in choices if name in names]

    return parse


def _part(text: str) -> tuple[str, ...]:
    if text not in (*PARTS, *ALIASES, *APART):
        raise argparse.ArgumentTypeError(
            f"{text}: not one of {', '.join((*ALIASES, *PARTS, *APART))}"
        )
    return ALIASES.get(text, (text,))


def _sizes(text: str) -> list[int]:
    sizes = sorted({int(part.replace("_", "")) for part in text.split(",")})
    if sizes[0] < SMALLEST:
        raise argparse.ArgumentTypeError(f"a desk has {SMALLEST:,} claims or more")
    return sizes


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog="Loaded desks are kept in /var/tmp (CLAIMDESK_BENCH_CACHE: elsewhere). "
        "PostgreSQL is a cluster of our own there with fsync on, unless "
        f"{postgres.ENVIRONMENT} names a server. wrk makes the load.",
    )
    parser.add_argument(
        "parts",
        nargs="*",
        type=_part,
        help="requests, or streams, or work, or webhooks, or of these only: "
        + ", ".join(webhooks.PARTS)
        + "; or plans, which prints how the databases answer"
        + ". All, unless targets, workloads or sizes are chosen, which only requests have",
    )
    parser.add_argument("--claims", type=_sizes, help="sizes, e.g. 10000,1000000")
    parser.add_argument("--database", choices=("postgresql", "sqlite", "both"), default="both")
    parser.add_argument("--targets", type=_names(TARGETS), help=", ".join(TARGETS))
    parser.add_argument("--workloads", type=_names(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, help="5 of requests, 3 of others; for a page 3 and 2")
    parser.add_argument("--seconds", type=int, default=2, help="of load for each cell and round")
    parser.add_argument("--seed", type=int, default=1, help="of the generated desk")
    parser.add_argument("--clear", action="store_true", help="remove the loaded desks and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="write all tables there, as docs/benchmarks.md has them; if nothing is chosen, "
        "what that page has is measured: " + ", ".join(page.PARTS),
    )
    options = parser.parse_args(arguments)
    chosen_parts = {part for parts in options.parts for part in parts}
    if not chosen_parts:
        is_narrowed = options.claims or options.targets or options.workloads
        all_parts = page.PARTS if options.page else PARTS
        chosen_parts = {"requests"} if is_narrowed else {*all_parts}
    if SEARCH in chosen_parts:
        chosen_parts.add("requests")
        options.workloads = [name for name in WORKLOADS if name.startswith(SEARCH)]
    options.parts = [part for part in (*PARTS, *APART) if part in chosen_parts]
    options.claims = options.claims or [10_000]
    options.targets = options.targets or list(TARGETS)
    options.workloads = options.workloads or list(WORKLOADS)
    return options


def main() -> int:
    options = parse_options()
    if options.clear:
        cache.clear()
        return 0
    if {*options.parts} <= {*APART}:
        return _plans(options)
    wrk.ensure()
    python = platform.python_version()
    print(f"     machine  {os.cpu_count()} cores, {platform.machine()}, Python {python}")
    results: dict[str, list[dict[str, Any]]] = {}
    tables: list[str] = []
    if "requests" in options.parts:
        results |= _requests(options, tables)
    if {*options.parts} & {*webhooks.PARTS}:
        results["webhooks"] = _webhooks(options, tables)
    if streams.PART in options.parts:
        results[streams.PART] = _streams(options, tables)
    if work.PART in options.parts:
        results[work.PART] = _work(options, tables)
    if tables:
        summary = report.summarize_goals(row for rows in results.values() for row in rows)
        print(f"\n{summary}")
        if options.page:
            options.page.write_text(page.render_page(options.claims, results, summary, tables))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, default=str))
    return 1 if any(row.get("problems") for rows in results.values() for row in rows) else 0


def _requests(options: argparse.Namespace, tables: list[str]) -> dict[str, list[dict[str, Any]]]:
    # What is not ours runs on a database of its own choice, beside whatever else is asked for.
    targets = [
        name
        for name in options.targets
        if not TARGETS[name].judged or options.database in (TARGETS[name].database, "both")
    ]
    for name in list(targets):
        missing = TARGETS[name].install()
        if missing is not None:
            targets.remove(name)
            print(f"  {name} is left out: {missing}")
    kinds = sorted({TARGETS[name].database for name in targets})
    count = options.rounds or (3 if options.page else 5)
    with _open_caches(kinds) as caches:
        desks = []
        for size in options.claims:
            loaded_desk = caches.desk(size, kinds, options.seed)
            for kind, bytes_taken in loaded_desk.bytes.items():
                print(f"{size:>12,}  claims on {kind}: {bytes_taken / 1e6:,.0f} MB")
            if caches.server and size == options.claims[0]:
                print(f"  postgresql  {desk.durability(loaded_desk.desk.urls['postgresql'])}")
            desks.append(loaded_desk.desk)
        results = run.measure(
            desks,
            targets,
            options.workloads,
            world=generate.world(options.seed),
            seed=options.seed,
            rounds=count,
            seconds=options.seconds,
        )
    rounds = f"Median of {count} rounds of {options.seconds} s, {wrk.CONNECTIONS} connections"
    tables.append(_print_table(f"{rounds}, on the same machine.", report.table(results)))
    return {"cells": report.rows(results), "processes": report.processes(results)}


def _print_table(heading: str, rows: Iterator[str]) -> str:
    """Print a table; return it as the page has it."""
    text = "\n".join(rows)
    print(f"\n{heading}\n\n{text}")
    return f"{heading}\n\n```text\n{text}\n```\n"


def _streams(options: argparse.Namespace, tables: list[str]) -> list[dict[str, Any]]:
    kinds = _kinds(options)
    with _open_caches(kinds) as caches:
        rounds = streams.measure(
            caches, kinds, seed=options.seed, rounds=options.rounds or (2 if options.page else 3)
        )
    return _show(options, rounds, tables)


def _work(options: argparse.Namespace, tables: list[str]) -> list[dict[str, Any]]:
    kinds = _kinds(options)
    with _open_caches(kinds) as caches:
        rounds = work.measure(
            caches,
            kinds,
            claims=options.claims[-1],
            seed=options.seed,
            rounds=options.rounds or (2 if options.page else 3),
        )
    return _show(options, rounds, tables)


def _show(
    options: argparse.Namespace, measured: list[figures.Figure], tables: list[str]
) -> list[dict[str, Any]]:
    heading = f"Median of {options.rounds or (2 if options.page else 3)} rounds."
    tables.append(_print_table(heading, figures.table(measured)))
    return figures.describe_figures(measured)


def _plans(options: argparse.Namespace) -> int:
    with _open_caches(_kinds(options)) as caches:
        for kind in _kinds(options):
            loaded = caches.desk(options.claims[-1], [kind], options.seed, plans.PART).desk
            requests = plans.explain(kind, loaded, generate.world(options.seed))
            print("\n", *plans.describe(kind, requests), sep="\n")
    return 0


def _kinds(options: argparse.Namespace) -> list[str]:
    return ["postgresql", "sqlite"] if options.database == "both" else [options.database]


def _webhooks(options: argparse.Namespace, tables: list[str]) -> list[dict[str, Any]]:
    kinds = _kinds(options)
    with _open_caches(kinds) as caches:
        rounds = webhooks.measure(
            caches,
            kinds,
            options.parts,
            seed=options.seed,
            rounds=options.rounds or (2 if options.page else 3),
            seconds=options.seconds,
        )
    return _show(options, rounds, tables)


@contextlib.contextmanager
def _open_caches(kinds: list[str]) -> Iterator[cache.Cache]:
    with cache.open_caches(kinds) as caches:
        print(f"       cache  {caches.place}, of {cache.version()}; --clear removes it")
        if caches.server:
            print(f"  postgresql  {caches.server.source}")
        yield caches


if __name__ == "__main__":
    sys.exit(main())
