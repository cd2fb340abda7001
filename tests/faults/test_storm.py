"""Everything at once: changes on many claims, refusals at random, workers and servers killed.

`make test` runs it small, `make faults` long: 6,000 deliveries, 20 kills of workers and 5 of the
API, on each database.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.faults.receiving import Arrival, Unsteady, wait_until
from tests.faults.stage import Stage

PATHS = ("/one", "/two")
WRITERS = 4
WORKERS = 2


@dataclass(frozen=True)
class Size:
    claims: int
    changes: int
    worker_kills: int
    api_kills: int

    @property
    def deliveries(self) -> int:
        return self.claims * self.changes * len(PATHS)


QUICK = Size(claims=8, changes=15, worker_kills=2, api_kills=1)
LONG = Size(claims=40, changes=75, worker_kills=20, api_kills=5)


def test_no_acknowledged_webhook_is_lost_or_out_of_order(
    stage: Stage, database_kind: str, long: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """While workers and the API, which delivers too, are killed again and again and one answer in
    twenty is a 500: every change acknowledged arrives at every endpoint, signed, the same bytes
    each time, and no change arrives before the one before it was accepted."""
    size = LONG if long else QUICK
    began = time.monotonic()
    stage.receiver.answer = Unsteady(0.05)
    storm = Storm(stage, size)
    storm.blow()
    wait_until(
        lambda: stage.count_deliveries("state <> 'delivered'") == 0,
        seconds=120,
        what=lambda: stage.look("SELECT state, count(*) FROM webhook_deliveries GROUP BY state"),
    )
    seconds = time.monotonic() - began

    change_counts = {claim: len(reasons) for claim, reasons in stage.acknowledged.items()}
    assert change_counts == dict.fromkeys(change_counts, size.changes)
    arrivals = sum(judge(stage, path, change_counts) for path in PATHS)
    refusals = sum(arrival.status == 500 for arrival in stage.receiver.arrivals)
    assert refusals
    log = Counter(
        dict(stage.look("SELECT outcome, count(*) FROM webhook_attempts GROUP BY outcome"))
    )
    assert log["delivered"] == size.deliveries
    with capsys.disabled():
        if long:
            print(
                f"\n{database_kind}: {size.deliveries} deliveries, {arrivals - size.deliveries} "
                f"duplicates, {refusals} refused, {log['lost']} lost with a worker and sent again, "
                f"{storm.killed['worker']} workers and {storm.killed['api']} servers killed, "
                f"{seconds:.1f} s"
            )


def judge(stage: Stage, path: str, acknowledged_counts: dict[str, int]) -> int:
    """Hold what came to `path` against what was acknowledged; gives how much was accepted."""
    bodies: dict[str, bytes] = {}
    last: dict[str, int] = defaultdict(int)
    arrivals = 0
    for each in stage.receiver.at(path):
        assert bodies.setdefault(each.id, each.body) == each.body
        claim, sequence = each.data["claim"]["id"], each.data["sequence"]
        assert sequence <= last[claim] + 1, "a change came before the one before it was accepted"
        assert each.data["reason"] == stage.acknowledged[claim][sequence - 1]
        if each.status == 204:
            last[claim] = max(last[claim], sequence)
            arrivals += 1
    assert last == acknowledged_counts
    assert len(bodies) == sum(acknowledged_counts.values())
    return arrivals


class Storm:
    """Writers in threads, each with claims of its own, and kills spread evenly over the work."""

    def __init__(self, stage: Stage, size: Size) -> None:
        self.stage = stage
        self.size = size
        self.killed: Counter[str] = Counter()
        self.unverified: list[Arrival] = []
        self._served = stage.serve()
        for path in PATHS:
            stage.register(path, event_types=["claim.status_changed"])
        self._workers = [stage.work() for _ in range(WORKERS)]
        self._claims = [stage.record_claim() for _ in range(size.claims)]
        self._failures: list[BaseException] = []

    def blow(self) -> None:
        self.stage.receiver.answer = self._verify_signatures(self.stage.receiver.answer)
        writing = [
            threading.Thread(target=self._write, args=(self._claims[i::WRITERS],))
            for i in range(WRITERS)
        ]
        for each in writing:
            each.start()
        kills = self._plan()
        while kills or any(each.is_alive() for each in writing):
            if kills and len(self.stage.receiver.arrivals) >= kills[0][0]:
                self._kill(kills.pop(0)[1])
            time.sleep(0.002)
            assert not self._failures, self._failures
        for each in writing:
            each.join()
        assert not self._failures, self._failures
        assert not self.unverified

    def _plan(self) -> list[tuple[int, str]]:
        """After how many arrivals what is killed."""
        most = self.size.deliveries * 0.9
        spread = [
            (int(most * (i + random.random()) / count), process)
            for process, count in (("worker", self.size.worker_kills), ("api", self.size.api_kills))
            for i in range(count)
        ]
        return sorted(spread)

    def _kill(self, process: str) -> None:
        self.killed[process] += 1
        if process == "api":
            self._served.kill()
            self._served = self.stage.serve()
            return
        place = random.randrange(WORKERS)
        self._workers[place].kill()
        self._workers[place] = self.stage.work()

    def _write(self, claims: list[str]) -> None:
        try:
            for _ in range(self.size.changes):
                for claim in random.sample(claims, len(claims)):
                    self._change(claim)
        except BaseException as failure:
            self._failures.append(failure)

    def _change(self, claim: str) -> None:
        """Told again, with its key, for as long as nobody answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.stage.change_claim(claim)
                return
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _verify_signatures(self, inner: Any) -> Any:
        """Signatures are checked as they come: they hold for five minutes."""

        async def answer(arrival: Arrival) -> int:
            try:
                arrival.verify(self.stage.secrets[arrival.path])
            except Exception:
                self.unverified.append(arrival)
            status: int = await inner(arrival)
            return status

        return answer
