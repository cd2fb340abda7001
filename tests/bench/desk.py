"""A generated desk in every database that is measured, and the sample of what to ask of it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import asyncpg

from tests.bench import generate, sample
from tests.bench.sample import Sample
from tests.bench.targets import TARGETS, Loader

PROCESSES = 2


@dataclass(frozen=True)
class Desk:
    """One size of desk. `urls`: a database of each kind that somebody needs."""

    claims: int
    urls: dict[str, str]
    sample: Sample


def fill(claims: int, urls: dict[str, str], targets: Iterable[str], seed: int) -> Desk:
    """Generate `claims` claims once and load them through the loader of each target."""
    started = time.perf_counter()
    loads: dict[tuple[int, str], tuple[str, str]] = {}  # yardsticks share their tables
    for name in targets:
        target = TARGETS[name]
        loads.setdefault((id(target.loader), target.database), (name, urls[target.database]))
    todo = tuple(loads.values())
    for name, url in todo:
        _loader(name).begin(url, _world(seed))
    with ProcessPoolExecutor(PROCESSES) as pool:
        numbers = generate.chunk_numbers(claims)
        parts = pool.map(_load, [(claims, number, seed, todo) for number in numbers])
        drawn = sample.merged(parts, seed)
    for name, url in todo:
        _loader(name).finish(url)
        settle(url)
    print(
        f"{claims:>12,}  claims generated and loaded in {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return Desk(claims, urls, drawn)


@cache
def _world(seed: int) -> generate.World:
    return generate.world(seed)


def _loader(target: str) -> Loader:
    return TARGETS[target].loader


def _load(job: tuple[int, int, int, tuple[tuple[str, str], ...]]) -> Sample:
    claims, number, seed, todo = job
    world = _world(seed)
    made = list(generate.chunk(world, claims, number, seed))
    for name, url in todo:
        _loader(name).chunk(url, world, made)
    return sample.draw(made, claims, number, seed)


def settle(url: str) -> None:
    """Leave no housekeeping for the measurement: statistics, dead rows, dirty pages."""
    if url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(url)) as connection:
            connection.execute("ANALYZE")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    else:
        asyncio.run(_execute(url, "VACUUM (ANALYZE)", "CHECKPOINT"))


def count(url: str, table: str) -> int:
    query = f'SELECT count(*) FROM "{table}"'
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()
    return int(asyncio.run(_execute(url, query)))


def durability(url: str) -> str:
    """In words, what a commit means there."""
    if url.startswith("sqlite"):
        return "as the service opens it"
    return "fsync {}, synchronous_commit {}".format(
        *(asyncio.run(_execute(url, f"SHOW {name}")) for name in ("fsync", "synchronous_commit"))
    )


def sqlite_path(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def _execute(url: str, *statements: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        last = statements[-1]
        if last.startswith("S"):
            return str(await connection.fetchval(last))
        return str(await connection.execute(last))
    finally:
        await connection.close()
