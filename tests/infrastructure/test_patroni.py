"""Servers that Patroni looks after, through haproxy and by an address that names both: a planned
switchover and a leader that is killed lose nothing.

A leader that is gone is noticed after 20 s, the least that Patroni takes: the long form has this.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import Settings
from service.store import migrate
from tests.faults.receiving import wait_until
from tests.faults.stage import HASTY, Stage
from tests.infrastructure.patroni import Cluster
from tests.infrastructure.test_failover import PATIENT
from tests.infrastructure.writing import StreamReader, Writing, require_nothing_lost
from tests.support.lengths import IS_LONG

PER_SECOND = 100


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if not IS_LONG:
        pytest.skip("not run: takes a minute and a half; make faults has it")
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def stage(cluster: Cluster, tmp_path: Path) -> Iterator[Stage]:
    settings = Settings(database_url=cluster.url, log_level="error")
    wait_until(lambda: cluster.find_leader() is not None)
    migrate.upgrade(settings)
    stage = Stage(cluster.url, tmp_path, settings)
    yield stage
    stage.close()


def test_nothing_acknowledged_is_lost_when_patroni_switches_or_its_leader_is_killed(
    cluster: Cluster, stage: Stage
) -> None:
    """The server goes through haproxy, the worker by both addresses."""
    server = stage.serve(prelude=HASTY, **PATIENT)
    worker = stage.work(prelude=HASTY, **PATIENT, CLAIMDESK_DATABASE_URL=cluster.addresses)
    stage.register(event_types=["claim.status_changed"])
    reader = StreamReader(stage, server.url)
    writing = Writing(stage, PER_SECOND)
    try:
        writing.wait_for_more(100)
        first = cluster.wait_for_leader()
        second = next(member for member in cluster.members if member is not first)
        asked_at = time.monotonic()
        cluster.switch_over(first, second)
        assert cluster.wait_for_leader(other_than=first) is second
        switched_at = time.monotonic()
        writing.wait_for_more(100)
        print(
            f"switchover: {switched_at - asked_at:.1f} s until there was another leader, "
            f"longest wait for an answer {find_longest_wait(writing):.1f} s"
        )
        cluster.wait_for_sync_standby()

        killed_at = time.monotonic()
        second.kill()
        wait_until(lambda: stage.ask("GET", "/readyz").status_code == 503)
        assert cluster.wait_for_leader(other_than=second) is first
        led_at = time.monotonic()
        writing.wait_for_more(100)
        print(
            f"kill -9: {led_at - killed_at:.1f} s until there was another leader, "
            f"longest wait for an answer {find_longest_wait(writing):.1f} s"
        )
        second.start()
        cluster.wait_for_sync_standby()
        writing.wait_for_more(50)
    finally:
        writing.stop()
        try:
            asyncio.run(require_nothing_lost(stage, Settings(database_url=cluster.url), reader))
        finally:
            reader.stop()
    assert server.alive
    assert worker.alive
    for process in (server, worker):
        assert "Traceback" not in process.output, process.output


def find_longest_wait(writing: Writing) -> float:
    at = sorted(writing.acknowledged_at)
    return max(later - earlier for earlier, later in itertools.pairwise(at))
