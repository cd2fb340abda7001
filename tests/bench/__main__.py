"""`python -m tests.bench`: the service beside two yardsticks, interleaved, as one table."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.bench import desk, generate, report, run, wrk
from tests.bench.targets import TARGETS
from tests.bench.workloads import WORKLOADS
from tests.support import postgres


def _names(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        wanted = [name.strip() for name in text.split(",")]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return [name for name in known if name in wanted]

    return parse


def _sizes(text: str) -> list[int]:
    return sorted({int(part.replace("_", "")) for part in text.split(",")})


def _options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog="PostgreSQL is a throwaway cluster with fsync on, unless "
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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _databases(sizes: list[int], kinds: set[str]) -> Iterator[list[dict[str, str]]]:
    """For each size the URL of an empty database of each kind."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="claimdesk-bench-"))
        urls: list[dict[str, str]] = [
            {"sqlite": f"sqlite:///{folder}/desk-{size}.db"} for size in sizes
        ]
        if "postgresql" in kinds:
            server = postgres.provide(durable=True, own=postgres.ENVIRONMENT not in os.environ)
            stack.callback(server.stop)
            for url in urls:
                url["postgresql"] = server.create_database()
            print(f"  postgresql  {server.source}; {desk.durability(urls[0]['postgresql'])}")
        yield urls


def main() -> int:
    options = _options()
    # The yardsticks run on PostgreSQL alone, and beside whatever else is asked for.
    targets = [
        name
        for name in options.targets
        if TARGETS[name].yardstick or options.database in (TARGETS[name].database, "both")
    ]
    wrk.ensure()
    python = platform.python_version()
    print(f"     machine  {os.cpu_count()} cores, {platform.machine()}, Python {python}")
    with _databases(options.claims, {TARGETS[name].database for name in targets}) as urls:
        desks = [
            desk.fill(size, url, targets, options.seed)
            for size, url in zip(options.claims, urls, strict=True)
        ]
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
            json.dumps({"cells": found, "memory": report.memory(results)}, indent=1)
        )
    return 1 if any(row["problems"] for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
