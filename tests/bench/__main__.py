"""`python -m tests.bench`: the service beside two yardsticks, interleaved, as one table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import cache, desk, generate, report, run, wrk
from tests.bench.targets import TARGETS
from tests.bench.workloads import WORKLOADS
from tests.support import postgres

# Smaller desks have too few claims to move: two changes of one would be under way at once.
SMALLEST = 3_000


def _names(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        wanted = [name.strip() for name in text.split(",")]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return [name for name in known if name in wanted]

    return parse


def _sizes(text: str) -> list[int]:
    sizes = sorted({int(part.replace("_", "")) for part in text.split(",")})
    if sizes[0] < SMALLEST:
        raise argparse.ArgumentTypeError(f"a desk has {SMALLEST:,} claims or more")
    return sizes


def _options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog="Loaded desks are kept in /var/tmp (CLAIMDESK_BENCH_CACHE: elsewhere). "
        "PostgreSQL is a cluster of our own there with fsync on, unless "
        f"{postgres.ENVIRONMENT} names a server. wrk makes the load.",
    )
    parser.add_argument("--claims", type=_sizes, default=[10_000], help="sizes, e.g. 10000,1000000")
    parser.add_argument("--database", choices=("postgresql", "sqlite", "both"), default="both")
    parser.add_argument(
        "--targets", type=_names(TARGETS), default=list(TARGETS), help=", ".join(TARGETS)
    )
    parser.add_argument(
        "--workloads", type=_names(WORKLOADS), default=list(WORKLOADS), help=", ".join(WORKLOADS)
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of load for each cell and round")
    parser.add_argument("--seed", type=int, default=1, help="of the generated desk")
    parser.add_argument("--clear", action="store_true", help="remove the loaded desks and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    return parser.parse_args(arguments)


def main() -> int:
    options = _options()
    # The yardsticks run on PostgreSQL alone, and beside whatever else is asked for.
    targets = [
        name
        for name in options.targets
        if TARGETS[name].yardstick or options.database in (TARGETS[name].database, "both")
    ]
    if options.clear:
        cache.clear()
        return 0
    wrk.ensure()
    python = platform.python_version()
    print(f"     machine  {os.cpu_count()} cores, {platform.machine()}, Python {python}")
    kinds = sorted({TARGETS[name].database for name in targets})
    with cache.opened(kinds) as kept:
        print(f"       cache  {kept.place}, of {cache.version()}; --clear removes it")
        if kept.server:
            print(f"  postgresql  {kept.server.source}")
        desks = []
        for size in options.claims:
            loaded = kept.desk(size, kinds, options.seed)
            for kind, taken in loaded.bytes.items():
                print(f"{size:>12,}  claims on {kind}: {taken / 1e6:,.0f} MB")
            if kept.server and size == options.claims[0]:
                print(f"  postgresql  {desk.durability(loaded.desk.urls['postgresql'])}")
            desks.append(loaded.desk)
        results = run.measure(
            desks,
            targets,
            options.workloads,
            world=generate.world(options.seed),
            seed=options.seed,
            rounds=options.rounds,
            seconds=options.seconds,
        )
    rounds = f"{options.rounds} rounds of {options.seconds} s"
    print(f"\nMedian of {rounds}, {wrk.CONNECTIONS} connections.\n")
    print(*report.table(results), sep="\n")
    found = report.rows(results)
    if options.json:
        options.json.write_text(
            json.dumps(
                {"cells": found, "processes": report.processes(results)}, indent=1, default=str
            )
        )
    return 1 if any(row["problems"] for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
