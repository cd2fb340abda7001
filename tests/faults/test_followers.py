"""Many followers of one story, whose claims change again and again while the worker is killed.

`make faults` has ten thousand of them, and twenty changes in a minute.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from service.config import Settings
from service.domain import ids
from service.store.engine import Connection, Database
from service.store.tables import events, follows, notice_jobs, notices, users
from tests.faults.served import Worker
from tests.support import desk as support
from tests.support.desk import Clock, Desk
from tests.support.lengths import add_table

CLAIMS = 4
MOST_MEGABYTES = 250
"""Of memory that the worker ever took, however many are told."""


class RealClock(Clock):
    """The machine's, which the worker's process has too."""

    def __call__(self) -> datetime:
        self.now = datetime.now(UTC)
        return self.now


def add_followers(connection: Connection, count: int) -> None:
    """Add readers who follow the story."""
    now = datetime.now(UTC)
    people = [
        {
            "id": ids.make_id(),
            "email": f"reader{number}@example.org",
            "name": f"Reader {number}",
            "role": "reader",
            "created_at": now,
        }
        for number in range(count)
    ]
    connection.execute(insert(users), people)
    follow_rows = [
        {
            "id": ids.make_id(),
            "user": person["id"],
            "kind": "story",
            "target": "border",
            "automatic": False,
            "created_at": now,
        }
        for person in people
    ]
    connection.execute(insert(follows), follow_rows)


def count_notices(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(notices)).scalar_one()


def read_told(connection: Connection) -> list[Any]:
    """Read what was told, in the order in which it was."""
    columns = (notices.c.user, notices.c.claim, notices.c.key, notices.c.position)
    return list(connection.execute(select(*columns).order_by(notices.c.id)).all())


async def wait_for(database: Database, is_so: Callable[[Connection], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not await database.read(is_so):
        assert time.monotonic() < deadline, await database.read(count_notices)
        await asyncio.sleep(0.02)


def is_told(connection: Connection, until: int) -> bool:
    """Whether everything up to an event was looked at, and is told."""
    if connection.execute(select(func.count()).select_from(notice_jobs)).scalar_one():
        return False
    return bool(connection.execute(select(func.max(notices.c.position))).scalar() == until)


async def test_every_follower_is_told_of_every_change_though_the_worker_is_killed(
    settings: Settings, database_url: str, tmp_path: Path, long: bool
) -> None:
    """In order, each once, by a process whose memory does not grow with them."""
    followers, changes, seconds = (10_000, 20, 60.0) if long else (1_200, 6, 3.0)
    async with support.run_desk(settings, RealClock()) as desk:
        await desk.record_parties()
        await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
        claims = [
            str((await desk.record_claim(story="border", text=f"Claim {number}"))["id"])
            for number in range(CLAIMS)
        ]
        await desk.database.write(add_followers, followers)
        worker = Worker(database_url, tmp_path)
        kills = 0
        try:
            for number in range(changes):
                await desk.link_statement(claims[number % CLAIMS], "comments", "nato")
                await asyncio.sleep(seconds / changes)
                if number in (changes // 3, 2 * changes // 3):
                    await wait_until_in_between(desk, followers)
                    worker.kill()
                    kills += 1
                    worker = Worker(database_url, tmp_path)
            last = await desk.database.read(
                lambda connection: connection.execute(
                    select(func.max(events.c.seq)).where(events.c.type == "link.created")
                ).scalar_one()
            )
            began = time.monotonic()
            await wait_for(
                desk.database, lambda connection: is_told(connection, last), 120 if long else 60
            )
            took = time.monotonic() - began
            megabytes = read_peak(worker.pid)
        finally:
            worker.kill()
        await require_all_told(desk, followers, changes)
        total = await desk.database.read(count_notices)
    assert kills == 2
    assert megabytes < MOST_MEGABYTES
    add_table(
        f"Followers ({settings.database_url.get_secret_value().partition(':')[0]})",
        f"{followers} followers, {changes} changes in {seconds:.0f} s, killed {kills} times:",
        f"{total} notices; all told {took:.1f} s after the last change; {megabytes:.0f} MB at most",
    )


async def wait_until_in_between(desk: Desk, followers: int) -> None:
    """Wait until some were told of a change, and others not yet."""
    await wait_for(desk.database, lambda connection: count_notices(connection) % followers != 0, 60)


def read_peak(pid: int) -> float:
    """Read how much memory a process ever had, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def require_all_told(desk: Desk, followers: int, changes: int) -> None:
    """Each change is in one notice of every follower; of one claim, later changes come later."""
    notices = await desk.database.read(read_told)
    claim_events = await desk.database.read(
        lambda connection: connection.execute(
            select(events.c.claim, events.c.seq).where(events.c.type == "link.created")
        ).all()
    )
    assert len(claim_events) == changes
    receivers: dict[tuple[str, int, int], set[str]] = {}
    latest: dict[tuple[str, str], int] = {}
    for notice in notices:
        first = int(notice.key.rpartition(":")[2])
        group = receivers.setdefault((notice.claim, first, notice.position), set())
        assert notice.user not in group
        group.add(notice.user)
        assert latest.get((notice.user, notice.claim), 0) < first
        latest[notice.user, notice.claim] = notice.position
    assert {len(group) for group in receivers.values()} == {followers}
    for claim, seq in claim_events:
        covering = [key for key in receivers if key[0] == claim and key[1] <= seq <= key[2]]
        assert len(covering) == 1, (claim, seq)
