"""A replica that applies everything three seconds late, read from under load: a caller reads their
own change, nobody reads what is older than the bound, and what is shown agrees with itself."""

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest

from service.config import Settings
from service.store import migrate
from service.web.replica_choice import HEADER
from tests.faults.receiving import wait_until
from tests.faults.stage import Stage
from tests.infrastructure.replication import Pair
from tests.support.lengths import add_table

LATE_SECONDS, BOUND_SECONDS = 3, 5
STATUSES = ("asserted", "awaiting_confirmation")
LISTENS_AFTER = re.compile(r'data-live="[^"]*[?;&]after=(\d+)')
REASON = re.compile(r"change (\d+) of")


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    pair.first.wait_for(None)
    migrate.upgrade(Settings(database_url=pair.first.url, log_level="error"))
    pair.second.run(f"ALTER SYSTEM SET recovery_min_apply_delay = '{LATE_SECONDS}s'")
    pair.second.run("SELECT pg_reload_conf()")
    yield pair
    pair.close()


@dataclass
class Ledger:
    """What the author of one claim's changes was told, and what others were shown of it."""

    claim: str
    acknowledged: list[float] = field(default_factory=list)
    """When each change was acknowledged."""
    statuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    """How many changes there had been at each ETag, and the status; by the author's reading."""
    reads: list[tuple[float, str, str]] = field(default_factory=list)
    """Of others: when it was asked, the ETag and the status."""
    pages: list[tuple[int, int]] = field(default_factory=list)
    """Of others: after which event a page listens, and the newest change that it shows."""


@pytest.mark.scale
def test_late_replica_shows_nobody_less_than_it_says(
    pair: Pair, tmp_path: Path, long: bool
) -> None:
    """Authors read each of their changes at once; others look without a position meanwhile."""
    stage = Stage(pair.first.url, tmp_path, Settings(database_url=pair.first.url))
    try:
        server = stage.serve(
            "--no-dispatch",
            CLAIMDESK_DATABASE_READ_URL=pair.second.url,
            CLAIMDESK_DATABASE_READ_LAG_SECONDS=str(BOUND_SECONDS),
        )
        ledgers = [Ledger(stage.record_claim()) for _ in range(8 if long else 2)]
        headers = {"Authorization": f"Bearer {stage.token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
            # Everybody is to find the claims at the replica.
            wait_until(lambda: find_all(client, ledgers))
            before = count_replica_requests(client)
            over = threading.Event()
            with ThreadPoolExecutor(2 * len(ledgers)) as pool:
                tasks = [pool.submit(author, stage, client, each, over) for each in ledgers]
                tasks += [pool.submit(look, client, each, over) for each in ledgers]
                over.wait(30 if long else 6)
                over.set()
                for task in tasks:
                    task.result(timeout=60)
            from_replica = count_replica_requests(client) - before
            for each in ledgers:  # the newest, which others may have been shown already
                note_own_read(client, each, {"Cache-Control": "no-cache"})
        assert from_replica > 0
        oldest = max(judge_reads(each) for each in ledgers)
        judge_pages(stage, ledgers)
        assert server.alive
        report(ledgers, oldest, from_replica)
    finally:
        stage.close()


def find_all(client: httpx.Client, ledgers: list[Ledger]) -> bool:
    is_used = client.get("/readyz").json()["replica"]["is_used"]
    return is_used and all(
        client.get(f"/v1/claims/{each.claim}").status_code == 200 for each in ledgers
    )


def count_replica_requests(client: httpx.Client) -> float:
    text = client.get("/metrics").text
    [line] = [line for line in text.splitlines() if line.startswith("claimdesk_replica_requests_")]
    return float(line.split()[1])


def author(stage: Stage, client: httpx.Client, ledger: Ledger, over: threading.Event) -> None:
    """Change the claim and read the change, with the position of the answer."""
    note_own_read(client, ledger, {"Cache-Control": "no-cache"})
    path = f"/v1/claims/{ledger.claim}/status-changes"
    while not over.wait(0.05):
        number = len(ledger.acknowledged) + 1
        reason = f"change {number} of {ledger.claim}"
        stage.acknowledged[ledger.claim].append(reason)
        body = {"to": STATUSES[number % 2], "reason": reason}
        answer = client.post(path, json=body, headers={"If-Match": "*"})
        assert answer.status_code == 201, answer.text
        ledger.acknowledged.append(time.monotonic())
        own = {HEADER: answer.headers[HEADER]}
        note_own_read(client, ledger, own)
        page = client.get(f"/claims/{ledger.claim}", headers=own)
        assert find_newest_change(page.text) == number


def note_own_read(client: httpx.Client, ledger: Ledger, headers: dict[str, str]) -> None:
    """Nobody else changes the claim: its author reads the newest change."""
    answer = client.get(f"/v1/claims/{ledger.claim}", headers=headers)
    number = len(ledger.acknowledged)
    assert answer.json()["status"] == STATUSES[number % 2]
    ledger.statuses[answer.headers["etag"]] = (number, answer.json()["status"])


def look(client: httpx.Client, ledger: Ledger, over: threading.Event) -> None:
    """Read the claim and its page as somebody who changed nothing."""
    while not over.is_set():
        asked_at = time.monotonic()
        answer = client.get(f"/v1/claims/{ledger.claim}")
        ledger.reads.append((asked_at, answer.headers["etag"], answer.json()["status"]))
        page = client.get(f"/claims/{ledger.claim}").text
        [after] = LISTENS_AFTER.findall(page)
        ledger.pages.append((int(after), find_newest_change(page)))


def find_newest_change(page: str) -> int:
    return max(map(int, REASON.findall(page)), default=0)


def judge_reads(ledger: Ledger) -> float:
    """Each status belongs to its ETag, and has everything acknowledged the bound before.  Returns
    the age of the oldest answer: for how long a later change had been acknowledged."""
    oldest = 0.0
    for asked_at, etag, status in ledger.reads:
        number, expected = ledger.statuses[etag]
        assert status == expected
        if number < len(ledger.acknowledged):
            age = asked_at - ledger.acknowledged[number]
            assert age < BOUND_SECONDS, (ledger.claim, number)
            oldest = max(oldest, age)
    return oldest


def judge_pages(stage: Stage, ledgers: list[Ledger]) -> None:
    """A page shows every change up to the event after which it listens for more."""
    changes = [
        (seq, orjson.loads(data)["reason"])
        for seq, data in stage.look(
            "SELECT seq, data FROM events WHERE type = 'claim.status_changed' ORDER BY seq"
        )
    ]
    for ledger in ledgers:
        own = [seq for seq, reason in changes if reason.endswith(ledger.claim)]
        assert len(own) == len(ledger.acknowledged)
        assert ledger.pages
        for after, newest in ledger.pages:
            assert newest >= sum(seq <= after for seq in own)


def report(ledgers: list[Ledger], oldest: float, from_replica: float) -> None:
    changes = sum(len(each.acknowledged) for each in ledgers)
    looks = sum(len(each.reads) + len(each.pages) for each in ledgers)
    add_table(
        f"replica {LATE_SECONDS} s late, bound {BOUND_SECONDS} s",
        f"{changes} changes read by their authors, {looks} looks of others, "
        f"{from_replica:.0f} from the replica; the oldest was superseded {oldest:.1f} s before",
    )
