"""How the databases answer what is asked most: each SQL statement of a request with its plan.

The requests go to the application itself, whose statements are written down with their values. They
are explained in a transaction that gives some claims what a generated desk has none of (assignees,
dates when they are due, holds, other lifecycles) and is rolled back.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from service.app import create_app
from service.config import Settings
from service.store.compiled_statements import Lookup, Parameters
from service.store.engine import Database
from tests.bench.desk import Desk
from tests.bench.generate import World
from tests.bench.service_load import new_key, sqlite_path
from tests.bench.service_rows import PEOPLE

PART = "plans"
SCANNED = re.compile(r"Seq Scan on (\w+)|\bSCAN (\w+)(?! USING| VIRTUAL)")
LARGE = {"claims", "claim_versions", "links", "statements", "quotes", "events", "claim_tags"}
LARGE |= {"claim_search", "statement_search", "decisions", "sources"}
"""Tables that grow with the desk: read from end to end, they are a finding."""
SOME = (
    "UPDATE claims SET assignee = '{person}' WHERE {some} % 7 = 0",
    "UPDATE claims SET due_at = changed_at WHERE {some} % 20 = 1",
    "UPDATE claims SET hold_since = changed_at WHERE {some} % 100 = 2",
    "UPDATE claims SET hold_until = '2030-01-01T00:00:00.000000Z' WHERE {some} % 200 = 2",
    "UPDATE claims SET lifecycle = 'withdrawn' WHERE {some} % 100 = 3",
    "UPDATE claims SET lifecycle = 'void' WHERE {some} % 100 = 4",
    "UPDATE claims SET superseded_since = changed_at WHERE {some} % 50 = 5",
    "UPDATE claims SET story = NULL WHERE {some} % 50 = 6",
)
MONTH = {"since": "2025-03-01T00:00:00Z", "until": "2025-03-31T00:00:00Z"}
NUMBERS = {"postgresql": "hashtext(CAST(id AS text))", "sqlite": "rowid"}
"""A number of each row, to take some."""

_IS_NOTED: ContextVar[bool] = ContextVar("is_noted", default=False)


@dataclass
class Statement:
    """What was asked of the database once."""

    sql: str
    arguments: Sequence[Any]
    plan: list[str] = field(default_factory=list)
    milliseconds: float = 0

    @property
    def scanned(self) -> list[str]:
        """The large tables that the plan reads from end to end."""
        tables = [a or b for line in self.plan for a, b in SCANNED.findall(line)]
        return sorted({*tables} & LARGE)


@dataclass
class Request:
    name: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    status: int = 0


def list_requests(desk: Desk, world: World) -> list[Request]:
    """What is asked for: each filter in a list, on the board and as of an instant."""
    key, at = desk.sample.as_of[0]
    moment = at.isoformat().replace("+00:00", "Z")
    claimant, status = desk.sample.filters[0]
    rare = world.parties[-1].slug
    common, word = world.parties[0].slug, world.vocabulary[20]
    filters: dict[str, dict[str, Any]] = {
        "": {},
        "claimant and status": {"claimant": claimant, "status": status},
        "a rare claimant": {"claimant": rare},
        "tag": {"tag": "border"},
        "a tag that nobody has": {"tag": "nobody-has-it"},
        "party and stance": {"party": common, "stance": "contradicts"},
        "a rare party": {"party": rare},
        "assignee": {"assignee": PEOPLE[1].id},
        "no assignee": {"assignee": "none"},
        "story": {"story": world.stories[0].slug},
        "no story": {"story": "none"},
        "withdrawn": {"lifecycle": "withdrawn"},
        "void": {"lifecycle": "void"},
        "on hold": {"hold": "true"},
        "overdue": {"overdue": "true"},
        "drift": {"drift": "true"},
        "superseded": {"superseded": "true"},
        "kind": {"kind": "prediction"},
        "part of": {"part_of": str(key)},
        "a language": {"language": "en"},
        "a rare language": {"language": "sr"},
        "claimed in a month": {f"claimed_{name}": day for name, day in MONTH.items()},
        "changed in a month": {f"changed_{name}": day for name, day in MONTH.items()},
    }
    query_list = [
        Request("get", f"/v1/claims/{key}"),
        Request("get with evidence", f"/v1/claims/{key}?expand=links"),
        Request("as-of", f"/v1/claims/{key}?as_of={moment}"),
        Request("list by when it is due", "/v1/claims?sort=due&limit=25"),
        Request("list by when it was claimed", "/v1/claims?sort=claimed&limit=25"),
    ]
    for name, values in filters.items():
        for form, path, more in (
            ("list", "/v1/claims", {"limit": "25"}),
            ("list as of", "/v1/claims", {"limit": "25", "as_of": moment}),
            ("board", "/", {}),
        ):
            words = f"{form}: {name}" if name else form
            headers = {"Accept": "text/html"} if form == "board" else {}
            query_list.append(Request(words, f"{path}?{urlencode({**values, **more})}", headers))
    for name, words in {
        "a word": word,
        "two words": f"{word} {world.vocabulary[70]}",
        "a rare word": world.vocabulary[5_000],
        "a phrase": f'"{world.vocabulary[5]} {word}"',
        "a prefix": f"{word[:4]}*",
    }.items():
        query_list.append(Request(f"search: {name}", f"/v1/claims?{urlencode({'q': words})}"))
    query = urlencode({"q": word, "status": "disputed", "tag": "border"})
    query_list.append(Request("search: filtered", f"/v1/claims?{query}"))
    query_list.append(
        Request("search as of", f"/v1/claims?{urlencode({'q': word, 'as_of': moment})}")
    )
    query_list.append(Request("statements: a word", f"/v1/statements?{urlencode({'q': word})}"))
    return query_list


# --- what is asked of the database ---


@contextmanager
def _note_statements(database: Database, noted: list[Statement]) -> Iterator[None]:
    """Note what look-ups and queries ask, as the driver is asked it; what the application does
    meanwhile of itself is left out."""
    backend: Any = database._backend
    asking, running = backend.look_up, backend.run

    async def look_up(lookup: Lookup, parameters: Parameters) -> list[tuple[Any, ...]]:
        if _IS_NOTED.get():
            noted.append(Statement(*lookup.prepare(backend.dialect, parameters)))
        rows: list[tuple[Any, ...]] = await asking(lookup, parameters)
        return rows

    async def run(work: Callable[[Connection], Any], *, writing: bool) -> Any:
        is_noted = _IS_NOTED.get()

        def work_noted(connection: Connection) -> Any:
            _IS_NOTED.set(is_noted)  # another thread does not know of the request
            return work(connection)

        return await running(work_noted, writing=writing)

    def note(_: object, __: object, sql: str, arguments: Any, *___: object) -> None:
        if _IS_NOTED.get() and sql.lstrip("( ").upper().startswith(("SELECT", "WITH")):
            noted.append(Statement(sql, tuple(arguments or ())))

    backend.look_up, backend.run = look_up, run
    event.listen(Engine, "before_cursor_execute", note)
    is_noted = _IS_NOTED.set(True)
    try:
        yield
    finally:
        _IS_NOTED.reset(is_noted)
        event.remove(Engine, "before_cursor_execute", note)
        backend.look_up, backend.run = asking, running


async def _ask(url: str, requests: Sequence[Request]) -> None:
    settings = Settings(database_url=url, rate_limit="off", _env_file=None)
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {await asyncio.to_thread(new_key, url)}"}
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=600) as client,
    ):
        await client.get("/v1/claims?limit=1", headers=headers)  # the key is known from then on
        for request in requests:
            with _note_statements(app.state.services.database, request.statements):
                answer = await client.get(request.path, headers={**headers, **request.headers})
            request.status = answer.status_code
            if answer.status_code != 200:
                raise RuntimeError(f"GET {request.path}: {answer.status_code} {answer.text[:500]}")


# --- plans ---


async def _explain_on_postgresql(url: str, requests: Sequence[Request]) -> None:
    connection = await asyncpg.connect(url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        for change in _list_changes("postgresql"):
            await connection.execute(change)
        await connection.execute("ANALYZE claims")
        await connection.execute("SET LOCAL default_transaction_read_only = off")
        for statement in (each for request in requests for each in request.statements):
            began = time.perf_counter()
            lines = await connection.fetch(
                f"EXPLAIN (ANALYZE, BUFFERS) {statement.sql}", *statement.arguments
            )
            statement.milliseconds = (time.perf_counter() - began) * 1e3
            statement.plan = [line[0] for line in lines]
        await transaction.rollback()
    finally:
        await connection.close()


def _explain_on_sqlite(url: str, requests: Sequence[Request]) -> None:
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for change in _list_changes("sqlite"):
            connection.execute(change)
        connection.execute("ANALYZE claims")
        for statement in (each for request in requests for each in request.statements):
            explain = f"EXPLAIN QUERY PLAN {statement.sql}"
            rows = connection.execute(explain, statement.arguments).fetchall()
            depths = {0: -1}
            for number, parent, _, words in rows:
                depths[number] = depths.get(parent, 0) + 1
                statement.plan.append(f"{'  ' * depths[number]}{words}")
            began = time.perf_counter()
            connection.execute(statement.sql, statement.arguments).fetchall()
            statement.milliseconds = (time.perf_counter() - began) * 1e3
        connection.execute("ROLLBACK")


def _list_changes(kind: str) -> list[str]:
    return [change.format(some=NUMBERS[kind], person=PEOPLE[1].id) for change in SOME]


def explain(kind: str, desk: Desk, world: World) -> list[Request]:
    url = desk.urls[kind]
    requests = list_requests(desk, world)
    asyncio.run(_ask(url, requests))
    if kind == "postgresql":
        asyncio.run(_explain_on_postgresql(url, requests))
    else:
        _explain_on_sqlite(url, requests)
    return requests


def describe(kind: str, requests: Sequence[Request]) -> Iterator[str]:
    """One line for each request, what reads a large table from end to end, then every plan."""
    yield f"{'request':<40} {kind:<12} {'statements':>10} {'ms':>9}  reads from end to end"
    for request in requests:
        total_time = sum(statement.milliseconds for statement in request.statements)
        scanned = sorted({name for each in request.statements for name in each.scanned})
        count = len(request.statements)
        yield f"{request.name:<40} {'':<12} {count:>10} {total_time:>9.1f}  {', '.join(scanned)}"
    for request in requests:
        yield f"\n=== {kind}: {request.name}\n    GET {request.path}"
        for statement in request.statements:
            yield f"\n{statement.sql}\n-- {list(statement.arguments)}"
            yield from statement.plan
            yield f"-- {statement.milliseconds:.1f} ms"
