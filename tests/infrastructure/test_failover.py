"""A primary that is killed, its standby promoted, and the old primary back as a standby: Claimdesk
goes on by itself, and nothing that it acknowledged is lost.

`make scale` has the long form: ten failovers at 200 changes a second, and a table.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from sqlalchemy import Connection

from service.config import Settings
from service.store import migrate
from service.store.engine import Database
from service.web import readiness
from tests.faults.receiving import wait_until
from tests.faults.stage import HASTY, Stage
from tests.infrastructure.replication import Pair
from tests.infrastructure.writing import (
    StreamReader,
    Writing,
    require_nothing_lost,
    require_order,
)
from tests.support import desk as support
from tests.support import lengths
from tests.support.brokers import KINDS, Broker, build_broker
from tests.support.lengths import IS_LONG, ROUNDS
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer, provide_server
from tests.support.programs import find_program

PER_SECOND = 200 if IS_LONG else 100
CHANGES = 400 if IS_LONG else 100
"""How many are acknowledged before each failover and after it."""
PROMISED_SECONDS = 5.0
"""Until the first change is acknowledged after a promotion."""
PATIENT = {
    "CLAIMDESK_WEBHOOK_LEASE_SECONDS": "10",
    "CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS": "8",
}
"""A receiver or broker that is slow on a busy machine is no failure here."""


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


@pytest.fixture
def stage(pair: Pair, tmp_path: Path) -> Iterator[Stage]:
    """A desk on the pair; `look` goes to the server that is named at the time."""
    settings = Settings(database_url=pair.first.url, log_level="error")
    migrate.upgrade(settings)
    stage = Stage(pair.first.url, tmp_path, settings)
    yield stage
    stage.close()


def write_status(stage: Stage, claim: str) -> int:
    answer = stage.ask("PATCH", f"/v1/claims/{claim}", {"tags": ["x"]})
    if answer.status_code == 503:
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code


WAYS = ["addresses", "pooler"] if IS_LONG else ["addresses"]
"""Through a pooler only in the long form."""


@dataclass(frozen=True)
class Failover:
    """The figures of one, in seconds and changes a second."""

    name: str
    rate_before: float
    wait: float
    """From the promotion to the first change that was acknowledged."""
    gap: float
    """The longest time without an acknowledged change."""


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[list[Broker]]:
    """NATS and Redis, where they are installed, each with a stream for events."""
    started_brokers = []
    for kind, broker_class in KINDS.items():
        if find_program(broker_class.program):
            broker = build_broker(kind, tmp_path)
            broker.start()
            started_brokers.append(broker)
            asyncio.run(broker.create_stream("claims"))
    yield started_brokers
    for broker in started_brokers:
        broker.kill()


@pytest.mark.scale
@pytest.mark.parametrize("way", WAYS)
def test_nothing_acknowledged_is_lost_when_primaries_are_killed(
    pair: Pair, stage: Stage, brokers: list[Broker], way: str
) -> None:
    """By an address that names both servers, or through a pooler that is pointed to the new one:
    killed, promoted, back as a standby, again and again, and at last by a planned switch.
    Webhooks and the streams of brokers have each claim's changes in order, brokers each once."""
    pooler = Pooler("transaction", pair.first.url) if way == "pooler" else None
    address = pair.addresses if pooler is None else pooler.url(pair.first.url)
    server = stage.serve(prelude=HASTY, **PATIENT, CLAIMDESK_DATABASE_URL=address)
    worker = stage.work(prelude=HASTY, **PATIENT, CLAIMDESK_DATABASE_URL=address)
    stage.register(event_types=["claim.status_changed"])
    for broker in brokers:
        settings = {"format": broker.format, "event_types": ["claim.status_changed"]}
        stage.call("POST", "/v1/webhooks", {"url": broker.url("claims"), **settings})
    reader = StreamReader(stage, server.url)
    probe = stage.record_claim()
    writing = Writing(stage, PER_SECOND)
    failovers = []
    try:
        for number in range(ROUNDS if IS_LONG and pooler is None else 1):
            failovers.append(fail_over(pair, stage, writing, pooler, probe, f"kill {number + 1}"))
        failovers.append(switch_over(pair, writing, pooler))
    finally:
        writing.stop()
        stage.database_url = pair.first.url
        report(way, failovers)
        try:
            asyncio.run(require_nothing_lost(stage, Settings(database_url=pair.first.url), reader))
            for broker in brokers:
                messages = asyncio.run(broker.read("claims"))
                reasons = [orjson.loads(each.body)["data"]["reason"] for each in messages]
                require_order(stage, reasons)
        finally:
            reader.stop()
            if pooler is not None:
                pooler.close()
    assert server.alive
    assert worker.alive
    for process in (server, worker):
        assert "Traceback" not in process.output, process.output
    if IS_LONG:
        assert max(failover.wait for failover in failovers) < PROMISED_SECONDS


