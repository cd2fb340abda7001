"""Long work on a desk, and large claims: import, verification, bytes a claim, similar claims, and a
claim that five thousand statements are linked to."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import asyncpg

from service.store import tables
from tests.bench import generate
from tests.bench.cache import Cache
from tests.bench.places import ROOT
from tests.bench.servers import Client
from tests.bench.service_load import new_key, sqlite_path
from tests.bench.webhooks.figures import Figure, Goal, Rounds
from tests.bench.webhooks.service import run_server

PART = "work"
ROWS = 10_000  # of an imported file: the second that a command takes to start is a tenth of it
LINKS, FEW = 5_000, 5
LARGE = 100_000  # claims above which one process alone is not waited for
ASKED = 200  # requests of each kind, one after the other
FAST_IMPORT = Goal(least=1_000)
FAST_VERIFY = Goal(least=1_000_000 / 60)
ROOM = Goal(most=12_000)
MAPPING = """
name = "bench"
rated_by = "Example Fact-check"
[columns]
text = "{text}"
claimant = "{by}"
date = "{date}"
url = "{url}"
label = "{label}"
[claimants]
unknown = "create"
"""
SHEET = MAPPING.format(text="Claim", by="By", date="Date", url="Link", label="Rating")
LIST = MAPPING.format(
    text="claimReviewed",
    by="itemReviewed.author.name",
    date="itemReviewed.datePublished",
    url="url",
    label="reviewRating.alternateName",
)
Row = tuple[str, str, str, str, str]
"""Text, who claims it, date, address, label."""


def measure(
    cache: Cache, kinds: Sequence[str], *, claims: int, seed: int, rounds: int
) -> list[Figure]:
    world = generate.world(seed)
    results = Rounds(PART)
    for turn in range(rounds):
        bench_desk = cache.desk(claims, kinds, seed, PART).desk
        for kind in kinds:
            url = bench_desk.urls[kind]
            results.add("room of a claim", kind, "B", _weigh(url) / claims, ROOM)
            _verify(results, kind, url, claims)
            _ask(results, kind, url, [str(claim) for claim in bench_desk.sample.read])
            for form, write in FORMATS.items():
                rows = _make_rows(world, f"{form} {seed} {turn}")
                _import(results, kind, url, form, write(rows))
    print(f"  {PART}: done", flush=True)
    return results.figures()


# --- room ---


def _weigh(url: str) -> int:
    """The bytes of all tables and indexes; of a file, with what waits in its log."""
    if url.startswith("sqlite"):
        path = Path(sqlite_path(url))
        return sum(part.stat().st_size for part in (path, Path(f"{path}-wal")) if part.exists())

    async def ask() -> int:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            names = [*tables.metadata.tables]
            query = (
                "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest($1::text[]) name"
            )
            return int(await connection.fetchval(query, names))
        finally:
            await connection.close()

    return asyncio.run(ask())


# --- commands ---


def _run(url: str, *command: str) -> tuple[float, float, str]:
    """Run a command; return the seconds that it took, those of its processors, and its answer."""
    usage_before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "service.cli", *command, "--json"],
        cwd=ROOT,
        env=os.environ | {"CLAIMDESK_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"claimdesk {' '.join(command)}: {process.stderr[-2000:]}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        took,
        now.ru_utime + now.ru_stime - usage_before.ru_utime - usage_before.ru_stime,
        process.stdout,
    )


def _verify(results: Rounds, kind: str, url: str, claims: int) -> None:
    cores = len(os.sched_getaffinity(0))
    alone = set() if claims > LARGE else {1}
    for jobs in sorted({*alone, cores}):
        took, processor, answer = _run(url, "verify", "--jobs", str(jobs))
        events = json.loads(answer)["events"]
        row = f"verify, {jobs} at once"
        goal = FAST_VERIFY if jobs == cores else None
        results.add(row, kind, "events/s", events / took, goal)
        results.add(f"{row}: processor", kind, "µs/event", processor / events * 1e6)


def _import(results: Rounds, kind: str, url: str, form: str, data: bytes) -> None:
    with TemporaryDirectory() as folder:
        file, mapping = Path(folder, "file"), Path(folder, "mapping.toml")
        file.write_bytes(data)
        mapping.write_text(LIST if form == "json" else SHEET)
        mapping_options = () if form == "claimreview" else ("--mapping", str(mapping))
        took, processor, answer = _run(url, "import", str(file), "--format", form, *mapping_options)
    new = json.loads(answer)["records"]["claim"]["new"]
    row = f"import of {form}"
    if new != ROWS:
        results.add_problem(row, kind, "claims/s", f"{new} of {ROWS} claims are new")
        return
    results.add(row, kind, "claims/s", new / took, FAST_IMPORT if kind == "sqlite" else None)
    results.add(f"{row}: processor", kind, "µs/claim", processor / new * 1e6)


def _make_rows(world: generate.World, name: str) -> list[Row]:
    rng = random.Random(name)
    labels = ("True", "False", "Mostly false", "Half true", "Misleading", "Unproven")
    return [
        (
            f"{' '.join(rng.choices(world.vocabulary, k=14))} {number}",
            rng.choice(world.parties).name,
            f"20{rng.randint(15, 23)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            f"https://check.example/{name.replace(' ', '-')}/{number}",
            rng.choice(labels),
        )
        for number in range(ROWS)
    ]


def _write_sheet(rows: Sequence[Row]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([("Claim", "By", "Date", "Link", "Rating"), *rows])
    return out.getvalue().encode()


def _write_reviews(rows: Sequence[Row]) -> bytes:
    return b"".join(
        json.dumps(
            {
                "@context": "https://schema.org",
                "@type": "ClaimReview",
                "url": url,
                "claimReviewed": text,
                "author": {"@type": "Organization", "name": "Example Fact-check"},
                "itemReviewed": {
                    "@type": "Claim",
                    "datePublished": date,
                    "author": {"@type": "Organization", "name": by},
                },
                "reviewRating": {"@type": "Rating", "alternateName": label},
            }
        ).encode()
        + b"\n"
        for text, by, date, url, label in rows
    )


FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "csv": _write_sheet,
    "json": _write_reviews,
    "claimreview": _write_reviews,
}


# --- requests, one after the other ---


class _Asker:
    """Asks a server that nobody else asks."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        status, _, answer = self._client.ask(method, path, self._headers, data)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:500]!r}")
        return dict(json.loads(answer))

    def time(self, method: str, path: str, body: object = None) -> float:
        began = time.perf_counter()
        self.ask(method, path, body)
        return (time.perf_counter() - began) * 1e3


