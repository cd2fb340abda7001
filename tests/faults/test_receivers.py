"""Receivers that misbehave, hang or fail now and then, through the whole engine."""

import asyncio
import random
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.receiving import Gate, Unsteady, wait_until
from tests.faults.stage import TIMEOUT, Stage
from tests.webhooks import receivers as bad
from tests.webhooks.receivers import Behaviour

OK = b"HTTP/1.1 200 OK\r\n"
BEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "resets": (bad.reset_connection, "failed"),
    "half-closes before it has answered": (bad.build_half_closing(b"HTTP/1.1 2"), "failed"),
    "half-closes after": (bad.build_half_closing(OK + b"Content-Length: 2\r\n\r\nok"), "delivered"),
    "hangs": (bad.swallow_request, "failed"),
    "drips its head": (bad.build_endless(OK, b"X: y\r\n", 0.05), "failed"),
    "drips its body": (bad.build_endless(OK + b"\r\n", b"x", 0.05), "delivered"),
    "streams a head without end": (bad.build_endless(OK, b"X: " + b"y" * 4000 + b"\r\n"), "failed"),
    "streams a body without end": (bad.build_endless(OK + b"\r\n", b"x" * 65536), "delivered"),
    "bombs": (bad.build_closing(bad.build_gzip_bomb()), "delivered"),
    "204 with a body": (
        bad.build_closing(b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nyes"),
        "delivered",
    ),
    "says NUL": (bad.build_closing(OK + b"Content-Length: 2\r\n\r\n\0\xff"), "delivered"),
    "redirects": (
        bad.build_closing(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
        "failed",
    ),
    "answers before it has read": (bad.answer_unread, "failed"),
    "speaks no HTTP": (bad.build_closing(b"220 mail.example ESMTP\r\n"), "failed"),
}
SECONDS = 30
MEMORY_KIB = 48 * 1024


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_misbehaving_receivers_cost_one_attempt_each(stage: Stage) -> None:
    """Each costs one attempt with one line in the log, within the timeout and in little memory; a
    good one beside them is served; a name of nonsense is refused at registration."""
    await asyncio.to_thread(stage.serve, "--no-dispatch", CLAIMDESK_WEBHOOK_SCHEDULE="600")
    certificates = bad.Certificates()
    endpoints = {}
    async with AsyncExitStack() as stack:
        for name, (behave, _) in BEHAVIOURS.items():
            receiver = await stack.enter_async_context(bad.run_receiver(behave))
            endpoints[name] = await asyncio.to_thread(register, stage, receiver.url)
        plain = await stack.enter_async_context(bad.run_receiver(bad.build_answering(bad.OK)))
        secure = await stack.enter_async_context(
            bad.run_receiver(bad.build_answering(bad.OK), tls=certificates.server("127.0.0.1"))
        )
        for name, port in (("no TLS", plain.port), ("untrusted", secure.port)):
            url = f"https://127.0.0.1:{port}/"
            endpoints[name] = await asyncio.to_thread(register, stage, url)
        good = await asyncio.to_thread(stage.register)
        worker = await asyncio.to_thread(stage.work, CLAIMDESK_WEBHOOK_SCHEDULE="600")
        before = read_memory(worker.pid)
        await asyncio.to_thread(stage.record_claim)
        attempt_count = "SELECT count(*) FROM webhook_attempts"
        await asyncio.to_thread(
            wait_until,
            lambda: stage.look(attempt_count)[0][0] == len(endpoints) + 1,
            seconds=SECONDS,
        )
        assert read_memory(worker.pid) < before + MEMORY_KIB
        outcomes = {}
        for name, endpoint in endpoints.items():
            (delivery,) = await asyncio.to_thread(stage.list_deliveries, endpoint)
            delivery_view = await asyncio.to_thread(stage.read_delivery, endpoint, delivery["id"])
            (attempt,) = delivery_view["attempt_log"]
            outcomes[name] = attempt["outcome"]
            assert attempt["seconds"] < TIMEOUT + 1
            assert len(attempt["response_body"]) <= 4096
    expected = {name: outcome for name, (_, outcome) in BEHAVIOURS.items()}
    assert outcomes == expected | {"no TLS": "failed", "untrusted": "failed"}
    (arrival,) = stage.receiver.arrivals
    arrival.verify(good["secret"])
    assert worker.alive
    for host in ("xn--a", "xn--zzzzzz99999", "ex\u00ad\u200dample", "\u0130\u0307..example"):
        refusal = await asyncio.to_thread(
            stage.ask, "POST", "/v1/webhooks", {"url": f"http://{host}/"}
        )
        assert refusal.status_code == 422, refusal.text


def register(stage: Stage, url: str) -> dict[str, str]:
    endpoint: dict[str, str] = stage.call("POST", "/v1/webhooks", {"url": url})
    return endpoint


def read_memory(pid: int) -> int:
    """The most memory that a process has had, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def test_silent_endpoint_delays_no_other(stage: Stage) -> None:
    """While one endpoint holds all that it was sent, and longer than any healthy one needs, the
    nine others get everything: nobody waits for its timeout."""
    stage.serve(CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS="14", CLAIMDESK_WEBHOOK_LEASE_SECONDS="15")
    hole = stage.receiver.by_path["/0"] = Gate()
    endpoints = [stage.register(f"/{i}", max_in_flight=64) for i in range(10)]
    claims = [stage.record_claim() for _ in range(12)]
    for claim in claims:
        stage.change_claim(claim)
    is_delivered = "state = 'delivered'"
    wait_until(
        lambda: stage.count_deliveries(is_delivered) == 9 * 24,
        what=lambda: stage.count_deliveries(is_delivered),
    )
    for i in range(1, 10):
        assert len({each.id for each in stage.receiver.at(f"/{i}")}) == 24
    # Its own first deliveries are still under way: none of the others waited for their end.
    health = stage.call("GET", f"/v1/webhooks/{endpoints[0]['id']}")["health"]
    assert (health["pending"], health["last_failure_at"]) == (24, None)
    assert len(stage.receiver.at("/0")) == 12
    hole.open()
    wait_until(lambda: stage.count_deliveries(is_delivered) == 10 * 24)


def test_changes_of_a_claim_arrive_in_order_despite_failures(stage: Stage, long: bool) -> None:
    """A claim's changes first arrive in the order of their sequence, and each only when the one
    before was accepted, though every fifth is refused and three workers send at once."""
    stage.serve("--no-dispatch")
    stage.receiver.answer = Unsteady(0.2)
    for path in ("/one", "/two"):
        stage.register(path, event_types=["claim.status_changed"])
    for _ in range(3):
        stage.work()
    claims = [stage.record_claim() for _ in range(3)]
    for _ in range(100 if long else 12):
        for claim in random.sample(claims, len(claims)):
            stage.change_claim(claim)
    wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0, seconds=120)
    for path in ("/one", "/two"):
        sequences: defaultdict[str, int] = defaultdict(int)
        for each in stage.receiver.at(path):
            claim, sequence = each.data["claim"]["id"], each.data["sequence"]
            assert sequence <= sequences[claim] + 1
            if each.status == 204:
                sequences[claim] = max(sequences[claim], sequence)
        assert sequences == {claim: len(reasons) for claim, reasons in stage.acknowledged.items()}
    refusals = sum(arrival.status == 500 for arrival in stage.receiver.arrivals)
    assert refusals
    print(f"{len(stage.receiver.arrivals)} arrivals, {refusals} of them refused")
