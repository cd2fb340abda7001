"""A generated desk in every database that is measured, and the sample of what to ask of it."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from urllib.parse import urlsplit

import asyncpg

from tests.bench import copies, generate, sample
from tests.bench.sample import Sample
from tests.bench.targets import TARGETS, Loader

PROCESSES = 2


@dataclass(frozen=True)
class Desk:
    """One size of desk. `urls`: a database of each kind that somebody needs."""

    claims: int
    urls: dict[str, str]
    sample: Sample


def fill(claims: int, urls: dict[str, str], seed: int, made_copies: int | None = None) -> Sample:
    """Generate `claims` claims once and load them into empty databases, one of each kind: through
    the loader of every target there, so that a desk serves whichever is measured. A large desk is
    made of copies (`copies.py`)."""
    made_copies = made_copies or copies.choose_copies(claims)
    start = time.perf_counter()
    loads: dict[tuple[int, str], tuple[str, str]] = {}  # yardsticks share their tables
    for name, target in TARGETS.items():
        if target.database in urls:
            loads.setdefault((id(target.loader), target.database), (name, urls[target.database]))
    todo = tuple(loads.values())
    for name, url in todo:
        _loader(name).begin(url, _world(seed))
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        numbers = generate.chunk_numbers(claims)
        parts = []
        for part in pool.map(
            _load, [(claims, number, seed, made_copies, todo) for number in numbers]
        ):
            parts.append(part)
            if len(parts) % 10 == 0:
                print(f"{len(parts) * generate.CHUNK:>12,}  {_format_seconds(start)}", flush=True)
        drawn_sample = sample.merged(parts, seed)
    load_end = time.perf_counter()
    for name, url in todo:
        _loader(name).finish(url)
    for url in urls.values():
        settle(url)
    print(
        f"{claims:>12,}  claims loaded in {_format_seconds(start)}, "
        f"{_format_seconds(load_end)} of it for indexes",
        flush=True,
    )
    return drawn_sample


def _format_seconds(moment: float) -> str:
    return f"{time.perf_counter() - moment:.0f} s"


@cache
def _world(seed: int) -> generate.World:
    return generate.world(seed)


def _loader(target: str) -> Loader:
    return TARGETS[target].loader


def _load(job: tuple[int, int, int, int, tuple[tuple[str, str], ...]]) -> Sample:
    claims, number, seed, made_copies, todo = job
    world = _world(seed)
    gc.disable()  # nothing here refers to itself: looking for that takes a fifth of the time
    new_claims = list(generate.chunk(world, claims, number, seed, made_copies))
    for name, url in todo:
        _loader(name).chunk(url, world, new_claims, number, made_copies)
    gc.enable()
    return sample.draw(new_claims, claims, number, seed)


def settle(url: str) -> None:
    """Leave no housekeeping for the measurement: statistics, dead rows, dirty pages."""
    if url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(url)) as connection:
            connection.execute("ANALYZE")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    else:
        asyncio.run(execute(url, "VACUUM (FREEZE, ANALYZE)", "CHECKPOINT"))


def count(url: str, table: str) -> int:
    query = f'SELECT count(*) FROM "{table}"'
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()
    return int(asyncio.run(execute(url, query)))


def durability(url: str) -> str:
    """In words, what a commit means there."""
    if url.startswith("sqlite"):
        return "as the service opens it"
    return "fsync {}, synchronous_commit {}".format(
        *(asyncio.run(execute(url, f"SHOW {name}")) for name in ("fsync", "synchronous_commit"))
    )


def sqlite_path(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def execute(url: str, *statements: str) -> str:
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
