"""200,000 deliveries due to one of 1,000 endpoints: what the others feel of it, which indexes the
statements use, and what the dispatcher weighs.  The rows are synthetic."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, event

from service.domain.backoff import SCHEDULE
from service.domain.webhooks import EventType
from service.store.engine import Database
from service.store.read_only import ReadOnlySQLite
from service.webhooks import due_endpoints, leases
from service.webhooks.exchanges import Answer
from service.webhooks.settlement import Attempt
from tests.bench.service_load import settings
from tests.bench.webhooks import latency, rows
from tests.bench.webhooks.figures import Goal, Rounds
from tests.bench.webhooks.rows import Endpoint
from tests.bench.webhooks.service import Bench, Changes, middle_and_tail, run_dispatcher, run_server

ENDPOINTS, OTHERS_DUE = 1_000, 10
SIZES = (0, 200_000)
REPEATED = 40
SHARE = 1.2
PER_SECOND = 10
PARTIAL = re.compile(r"ix_webhook_deliveries_(due|lane|leased|in_flight)")
RULES = leases.DispatchRules(
    timedelta(seconds=60), 15.0, SCHEDULE, random.Random(1), max_per_endpoint=48
)
NOT_NEEDED = EventType.CLAIM_WITHDRAWN  # nothing is withdrawn here


class _Undone(Exception):
    """Carries what a transaction found out of it, and nothing else."""

    def __init__(self, seconds: Any) -> None:
        self.found = seconds


def measure(benches: Sequence[Bench]) -> Rounds:
    rounds = Rounds("backlog")
    for bench in benches:
        tails = {}
        costs = {}
        for size in SIZES:
            other_endpoints = _fill(bench, size)
            costs[size] = asyncio.run(_costs(bench.url, other_endpoints))
            words = f"{size:,} due on 1 of {ENDPOINTS:,}"
            for name, cost in costs[size].items():
                rounds.add(f"{words}: {name}", bench.kind, "ms", cost * 1000)
            tails[size] = _measure_fresh(rounds, bench, size, words)
        # The other two lease and settle 64 deliveries with the backlog, ten without.
        for name in ("waiting", "take_turn for the others"):
            before = costs[0][name]
            rounds.add(
                f"{name}, with / without the backlog",
                bench.kind,
                "×",
                costs[SIZES[1]][name] / before,
                Goal(most=2),
            )
        rounds.add(
            "p99 of the others, with / without",
            bench.kind,
            "×",
            tails[SIZES[1]] / tails[0],
            Goal(most=SHARE),
        )
        for line in asyncio.run(_plans(bench.url)):
            rounds.add_problem("plans", bench.kind, "", line)
    return rounds


def _fill(bench: Bench, size: int) -> list[str]:
    """The ids of ten of the others, each with one delivery due."""
    rows.clear(bench.url)
    endpoint = Endpoint(bench.receiver.url("/slow/much"), (NOT_NEEDED,))
    fresh_endpoint = Endpoint(bench.receiver.url("/now/fresh"))
    quiet = [Endpoint(bench.receiver.url(f"/now/{n}"), (NOT_NEEDED,)) for n in range(ENDPOINTS - 2)]
    ids = rows.endpoints(bench.url, [endpoint, fresh_endpoint, *quiet])
    if size:
        rows.deliveries(bench.url, ids[:1], size)
    other_ids = ids[-OTHERS_DUE:]
    rows.deliveries(bench.url, other_ids, 1)
    rows.settle_all(bench.url)
    return other_ids


async def _costs(url: str, other_workers: list[str]) -> dict[str, float]:
    """Seconds of each statement's work, without the commit; nothing is changed."""
    database = Database(settings(url))
    await database.start()
    try:
        return {
            "waiting": await _read(database, _waiting),
            "take_turn for the others": await _write(
                database, lambda s: _turn(s, other_workers, 64)
            ),
            "take_turn for all waiting": await _write(
                database, lambda s: _turn(s, _waiting(s), 64)
            ),
            "settling what that leased": await _write(database, lambda s: _measure_settling(s)),
        }
    finally:
        await database.stop()


def _waiting(connection: Connection) -> list[str]:
    return due_endpoints.list_due_endpoints(connection, now=datetime.now(UTC))


def _turn(
    connection: Connection, endpoints: Sequence[str], room: int, attempts: Sequence[Attempt] = ()
) -> leases.Turn:
    return leases.take_turn(
        connection,
        attempts=attempts,
        endpoint_ids=endpoints,
        sending={},
        room=room,
        room_for_failing=32,
        rules=RULES,
        now=datetime.now(UTC),
    )


