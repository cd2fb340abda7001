"""Clients that change claims, so many times a second, through failovers; and a listener."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults.ledgers import audit
from tests.faults.listening import Listening
from tests.faults.receiving import wait_until
from tests.faults.stage import Stage

CLIENTS = 8


class Writing:
    """Each client changes a claim of its own; refused with 503, it sends the same again.

    `acknowledged_at` has the time of each change that was acknowledged.
    """

    def __init__(self, stage: Stage, per_second: float) -> None:
        self.stage = stage
        self.acknowledged_at: list[float] = []
        self._apart = CLIENTS / per_second
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        claims = [stage.record_claim() for _ in range(CLIENTS)]
        self._working = [self._pool.submit(self._work, claim) for claim in claims]

    def wait_for_more(self, count: int) -> None:
        """Return once so many more changes are acknowledged."""
        before = len(self.acknowledged_at)
        wait_until(
            lambda: self._failed() or len(self.acknowledged_at) >= before + count, seconds=120
        )

    def stop(self) -> None:
        self._stopped.set()
        for each in self._working:
            each.result(timeout=90)
        self._pool.shutdown()

    def measure_rate(self, since: float, until: float) -> float:
        """How many changes a second were acknowledged between two moments."""
        return sum(since <= at < until for at in self.acknowledged_at) / (until - since)

    def measure_wait(self, since: float) -> float:
        """How long after `since` a change was acknowledged again."""
        return min(at for at in self.acknowledged_at if at >= since) - since

    def _failed(self) -> bool:
        for each in self._working:
            if each.done():
                each.result()
        return False

    def _work(self, claim: str) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            self.stage.change_claim(claim)
            self.acknowledged_at.append(time.monotonic())
            self._stopped.wait(max(0.0, self._apart - (time.monotonic() - began)))


class StreamReader:
    """Reads the stream of all events of a server, and comes back whenever it ends."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.listening = Listening(stage.token, after=0)
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=60)

    def _listen(self) -> None:
        while not self._stopped.is_set():
            self.listening.listen(self._url, seconds=1)


async def require_nothing_lost(stage: Stage, settings: object, reader: StreamReader) -> None:
    """What was acknowledged is in the record in its order, was sent to the webhook, and was
    streamed once and in order."""
    record = await audit(settings)  # type: ignore[arg-type]
    for claim, reasons in stage.acknowledged.items():
        changes = [
            event["data"]["reason"]
            for event in record[claim]
            if event["type"] == "claim.status_changed"
        ]
        assert changes == reasons
    wait_until(
        lambda: stage.count_deliveries("state <> 'delivered'") == 0,
        seconds=120,
        what=lambda: stage.look(
            "SELECT webhook, state, last_status, last_error, count(*) FROM webhook_deliveries "
            "GROUP BY 1, 2, 3, 4"
        ),
    )
    arrivals = [each for each in stage.receiver.at("/hook") if each.status == 204]
    sent_reasons = dict.fromkeys(each.data["reason"] for each in arrivals)  # each may come twice
    require_order(stage, list(sent_reasons))
    events = stage.look(
        "SELECT seq, claim::text, number FROM events WHERE claim IS NOT NULL ORDER BY seq"
    )
    wait_until(lambda: len(reader.listening.seen) >= len(events), seconds=30)
    assert [tuple(row) for row in events] == reader.listening.seen


def require_order(stage: Stage, reasons: list[str]) -> None:
    """These are all the changes that were acknowledged, those of each claim in their order."""
    by_claim: dict[str, list[str]] = {claim: [] for claim in stage.acknowledged}
    for reason in reasons:
        by_claim[reason.rpartition(" ")[2]].append(reason)
    assert by_claim == stage.acknowledged
