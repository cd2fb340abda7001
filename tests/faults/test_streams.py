"""Event streams through kills and restarts, judged by what the record holds."""

import random
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.faults.listening import Listening, Seen
from tests.faults.stage import Stage

RECORD = (
    "SELECT seq, replace(CAST(claim AS text), '-', ''), number FROM events "
    "WHERE claim IS NOT NULL AND seq > {after} ORDER BY seq"
)
WRITERS = 8


class Writing:
    """Changes of claims, so many a second, by several clients, whatever happens to the server."""

    def __init__(self, stage: Stage, per_second: float) -> None:
        self.stage = stage
        self.claims = [stage.record_claim() for _ in range(WRITERS)]
        self.made = 0
        self._apart = WRITERS / per_second
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(WRITERS)
        self._working = [self._pool.submit(self._work, claim) for claim in self.claims]

    def stop(self) -> None:
        self._stopped.set()
        for each in self._working:
            each.result(timeout=60)
        self._pool.shutdown()

    def _work(self, claim: str) -> None:
        turn = time.monotonic()
        number = 0
        while not self._stopped.is_set():
            number += 1
            body = {"to": ("awaiting_confirmation", "asserted")[number % 2], "reason": "turn"}
            try:
                answer = self.stage.ask("POST", f"/v1/claims/{claim}/status-changes", body)
                self.made += answer.status_code == 201
            except Exception:  # noqa: S110 -- killed under it: the record says what became of it
                pass
            turn += self._apart
            self._stopped.wait(max(0.0, turn - time.monotonic()))


def list_recorded(stage: Stage, after: int = 0) -> list[Seen]:
    rows = stage.look(RECORD.format(after=after))
    return [(int(seq), str(claim), int(number)) for seq, claim, number in rows]


def list_heard(listener: Listening) -> list[Seen]:
    return [(seq, claim.replace("-", ""), number) for seq, claim, number in listener.seen]


def test_reconnecting_stream_sees_every_event_once(stage: Stage, long: bool) -> None:
    """While others write as quickly as they can, and the server is killed and started again in
    between: each event once, in order.  One client sees all, another one claim's alone."""
    cuts, per_second, kills = (100, 200, 5) if long else (24, 100, 2)
    server = stage.serve("--no-dispatch")
    writing = Writing(stage, per_second)
    whole = Listening(stage.token, after=0)
    claim_listener = Listening(stage.token, after=0, claim=writing.claims[0])
    chance = random.Random(1)
    fatal = set(chance.sample(range(2, cuts), kills))
    began = time.monotonic()
    try:
        for cut in range(cuts):
            if cut in fatal:
                killer = threading.Timer(chance.uniform(0.1, 0.5), server.kill)
                killer.start()
                whole.listen(server.url, seconds=20)
                killer.join()
                server = stage.serve("--no-dispatch")
            whole.listen(server.url, events=chance.randrange(1, 30), seconds=2)
            claim_listener.listen(server.url, events=chance.randrange(1, 5), seconds=1)
        seconds = time.monotonic() - began
    finally:
        writing.stop()
    expected = list_recorded(stage)
    newest = expected[-1][0]
    for listener in (whole, claim_listener):
        # What was missed, and then a block that says how far the stream has come.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and int(listener.last_event_id or 0) < newest:
            listener.listen(server.url, events=None, seconds=0.5)
            if listener is claim_listener and list_heard(claim_listener) == select_claim(
                expected, writing.claims[0]
            ):
                break
    assert list_heard(whole) == expected
    assert list_heard(claim_listener) == select_claim(expected, writing.claims[0])
    assert whole.connections >= cuts
    print(
        f"{len(expected)} events, {writing.made / seconds:.0f} changes/s, "
        f"{whole.connections + claim_listener.connections} connections, {kills} kills"
    )


def select_claim(lines: list[Seen], claim: str) -> list[Seen]:
    return [line for line in lines if line[1] == claim.replace("-", "")]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_stream_shows_what_another_process_records(stage: Stage) -> None:
    """With notifications, and by polling."""
    for bell in ("on", "off"):
        hears = stage.serve("--no-dispatch", CLAIMDESK_WEBHOOK_BELL=bell)
        stage.serve("--no-dispatch", CLAIMDESK_WEBHOOK_BELL=bell)
        claim = stage.record_claim()
        listening = Listening(stage.token)
        thread = threading.Thread(target=listening.listen, args=(hears.url,), kwargs={"events": 3})
        thread.start()
        while not listening.last_event_id:
            time.sleep(0.01)
        delays = []
        for _ in range(3):
            began, before = time.monotonic(), len(listening.seen)
            stage.change_claim(claim)
            while len(listening.seen) == before and time.monotonic() < began + 20:
                time.sleep(0.002)
            delays.append(time.monotonic() - began)
        thread.join()
        assert len(listening.seen) == 3
        print(f"bell {bell}: heard after {min(delays):.3f} to {max(delays):.3f} s")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_open_streams_do_not_keep_a_server_from_stopping(
    stage: Stage, workers: str, number: signal.Signals
) -> None:
    """They end, those of clients that do not read too, long before the twenty seconds that other
    requests are given; clients go on at the next server."""
    server = stage.serve("--no-dispatch", "--workers", workers)
    claims = [stage.record_claim() for _ in range(2)]
    listeners = [Listening(stage.token, after=0) for _ in range(8)]
    threads = [
        threading.Thread(target=listener.listen, args=(server.url,)) for listener in listeners
    ]
    for thread in threads:
        thread.start()
    while not all(listener.last_event_id for listener in listeners):
        time.sleep(0.01)
    address = urlsplit(server.url)
    with closing(socket.create_connection((address.hostname, address.port))) as stuck_client:
        request = "GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n"
        stuck_client.sendall(f"{request}Authorization: Bearer {stage.token}\r\n\r\n".encode())
        stuck_client.recv(1)
        for claim in claims:
            for _ in range(5):
                stage.change_claim(claim)
        began = time.monotonic()
        server.process.send_signal(number)
        server.wait(15)
        print(f"{workers} workers ended {time.monotonic() - began:.2f} s after {number.name}")
    for thread in threads:
        thread.join()
    assert "Traceback" not in server.output
    following = stage.serve("--no-dispatch")
    stage.change_claim(claims[0])
    expected = list_recorded(stage)
    for listener in listeners:
        listener.listen(following.url, events=len(expected) - len(listener.seen))
        assert list_heard(listener) == expected