def _measure_settling(connection: Connection) -> float:
    """Seconds of settling what a turn leased."""
    turn = _turn(connection, _waiting(connection), 64)
    attempts = [build_answer(each) for each in turn.leased]
    began = time.perf_counter()
    _turn(connection, (), 0, attempts)
    return time.perf_counter() - began


def build_answer(delivery: leases.Leased) -> Attempt:
    answer = Answer(datetime.now(UTC), 0.001, 204, None, None, {}, "")
    return Attempt(
        delivery.lease, delivery.webhook, delivery.message, delivery.attempt, delivery.url, answer
    )


async def _read(database: Database, query: Callable[[Connection], Any]) -> float:
    return await _repeat(lambda: database.read(_time_and_undo(query)))


async def _write(database: Database, command: Callable[[Connection], Any]) -> float:
    timed_command = _time_and_undo(command)

    def measure_and_undo(connection: Connection) -> float:
        raise _Undone(timed_command(connection))

    async def measure_once() -> float:
        try:
            return await database.write(measure_and_undo)
        except _Undone as done:
            return float(done.found)

    return await _repeat(measure_once)


def _time_and_undo(work: Callable[[Connection], Any]) -> Callable[[Connection], float]:
    def time_work(connection: Connection) -> float:
        began = time.perf_counter()
        result = work(connection)
        return result if isinstance(result, float) else time.perf_counter() - began

    return time_work


async def _repeat(time_once: Callable[[], Any]) -> float:
    """The median, so that neither the first plan nor a pause counts."""
    times = sorted([await time_once() for _ in range(REPEATED)])
    return float(times[len(times) // 2])


def _measure_fresh(rounds: Rounds, bench: Bench, size: int, words: str) -> float:
    """p99 of an endpoint that has nothing else due, while the other's backlog is worked at."""
    with ExitStack() as stack:
        if bench.kind == "sqlite":  # where the bell does not ring from one process to another
            server = worker = stack.enter_context(run_server(bench.url))
        else:
            server = stack.enter_context(run_server(bench.url, "--no-dispatch"))
            worker = stack.enter_context(run_dispatcher(bench.url))
        time.sleep(2)
        if size == 0:
            rounds.add(
                f"PSS, {ENDPOINTS:,} endpoints", bench.kind, "MB", worker.memory()["Pss"] / 1e6
            )
        changes = Changes(bench, server)
        times = latency.measure_fresh(bench, changes, PER_SECOND, "/now/fresh")
        weight = worker.memory()["Pss"]
    if size:
        rounds.add(f"PSS, {words}, loaded", bench.kind, "MB", weight / 1e6, Goal(most=200))
    middle, tail = middle_and_tail(times)
    rounds.add(f"{words}: another's event, p50", bench.kind, "ms", middle)
    rounds.add(f"{words}: another's event, p99", bench.kind, "ms", tail)
    return tail


# --- plans ---


async def _plans(url: str) -> list[str]:
    """What is wrong with the plans of the statements of a turn; prints them where it is asked."""
    database = Database(settings(url))
    await database.start()
    statements: list[tuple[str, Any]] = []
    try:
        backend = database._backend
        assert not isinstance(backend, ReadOnlySQLite), "turns write"
        engine: Any = backend.writer
        engine = getattr(engine, "sync_engine", engine)

        def note(_c: Any, _u: Any, sql: str, values: Any, _x: Any, is_many: bool) -> None:
            statements.append((sql, values[0] if is_many else values))

        def all_of_a_turn(connection: Connection) -> None:
            event.listen(engine, "before_cursor_execute", note)
            try:
                _waiting(connection)
                _measure_settling(connection)
            finally:
                event.remove(engine, "before_cursor_execute", note)
            sql_values: dict[str, Any] = {}
            for sql, values in statements:
                sql_values.setdefault(sql, values)
            raise _Undone(
                [(sql, _plan(connection, sql, values)) for sql, values in sql_values.items()]
            )

        try:
            await database.write(all_of_a_turn)
        except _Undone as done:
            return [line for sql, plan in done.found for line in _faults(sql, plan)]
        return ["nothing was planned"]
    finally:
        await database.stop()


def _plan(connection: Connection, sql: str, values: Any) -> str:
    if connection.dialect.name == "sqlite":
        plan_rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        return "\n".join(str(row[3]) for row in plan_rows)
    if sql.startswith("INSERT"):
        return ""
    plan_rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS OFF) {sql}", values)
    return "\n".join(str(row[0]) for row in plan_rows)


def _faults(sql: str, plan: str) -> list[str]:
    """Scans of the deliveries from one end to the other."""
    scans = re.findall(
        r"(?:Seq Scan on|SCAN) webhook_(?:deliveries|messages|attempts)\b(?! USING INDEX).*", plan
    )
    return [f"{scan} in {' '.join(sql.split())[:90]}" for scan in scans]
