"""A primary that is killed, its standby promoted, and the old primary back as a standby: Claimdesk
goes on by itself, and nothing that it acknowledged is lost.

The waits that these tests print are figures for a report; none is asserted.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection

from service.config import Settings
from service.store import migrate
from service.store.engine import Database
from service.web import readiness
from tests.faults.receiving import wait_until
from tests.faults.stage import HASTY, Stage
from tests.infrastructure.replication import Pair
from tests.infrastructure.writing import StreamReader, Writing, require_nothing_lost
from tests.support import desk as support
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer, provide_server

LONG = os.environ.get("CLAIMDESK_FAULTS") == "long"
PER_SECOND = 200 if LONG else 100
PATIENT = {"CLAIMDESK_WEBHOOK_LEASE_SECONDS": "5"}


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


WAYS = ["addresses", "pooler"] if LONG else ["addresses"]
"""Through a pooler only in the long form: `make faults`."""


@pytest.mark.parametrize("way", WAYS)
def test_nothing_acknowledged_is_lost_when_the_primary_is_killed(
    pair: Pair, stage: Stage, way: str
) -> None:
    """By an address that names both servers, or through a pooler that is pointed to the new one:
    killed, promoted, back as a standby, and the other way round by a planned switch."""
    pooler = Pooler("transaction", pair.first.url) if way == "pooler" else None
    address = pair.addresses if pooler is None else pooler.url(pair.first.url)
    served = stage.serve(prelude=HASTY, **PATIENT, CLAIMDESK_DATABASE_URL=address)
    worker = stage.work(prelude=HASTY, **PATIENT, CLAIMDESK_DATABASE_URL=address)
    stage.register(event_types=["claim.status_changed"])
    reader = StreamReader(stage, served.url)
    probe = stage.record_claim()
    writing = Writing(stage, PER_SECOND)
    try:
        writing.wait_for_more(100)
        pair.first.kill()
        wait_until(lambda: write_status(stage, probe) == 503)
        wait_until(lambda: stage.ask("GET", "/readyz").status_code == 503)
        pair.promote_second()
        promoted_at = time.monotonic()
        point_pooler(pooler, pair.second.url)
        writing.wait_for_more(100)
        print(f"{way}: writing {writing.measure_wait(promoted_at):.2f} s after the promotion")
        wait_until(lambda: stage.ask("GET", "/readyz").status_code == 200)

        pair.return_first()
        writing.wait_for_more(50)
        pair.second.stop()
        pair.first.promote()
        promoted_at = time.monotonic()
        point_pooler(pooler, pair.first.url)
        pair.rejoin_second()
        writing.wait_for_more(100)
        print(f"{way}: writing {writing.measure_wait(promoted_at):.2f} s after a planned switch")
    finally:
        writing.stop()
        stage.database_url = pair.first.url
        try:
            asyncio.run(require_nothing_lost(stage, Settings(database_url=pair.first.url), reader))
        finally:
            reader.stop()
            if pooler is not None:
                pooler.close()
    assert served.alive
    assert worker.alive
    for process in (served, worker):
        assert "Traceback" not in process.output, process.output


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
    waits: list[int] = []

    def read_wait(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        place = driver._transport.get_extra_info("socket")
        waits.append(place.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

    try:
        await database.read(read_wait)
        await database.write(read_wait)
    finally:
        await database.stop()
    assert waits == [20_000, 20_000]


def point_pooler(pooler: Pooler | None, server_url: str) -> None:
    if pooler is not None:
        pooler.point_to(server_url)
        pooler.reload()


def test_standby_is_refused_until_it_is_promoted(pair: Pair, stage: Stage) -> None:
    """The one address that is known leads to a server that was demoted: changes and reads are
    answered 503 and readiness says why; promoted, it serves, and nobody restarted anything."""
    served = stage.serve(prelude=HASTY)
    claim = stage.record_claim()
    stage.change_claim(claim)
    pair.first.kill()
    pair.promote_second()
    pair.return_first()
    wait_until(lambda: "standby" in stage.ask("GET", "/readyz").text)
    assert [write_status(stage, claim) for _ in range(20)] == [503] * 20
    refused = stage.ask("GET", f"/v1/claims/{claim}")
    assert refused.status_code == 503
    assert "standby" in refused.json()["detail"]
    pair.second.stop()
    pair.first.run("ALTER SYSTEM SET synchronous_standby_names = ''")
    pair.first.promote()
    wait_until(lambda: write_status(stage, claim) == 200)
    wait_until(lambda: stage.ask("GET", "/readyz").status_code == 200)
    stage.change_claim(claim)
    assert served.alive
    assert "Traceback" not in served.output, served.output
