"""A wrong system clock: nothing is recorded with it, and changes are accepted again once it is
right, or an operator has accepted it."""

import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection

from service.domain import ids
from service.domain.clocks import ClockGuard, ClockReference, find_clock_fault
from service.operations import clock
from service.store.engine import Database
from tests.faults.served import Served, create_key, run_command
from tests.support.desk import Desk, build_claim

YEAR = 31_556_952
SHIFTED = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
import service.app, service.cli.shell
def shifted():
    return datetime.now(UTC) + timedelta(seconds=float(Path("shift").read_text()))
service.app.utc_now = service.cli.shell.read_clock = shifted
service.app.create_app.__defaults__ = (None, shifted, None)
service.app.HOUSEKEEPING_SECONDS = 0.2
"""
"""A clock that is off by what a file says: setting the machine's own takes root."""


class Machine:
    """A desk on a machine whose clock a test sets."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.set_clock(0)
        token = create_key(url, folder, "editor")["key"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def set_clock(self, seconds: float) -> None:
        new_file = self.folder / "shift.new"
        new_file.write_text(str(seconds))
        new_file.replace(self.folder / "shift")

    def serve(self) -> Served:
        server = Served(self.url, self.folder, prelude=SHIFTED)
        with self.client(server) as client:
            client.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})
        return server

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return run_command(self.url, self.folder, *command, prelude=SHIFTED)

    def client(self, server: Served) -> httpx.Client:
        return httpx.Client(base_url=server.url, headers=self.headers, timeout=30)


@pytest.fixture
def machine(database_url: str, tmp_path: Path) -> Machine:
    return Machine(database_url, tmp_path)


def create(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/claims", json=build_claim())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("shift", [10 * YEAR, -YEAR, 3600], ids=["10 years", "-1 year", "1 hour"])
def test_changes_are_refused_while_the_clock_is_wrong(machine: Machine, shift: float) -> None:
    server = machine.serve()
    try:
        with machine.client(server) as client:
            claim = create(client)
            assert claim.status_code == 201, claim.text
            machine.set_clock(shift)
            refusal = create(client)
            assert refusal.status_code == 503
            assert refusal.json()["type"] == "/problems/clock-wrong"
            assert "claimdesk clock accept" in refusal.json()["detail"]
            assert client.get("/readyz").status_code == 503
            read = client.get(f"/v1/claims/{claim.json()['id']}")
            assert read.status_code == 200
            machine.set_clock(60)  # a minute off is no wrong clock
            assert create(client).status_code == 201
            for event in client.get("/v1/events").json()["items"]:
                off = datetime.fromisoformat(event["recorded_at"]) - datetime.now(UTC)
                assert abs(off) < timedelta(minutes=3)
    finally:
        server.kill()


def test_accepted_clock_is_trusted_and_recorded(machine: Machine, database_kind: str) -> None:
    server = machine.serve()
    try:
        with machine.client(server) as client:
            assert create(client).status_code == 201
            machine.set_clock(7200)
            assert create(client).status_code == 503
            acceptance = machine.run("clock", "accept")
            assert acceptance.returncode == 0, acceptance.stderr
            wait_for(lambda: create(client).status_code == 201)
            assert machine.run("clock", "show").returncode == 0
            assert machine.run("keys", "create", "--name", "x", "--role", "reader").returncode == 0
            machine.set_clock(0)
            assert create(client).status_code == 503
            clock = machine.run("clock", "show")
            assert clock.returncode == 1
            assert "behind" in clock.stderr or database_kind == "postgresql"
    finally:
        server.kill()


def test_server_started_with_a_wrong_clock_only_reads(
    machine: Machine,
) -> None:
    server = machine.serve()
    with machine.client(server) as client:
        claim = create(client).json()["id"]
    server.kill()
    for shift in (-7200, 10 * YEAR):
        machine.set_clock(shift)
        server = machine.serve()
        try:
            with machine.client(server) as client:
                assert client.get(f"/v1/claims/{claim}").status_code == 200
                refusal = create(client)
                assert refusal.json()["type"] == "/problems/clock-wrong", refusal.text
                command = machine.run("keys", "create", "--name", "y", "--role", "reader")
                assert command.returncode == 1
                assert "claimdesk clock accept" in command.stderr
                machine.set_clock(0)
                assert create(client).status_code == 201
        finally:
            server.kill()


async def test_deliveries_put_off_by_a_wrong_clock_are_due_once_it_is_right(
    database: Database, desk: Desk
) -> None:
    from sqlalchemy import func, select, update

    from service.store.webhook_tables import webhook_deliveries as deliveries
    from service.store.webhook_tables import webhooks

    response = await desk.admin.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    assert response.status_code == 201, response.text
    await desk.admin.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})
    await desk.record_claim()
    far = desk.clock.now + timedelta(days=3650)

    def put_off(connection: Connection) -> int:
        connection.execute(update(webhooks).values(blocked_until=far, served_at=far))
        return connection.execute(update(deliveries).values(visible_at=far)).rowcount

    waiting = await database.write(put_off)
    assert waiting > 0
    now = desk.clock.now
    assert await database.write(clock.free_stuck_deliveries, now=now) == waiting
    due = select(func.count()).where(deliveries.c.visible_at <= now)
    assert await database.read(lambda connection: connection.scalar(due)) == waiting
    assert await database.write(clock.free_stuck_deliveries, now=now) == 0


async def test_explained_events_of_the_future_do_not_make_a_clock_wrong(
    database: Database, desk: Desk
) -> None:
    """Imported or accepted events, also those that are not the newest."""
    from sqlalchemy import insert, select

    from service.store.tables import events

    await desk.admin.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})
    await desk.record_claim()
    now = desk.clock.now
    far = now + timedelta(days=3650)

    of_claims = select(events).where(events.c.claim.is_not(None)).limit(1)

    def add(connection: Connection, number: int, at: datetime) -> None:
        row = dict(connection.execute(of_claims).one()._mapping)
        event_columns = {"id": ids.make_id(), "number": number, "recorded_at": at}
        connection.execute(insert(events).values(row | event_columns | {"seq": number}))

    async def find_fault() -> str | None:
        reference = await database.read(clock.read_clock_reference)
        return find_clock_fault(reference, now=now, tolerance=TOLERANCE)

    await database.write(add, 100, far)
    assert "behind" in (await find_fault() or "")
    await database.write(clock.excuse_imported_events, now=now)
    assert await find_fault() is None
    later = far + timedelta(days=1)
    await database.write(add, 101, later)
    await database.write(add, 102, now)
    assert await find_fault() is None
    await database.write(clock.accept_clock, now=now)
    await database.write(add, 103, later)
    assert await find_fault() is None


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)


def test_clock_is_compared_with_the_newest_event_and_the_servers_clock() -> None:
    def fault(reference: ClockReference) -> str:
        return find_clock_fault(reference, now=NOW, tolerance=TOLERANCE) or ""

    assert fault(ClockReference()) == ""
    assert fault(ClockReference(newest_event=NOW + timedelta(minutes=4))) == ""
    assert "behind" in fault(ClockReference(newest_event=NOW + timedelta(minutes=6)))
    assert fault(ClockReference(newest_event=NOW - timedelta(days=900))) == ""
    assert "behind" in fault(ClockReference(last_seen=NOW + timedelta(hours=1)))
    assert fault(ClockReference(last_seen=NOW - timedelta(days=59))) == ""
    assert "ahead" in fault(ClockReference(last_seen=NOW - timedelta(days=61)))
    assert "database server" in fault(ClockReference(server_ahead=timedelta(minutes=-6)))
    far = NOW + timedelta(days=3650)
    assert fault(ClockReference(newest_event=far, accepted_at=NOW, accepted_up_to=far)) == ""
    later = far + timedelta(seconds=1)
    assert "behind" in fault(
        ClockReference(newest_event=later, accepted_at=NOW, accepted_up_to=far)
    )


def test_slewed_clock_is_followed_and_a_leap_is_not() -> None:
    wall, count = [NOW], [0.0]
    guard = ClockGuard(lambda: wall[0], tolerance=TOLERANCE, stopwatch=lambda: count[0])
    guard.compare_with(ClockReference())
    for _ in range(20):  # a minute too fast each time: looked at often, that is no leap
        wall[0] += timedelta(seconds=90)
        count[0] += 30
        guard.require()
        guard.compare_with(ClockReference())
    wall[0] += timedelta(hours=1)
    for _ in range(3):  # what is compared with it again and again does not make it right
        with pytest.raises(Exception, match="set ahead by 60 minutes"):
            guard.require()
        guard.compare_with(ClockReference())
    guard.compare_with(ClockReference(accepted_at=wall[0]))
    guard.require()
