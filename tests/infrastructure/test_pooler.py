"""A pgbouncer between Claimdesk and PostgreSQL, in either mode: found, killed, gone past."""

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from service.config import Settings
from service.store import releases
from service.store.connector import Connector
from service.store.engine import Database
from tests.faults.listening import Listening
from tests.faults.receiving import wait_until
from tests.faults.served import run_command
from tests.faults.stage import HASTY, Stage
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer

BELLS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'claimdesk bell'
"""

IN_TRANSACTION_MODE = pytest.mark.parametrize("pooler", ["transaction"], indirect=True)


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def stage(pooler: Pooler, database_url: str, settings: Settings, tmp_path: Path) -> Iterator[Stage]:
    """A desk whose servers reach their database through the pooler; `look` goes past it."""
    stage = Stage(database_url, tmp_path, settings)
    yield stage
    stage.close()


def build_settings(pooler: Pooler, stage: Stage, **settings: str) -> dict[str, str]:
    """What a server is set to that goes through the pooler, in a mode that it finds out."""
    return {
        "CLAIMDESK_DATABASE_URL": pooler.url(stage.database_url),
        "CLAIMDESK_LOG_LEVEL": "info",
        **settings,
    }


async def test_pooler_is_told_from_a_server(pooler: Pooler, database_url: str) -> None:
    """A pooler's greeting names another process than the one that serves."""
    pooled_connector = Connector(pooler.url(database_url), "auto")
    await pooled_connector.start()
    straight = Connector(database_url, "auto")
    await straight.start()
    assert (pooled_connector.pooler, pooled_connector.guessed) == ("transaction", True)
    assert (straight.pooler, straight.guessed) == ("none", False)


async def test_each_transaction_has_its_settings_through_a_pooler(
    pooler: Pooler, database_url: str, settings: Settings
) -> None:
    """Whatever process of the server serves: readers cannot write, JIT is off, locks are given
    up."""
    address = type(settings.database_url)(pooler.url(database_url))
    database = Database(settings.model_copy(update={"database_url": address}))
    await database.start()
    names = ("transaction_read_only", "jit", "lock_timeout", "TimeZone", "application_name")

    def read_settings(connection: object) -> list[str]:
        return [
            connection.exec_driver_sql(f"SHOW {name}").scalar_one()  # type: ignore[attr-defined]
            for name in names
        ]

    try:
        reads = await asyncio.gather(*(database.read(read_settings) for _ in range(12)))
        writes = await asyncio.gather(*(database.write(read_settings) for _ in range(12)))
    finally:
        await database.stop()
    name = releases.build_application_name()
    assert {tuple(read) for read in reads} == {("on", "off", "15s", "UTC", name)}
    assert {tuple(write) for write in writes} == {("off", "off", "15s", "UTC", name)}


def test_desk_survives_a_killed_pooler(pooler: Pooler, stage: Stage) -> None:
    """Webhooks are delivered and a stream is sent through it; killed with SIGKILL and started
    again, everything goes on by itself, and everything acknowledged has come."""
    server = stage.serve(prelude=HASTY, **build_settings(pooler, stage))
    assert "taken to be in transaction mode" in server.output
    stage.register(event_types=["claim.status_changed"])
    claims = [stage.record_claim() for _ in range(3)]
    listening = Listening(stage.token, after=0, types="claim.status_changed")
    is_stopped = threading.Event()

    def listen() -> None:
        while not is_stopped.is_set():
            listening.listen(server.url, seconds=2)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        for claim in claims * 3:
            stage.change_claim(claim)
        pooler.kill()
        assert stage.ask("GET", f"/v1/claims/{claims[0]}").status_code == 503
        refusal = stage.ask("PATCH", f"/v1/claims/{claims[0]}", {"tags": ["late"]})
        assert refusal.status_code == 503
        assert refusal.headers["retry-after"] == "1"
        assert stage.ask("GET", "/readyz").status_code == 503
        pooler.start()
        for claim in claims * 3:
            stage.change_claim(claim)
        wait_until(lambda: stage.ask("GET", "/readyz").status_code == 200)
        wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0)
        wait_until(lambda: len(listening.seen) == 18, what=lambda: listening.seen)
    finally:
        is_stopped.set()
        listener.join()
        if not is_pooler_listening(pooler):
            pooler.start()
    told_reasons = {reason for reasons in stage.acknowledged.values() for reason in reasons}
    assert {each.data["reason"] for each in stage.receiver.at("/hook")} == told_reasons
    assert [seq for seq, _, _ in listening.seen] == sorted({seq for seq, _, _ in listening.seen})
    assert server.alive
    assert "Traceback" not in server.output, server.output