def fail_over(
    pair: Pair, stage: Stage, writing: Writing, pooler: Pooler | None, probe: str, name: str
) -> Failover:
    """Kill the primary under load, promote the other, and let the old one come back as its
    synchronous standby."""
    began = time.monotonic()
    writing.wait_for_more(CHANGES)
    killed_at = time.monotonic()
    pair.first.kill()
    wait_until(lambda: write_status(stage, probe) == 503)
    wait_until(lambda: stage.ask("GET", "/readyz").status_code == 503)
    pair.promote_second()
    promoted_at = time.monotonic()
    point_pooler(pooler, pair.second.url)
    writing.wait_for_more(CHANGES)
    wait_until(lambda: stage.ask("GET", "/readyz").status_code == 200)
    wait = writing.measure_wait(promoted_at)
    pair.return_first()
    pair.swap()
    return Failover(
        name, writing.measure_rate(began, killed_at), wait, promoted_at + wait - killed_at
    )


def switch_over(pair: Pair, writing: Writing, pooler: Pooler | None) -> Failover:
    """Stop the primary as an operator does, promote the other, and rebuild the old one."""
    began = time.monotonic()
    writing.wait_for_more(CHANGES)
    stopped_at = time.monotonic()
    pair.first.stop()
    pair.second.promote()
    promoted_at = time.monotonic()
    point_pooler(pooler, pair.second.url)
    pair.return_first()
    pair.swap()
    writing.wait_for_more(CHANGES)
    wait = writing.measure_wait(promoted_at)
    return Failover(
        "planned", writing.measure_rate(began, stopped_at), wait, promoted_at + wait - stopped_at
    )


def report(way: str, failovers: list[Failover]) -> None:
    lengths.add_table(
        f"failover ({way})   changes/s   writing after promotion, s   without, s",
        *(
            f"{each.name:<23}{each.rate_before:9.0f}{each.wait:21.2f}{each.gap:19.2f}"
            for each in failovers
        ),
    )


async def test_readiness_says_when_changes_wait_for_a_standby_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PostgreSQL lets a commit wait for ever then; whoever asks for readiness does not."""
    # Nobody chooses how long /readyz may think; a test cannot wait so long.
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0)
    server = provide_server(own=True, durable=True)
    try:
        settings = Settings(database_url=server.create_database(), log_level="error")
        await asyncio.to_thread(migrate.upgrade, settings)
        async with support.run_desk(settings) as desk:
            assert (await desk.public.get("/readyz")).status_code == 200
            await set_standby(server, "nobody")
            response = await desk.public.get("/readyz")
            while response.status_code == 200:  # until every process of the server knows
                response = await desk.public.get("/readyz")
            assert response.status_code == 503
            assert "standby that is gone" in response.json()["detail"]
            await set_standby(server, "")
            # Nobody chooses how long /readyz may think; a test cannot wait so long.
            monkeypatch.setattr(readiness, "ANSWER_SECONDS", 10)
            monkeypatch.setattr(readiness, "FAILED_SECONDS", 0)
            assert (await desk.public.get("/readyz")).status_code == 200
    finally:
        server.stop()


async def set_standby(server: PostgresServer, name: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="not run: other systems have other options")
async def test_connection_to_a_silent_server_is_given_up(
    postgres: PostgresServer,
) -> None:
    """A machine that lost power closes nothing: the kernel is told to give up after 20 s, for
    connections of all kinds."""
    database = Database(Settings(database_url=postgres.url("postgres")))
    await database.start()
    timeouts: list[int] = []

    def read_wait(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        place = driver._transport.get_extra_info("socket")
        timeouts.append(place.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

    try:
        await database.read(read_wait)
        await database.write(read_wait)
    finally:
        await database.stop()
    assert timeouts == [20_000, 20_000]


def point_pooler(pooler: Pooler | None, server_url: str) -> None:
    if pooler is not None:
        pooler.point_to(server_url)
        pooler.reload()


def test_standby_is_refused_until_it_is_promoted(pair: Pair, stage: Stage) -> None:
    """The one address that is known leads to a server that was demoted: changes and reads are
    answered 503 and readiness says why; promoted, it serves, and nobody restarted anything."""
    server = stage.serve(prelude=HASTY)
    claim = stage.record_claim()
    stage.change_claim(claim)
    pair.first.kill()
    pair.promote_second()
    pair.return_first()
    wait_until(lambda: "standby" in stage.ask("GET", "/readyz").text)
    assert [write_status(stage, claim) for _ in range(20)] == [503] * 20
    refusal = stage.ask("GET", f"/v1/claims/{claim}")
    assert refusal.status_code == 503
    assert "standby" in refusal.json()["detail"]
    pair.second.stop()
    pair.first.run("ALTER SYSTEM SET synchronous_standby_names = ''")
    pair.first.promote()
    wait_until(lambda: write_status(stage, claim) == 200)
    wait_until(lambda: stage.ask("GET", "/readyz").status_code == 200)
    stage.change_claim(claim)
    assert server.alive
    assert "Traceback" not in server.output, server.output
