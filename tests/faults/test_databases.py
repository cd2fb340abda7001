"""Databases that restart, are busy, or do not notify: the dispatcher waits, and loses nothing."""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from service.config import Settings
from service.store import migrate
from tests.faults.receiving import Gate, Unsteady, accept, wait_until
from tests.faults.served import Worker
from tests.faults.stage import HASTY, IMPATIENT, Stage, hold_lock
from tests.support.postgres import PostgresServer, provide_server

ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
Fault = Callable[[], None]
WAITED = "webhooks wait for the database"
UNRECORDED = """
    SELECT count(*) FROM webhook_deliveries d WHERE state = 'delivered' AND NOT EXISTS (
        SELECT 1 FROM webhook_attempts a
        WHERE a.webhook = d.webhook AND a.message = d.message AND a.outcome = 'delivered')
"""
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'claimdesk%'
"""
BELLS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'claimdesk bell'
"""


def require_all_delivered(stage: Stage, path: str = "/hook") -> None:
    """Require that everything acknowledged was delivered, each with an attempt in the log."""
    wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0)
    told_reasons = {each.data["reason"] for each in stage.receiver.at(path) if each.status == 204}
    assert told_reasons == {reason for reasons in stage.acknowledged.values() for reason in reasons}
    assert stage.look(UNRECORDED) == [(0,)]


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be restarted, and then has what it acknowledged."""
    server = provide_server(own=True, durable=True)
    yield server
    server.stop()


@pytest.mark.parametrize("immediate", [True, False], ids=["aborted", "stopped"])
def test_workers_survive_a_restart_of_postgresql(
    own_server: PostgresServer, tmp_path: Path, immediate: bool
) -> None:
    """Workers outlive a database that goes away while they lease, send and settle, and go on by
    themselves."""
    settings = Settings(database_url=own_server.create_database(), log_level="error")
    migrate.upgrade(settings)
    stage = Stage(settings.database_url.get_secret_value(), tmp_path, settings)
    try:
        server = stage.serve(prelude=HASTY)
        worker = stage.work(prelude=HASTY)
        gate = stage.receiver.answer = Gate()
        stage.register(event_types=["claim.status_changed"], max_in_flight=4)
        claims = [stage.record_claim() for _ in range(10)]
        for claim in claims * 6:
            stage.change_claim(claim)
        wait_until(lambda: len(stage.receiver.arrivals) > 0)
        assert stage.count_deliveries("state <> 'delivered'") == 60
        stage.receiver.answer = Unsteady(0.1)
        gate.open()
        own_server.restart(immediate=immediate)
        for claim in claims:
            stage.change_claim(claim)
        require_all_delivered(stage)
        assert server.alive
        assert worker.alive
    finally:
        stage.close()


@ON_SQLITE
def test_worker_waits_for_a_busy_sqlite(stage: Stage) -> None:
    """Another process writes to the file for longer than a worker waits (SQLITE_BUSY): what was
    sent meanwhile is settled afterwards, and not sent again."""
    stage.serve("--no-dispatch")
    worker = stage.work(prelude=IMPATIENT + HASTY, CLAIMDESK_WEBHOOK_LEASE_SECONDS="20")
    stage.register(event_types=["claim.status_changed"])
    claim = stage.record_claim()
    stage.change_claim(claim)
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)
    stage.change_claim(claim)
    with hold_lock(stage.database_url, ""):
        wait_until(lambda: worker.output.count(WAITED) >= 2)
        assert stage.count_deliveries("state = 'delivered'") <= 1 + len(stage.receiver.at("/hook"))
    require_all_delivered(stage)
    stage.change_claim(claim)
    require_all_delivered(stage)
    assert len(stage.receiver.arrivals) == 3
    assert worker.alive


def refuse_once_writing_fails(stage: Stage, worker: Worker, fail: Fault, mend: Fault) -> None:
    """Let a worker that got 204 fail to write it down between `fail` and `mend`; afterwards it
    writes it, and sends nothing twice."""
    stage.register(event_types=["claim.status_changed"])
    claims = [stage.record_claim() for _ in range(3)]
    stage.change_claim(claims[0])
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)
    gate = stage.receiver.answer = Gate()
    for claim in claims[1:]:
        stage.change_claim(claim)
    wait_until(lambda: len(stage.receiver.arrivals) == 3)
    fail()
    stage.receiver.answer = accept
    gate.open()
    wait_until(lambda: worker.output.count(WAITED) >= 4, what=lambda: worker.output)
    assert stage.count_deliveries("state = 'delivered'") == 1
    mend()
    require_all_delivered(stage)
    assert len(stage.receiver.arrivals) == 3
    assert worker.alive
    assert "Traceback" not in worker.output


@ON_SQLITE
def test_worker_waits_while_the_disk_is_full(stage: Stage) -> None:
    """No file of the worker's may grow any more, as on a full disk: it waits, and settles what it
    sent once there is room."""
    stage.serve("--no-dispatch")
    worker = stage.work(prelude=HASTY, CLAIMDESK_WEBHOOK_LEASE_SECONDS="50")
    _, most = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)

    def allow(size: int) -> None:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (size, most))

    # Less than the write-ahead log has already, more than its own output will.
    refuse_once_writing_fails(stage, worker, lambda: allow(40_000), lambda: allow(most))


@ON_POSTGRESQL
def test_worker_waits_while_postgresql_is_read_only(stage: Stage) -> None:
    """A database that becomes read-only, as one that is failed over does: the worker waits, and
    settles what it sent once it may write."""
    stage.serve("--no-dispatch")
    worker = stage.work(prelude=HASTY, CLAIMDESK_WEBHOOK_LEASE_SECONDS="50")
    name = stage.look("SELECT current_database()")[0][0]

    def turn(switch: str) -> None:
        stage.look(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {switch}')
        stage.look(SESSIONS)

    refuse_once_writing_fails(stage, worker, lambda: turn("on"), lambda: turn("off"))


@ON_POSTGRESQL
def test_dispatcher_waits_while_the_connection_pool_is_exhausted(stage: Stage) -> None:
    """Requests that wait for a claim hold every connection that may write: the dispatcher beside
    them goes without for longer than it waits, and delivers once there is one again."""
    server = stage.serve(prelude=IMPATIENT + HASTY, CLAIMDESK_DATABASE_CONNECTIONS="4")
    stage.register(event_types=["claim.status_changed"])
    claims = [stage.record_claim() for _ in range(3)]
    # With an attempt to settle, and then something that is due.
    gate = stage.receiver.answer = Gate()
    stage.change_claim(claims[0])
    wait_until(lambda: len(stage.receiver.arrivals) > 0)
    with hold_lock(stage.database_url, "FROM claims"):
        waiting = [
            threading.Thread(target=stage.change_claim, args=(claim,)) for claim in claims[1:]
        ]
        for each in waiting:
            each.start()
        wait_until(lambda: stage.look(WAITING)[0][0] == 2)
        stage.receiver.answer = accept
        gate.open(500)
        wait_until(lambda: server.output.count(WAITED) >= 2, what=lambda: server.output)
    for each in waiting:
        each.join()
    require_all_delivered(stage)
    assert server.alive


@pytest.mark.parametrize(
    ("database_kind", "bell"),
    [("sqlite", "off"), ("postgresql", "off"), ("postgresql", "cut")],
    indirect=["database_kind"],
)
def test_polling_delivers_without_notifications(stage: Stage, bell: str, long: bool) -> None:
    """NOTIFY never arrives, because it is switched off (on SQLite there is none) or because its
    connections are cut again and again: the poll finds everything, each within its interval."""
    poll = 0.5
    settings = {
        "CLAIMDESK_WEBHOOK_POLL_SECONDS": str(poll),
        "CLAIMDESK_WEBHOOK_BELL": "on" if bell == "cut" else "off",
    }
    stage.serve("--no-dispatch", **settings)
    worker = stage.work(**settings)
    stage.register(event_types=["claim.status_changed"])
    claim = stage.record_claim()
    latencies = []

    def have_arrived(count: int) -> bool:
        return len(stage.receiver.arrivals) == count

    for number in range(20 if long else 4):
        if bell == "cut":
            stage.look(BELLS)
        stage.change_claim(claim)
        began = time.monotonic()
        wait_until(partial(have_arrived, number + 1), seconds=5)
        latencies.append(stage.receiver.arrivals[-1].at - began)
    require_all_delivered(stage)
    print(f"latency without a bell: {min(latencies):.3f} to {max(latencies):.3f} s")
    # A second more for a machine that has other things to do.
    assert max(latencies) < poll + 1
    assert worker.alive