def wait_for_relays(stage: Stage, count: int) -> None:
    wait_until(lambda: stage.look(BELLS)[0][0] == count)


def wait_for_greeting(listener: Listening) -> None:
    wait_until(lambda: listener.last_event_id)


def is_pooler_listening(pooler: Pooler) -> bool:
    with contextlib.suppress(OSError):
        asyncio.run(_connect_once(pooler.port))
        return True
    return False


async def _connect_once(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


@IN_TRANSACTION_MODE
def test_processes_behind_a_pooler_notice_each_others_changes(pooler: Pooler, stage: Stage) -> None:
    """What one server records another streams: each second by looking; at once, where an address
    past the pooler is named for the bell."""
    direct = {"CLAIMDESK_DATABASE_DIRECT_URL": stage.database_url}
    for settings, relays in (({}, 0), (direct, 2)):
        hears = stage.serve("--no-dispatch", **build_settings(pooler, stage, **settings))
        stage.serve("--no-dispatch", **build_settings(pooler, stage, **settings))
        wait_for_relays(stage, relays)
        claim = stage.record_claim()
        listening = Listening(stage.token, claim=claim, types="claim.status_changed")
        thread = threading.Thread(target=listening.listen, args=(hears.url,), kwargs={"events": 3})
        thread.start()
        wait_for_greeting(listening)
        for _ in range(3):
            stage.change_claim(claim)
        thread.join()
        assert len(listening.seen) == 3
        for each in stage.started:
            each.kill()


@IN_TRANSACTION_MODE
def test_command_line_works_through_a_pooler(
    pooler: Pooler, postgres: PostgresServer, tmp_path: Path
) -> None:
    """An empty database is brought to the schema, filled and verified; what is printed for
    programs stays one document."""
    url = postgres.create_database()
    try:
        address = pooler.url(url)
        for command in (("db", "upgrade"), ("seed",), ("verify",), ("db", "check")):
            process = run_command(address, tmp_path, *command)
            assert process.returncode == 0, process.stdout + process.stderr
        creation = run_command(
            address, tmp_path, "keys", "create", "--name", "x", "--role", "reader", "--json"
        )
        assert re.fullmatch(r"\{.*\}\s*", creation.stdout, re.DOTALL), creation.stdout
    finally:
        postgres.drop_database(url)


async def test_pooler_that_ignores_startup_parameters_lets_no_reader_write(
    pooler: Pooler, postgres: PostgresServer, migrated_postgres: str
) -> None:
    """`ignore_startup_parameters`, which poolers are set to for other clients, would have left
    readers able to write."""
    lenient = Pooler(
        pooler.mode,
        postgres.url("postgres"),
        ignore_startup_parameters="jit,lock_timeout,default_transaction_read_only,"
        "idle_in_transaction_session_timeout",
    )
    url = postgres.create_database(template=migrated_postgres)
    try:
        mode = "session" if pooler.mode == "session" else "auto"
        database = Database(Settings(database_url=lenient.url(url), database_pooler=mode))
        await database.start()
        try:
            setting = await database.read(
                lambda connection: connection.exec_driver_sql(
                    "SHOW transaction_read_only"
                ).scalar_one()
            )
        finally:
            await database.stop()
        assert setting == "on"
    finally:
        lenient.close()
        postgres.drop_database(url)


@IN_TRANSACTION_MODE
async def test_statements_of_other_clients_do_not_mix_with_ours(
    pooler: Pooler, database_url: str, settings: Settings
) -> None:
    """Another client prepares and runs statements without a name on the same few processes of the
    server: each of our questions gets its own answer."""
    address = type(settings.database_url)(pooler.url(database_url))
    database = Database(settings.model_copy(update={"database_url": address}))
    await database.start()
    other = [
        await asyncpg.connect(pooler.url(database_url), statement_cache_size=0) for _ in range(4)
    ]
    deadline = time.monotonic() + 2

    async def disturb(connection: asyncpg.Connection) -> int:
        count = 0
        while time.monotonic() < deadline:
            assert await connection.fetchval("SELECT 'theirs' || $1::text", str(count))
            count += 1
        return count

    async def ask(number: int) -> None:
        while time.monotonic() < deadline:
            answer = await database.read(
                lambda connection: connection.exec_driver_sql(
                    "SELECT $1::int + 1", (number,)
                ).scalar_one()
            )
            assert answer == number + 1

    try:
        await asyncio.gather(*map(disturb, other), *map(ask, range(6)))
    finally:
        for connection in other:
            await connection.close()
        await database.stop()