def _ask(results: Rounds, kind: str, url: str, claims: Sequence[str]) -> None:
    with run_server(url, "--no-dispatch") as server, Client(server.port) as client:
        asker = _Asker(client, new_key(url))
        statements = _list_statements(asker, LINKS + ASKED)
        processor_time = server.cpu()
        similar = [asker.time("GET", f"/v1/claims/{claim}/similar") for claim in claims[:ASKED]]
        results.add("similar claims: p50", kind, "ms", median(similar))
        processor_time = (server.cpu() - processor_time) / len(similar) * 1e3
        results.add("similar claims: processor", kind, "ms", processor_time)
        claim, link_count = claims[0], 0
        for count in (FEW, LINKS):
            for statement in statements[link_count:count]:
                _link(asker, claim, statement)
            link_count = count
            _ask_of_large_claim(results, kind, asker, claim, count)
        late = [_link(asker, claim, statement) for statement in statements[LINKS:]]
        results.add(f"one link more, of {LINKS:,}", kind, "ms", median(late))


def _ask_of_large_claim(results: Rounds, kind: str, asker: _Asker, claim: str, count: int) -> None:
    for name, path in (("get", ""), ("evidence", "/links")):
        took = [asker.time("GET", f"/v1/claims/{claim}{path}") for _ in range(ASKED)]
        results.add(f"{name} of a claim with {count:,} links: p50", kind, "ms", median(took))


def _link(asker: _Asker, claim: str, statement: str) -> float:
    body = {"statement": statement, "stance": "comments"}
    return asker.time("POST", f"/v1/claims/{claim}/links", body)


def _list_statements(asker: _Asker, count: int) -> list[str]:
    ids: list[str] = []
    path = "/v1/statements?limit=200"
    while len(ids) < count:
        page = asker.ask("GET", path)
        items = page["items"]
        assert isinstance(items, list)
        ids += [item["id"] for item in items if item["party"] is not None]
        path = f"/v1/statements?limit=200&cursor={page['next_cursor']}"
    return ids[:count]
