"""Endpoints that change while deliveries to them wait, and deliveries asked for again."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError

from tests.faults.receiving import Gate, Receiver, build_answering, wait_until
from tests.faults.stage import Stage

SLOWLY = {"CLAIMDESK_WEBHOOK_SCHEDULE": "0.6,0.6,600"}
"""Time for a change of settings between two tries."""
RESOLVER = """
import socket
from pathlib import Path
look_up = socket.getaddrinfo
def answer(host, port, *args, **kwargs):
    if host != "hooks.example":
        return look_up(host, port, *args, **kwargs)
    found = Path("resolver").read_text().split()
    return [one for address in found for one in look_up(address, port, *args, **kwargs)]
socket.getaddrinfo = answer
"""
"""A prelude: a resolver that says of hooks.example what the file `resolver` says."""


def fail_once(stage: Stage) -> None:
    """A change that the receiver refuses once, and is well after."""
    stage.receiver.answer = build_answering(500)
    stage.record_claim()
    wait_until(lambda: stage.count_deliveries("last_status = 500") == 1)
    stage.receiver.answer = build_answering(204)


def test_next_attempt_uses_a_changed_secret_and_address(stage: Stage) -> None:
    """The next try goes to the new address with the new headers, and verifies with both secrets in
    their overlap, without one with the new alone; the log says which try went where."""
    stage.serve(**SLOWLY)
    endpoint = stage.register("/old", headers={"X-Desk": "one"})
    rotation = f"/v1/webhooks/{endpoint['id']}/secret/rotation"
    fail_once(stage)
    second = stage.call("POST", rotation, {"overlap_hours": 1})["secret"]
    change = {"url": stage.receiver.url("/new"), "headers": {"X-Desk": "two"}}
    stage.call("PATCH", f"/v1/webhooks/{endpoint['id']}", change)
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)
    old, new = stage.receiver.arrivals
    assert (old.path, old.headers["x-desk"]) == ("/old", "one")
    assert (new.path, new.headers["x-desk"]) == ("/new", "two")
    assert (new.id, new.body) == (old.id, old.body)
    urls = [each["url"] for each in stage.read_delivery(endpoint, new.id)["attempt_log"]]
    assert urls == [stage.receiver.url("/old"), stage.receiver.url("/new")]
    for secret in (endpoint["secret"], second):
        new.verify(secret)
    old.verify(endpoint["secret"])
    with pytest.raises(WebhookVerificationError):
        old.verify(second)
    fail_once(stage)
    third = stage.call("POST", rotation, {"overlap_hours": 0})["secret"]
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 2)
    last = stage.receiver.arrivals[-1]
    last.verify(third)
    for secret in (endpoint["secret"], second):
        with pytest.raises(WebhookVerificationError):
            last.verify(secret)


@pytest.mark.parametrize("stopped", ["paused", "deleted"])
def test_stopped_endpoint_gets_no_further_attempt(stage: Stage, stopped: str) -> None:
    """Nothing more comes to it, though its next try is due and others get theirs; one that was
    paused gets it once it is active again, one that was deleted never."""
    stage.serve(**SLOWLY)
    endpoint = stage.register("/stopped")
    fail_once(stage)
    if stopped == "paused":
        stage.set_state(endpoint, "paused")
    else:
        stage.call("DELETE", f"/v1/webhooks/{endpoint['id']}")
    stage.register("/other")
    due = stage.look("SELECT min(visible_at) FROM webhook_deliveries")[0][0]
    if isinstance(due, str):
        due = datetime.fromisoformat(due)
    wait_until(lambda: datetime.now(UTC) > due)

    def have_arrived(count: int) -> bool:
        return len(stage.receiver.at("/other")) == count

    for count in (1, 2):
        stage.record_claim()
        wait_until(partial(have_arrived, count))
    assert len(stage.receiver.at("/stopped")) == 1
    if stopped == "paused":
        stage.set_state(endpoint, "active")
        wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0)
        # What it missed, and what was recorded while it was paused.
        assert len({each.id for each in stage.receiver.at("/stopped")}) == 3
        assert len(stage.receiver.at("/stopped")) == 4
    else:
        assert stage.ask("GET", f"/v1/webhooks/{endpoint['id']}").status_code == 404
        assert len(stage.receiver.at("/stopped")) == 1


def test_recovery_never_sends_a_delivery_twice(stage: Stage) -> None:
    """Asked for while deliveries wait for their next try, twice at once while they are dead, again
    while they are under way, and when all is well: each comes once for each try, and never twice
    for one recovery; nothing is lost."""
    began = datetime.now(UTC).isoformat()
    stage.serve(CLAIMDESK_WEBHOOK_SCHEDULE="600")
    endpoint = stage.register()

    def recover() -> int:
        path = f"/v1/webhooks/{endpoint['id']}/recovery"
        return int(stage.call("POST", path, {"since": began})["recovered"])

    def copies() -> list[int]:
        ids = [arrival.id for arrival in stage.receiver.arrivals]
        return sorted(ids.count(each) for each in set(ids))

    stage.receiver.answer = build_answering(500)
    for _ in range(2):
        stage.record_claim()
    wait_until(lambda: stage.count_deliveries("last_status = 500") == 2)
    assert recover() == 2  # across retries: what waits for ten minutes is tried now
    wait_until(lambda: stage.count_deliveries("state = 'dead'") == 2)
    assert copies() == [2, 2]
    gate = stage.receiver.answer = Gate()
    with ThreadPoolExecutor(2) as two:
        assert [each.result() for each in [two.submit(recover) for _ in range(2)]] == [2, 2]
    wait_until(lambda: copies() == [3, 3])
    assert recover() == 2  # they are under way: nothing more is sent
    stage.record_claim()
    wait_until(lambda: copies() == [1, 3, 3])  # what is new does not wait for what is sent again
    gate.open()
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 3)
    assert recover() == 0
    stage.record_claim()
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 4)
    assert copies() == [1, 1, 3, 3]
    for arrival in stage.receiver.arrivals:
        arrival.verify(endpoint["secret"])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_name_that_resolves_to_a_forbidden_address_later_is_not_connected_to(
    stage: Stage, tmp_path: Path
) -> None:
    """DNS rebinding: a name that was registered at an address that is allowed, and is then at
    another one, or at both, is not connected to; the reason is in the log of the attempt.  The
    resolver's answer alone is made up."""
    resolver = tmp_path / "resolver"
    resolver.write_text("127.0.0.1")
    receiver = Receiver(keep_alive=False)
    inner = socket.create_server(("127.0.0.2", receiver.port))
    inner.setblocking(False)
    try:
        stage.serve(
            prelude=RESOLVER,
            CLAIMDESK_WEBHOOK_ALLOW_CIDRS="127.0.0.1/32",
            CLAIMDESK_WEBHOOK_SCHEDULE="600",
        )
        url = f"http://hooks.example:{receiver.port}/"
        endpoint = stage.call("POST", "/v1/webhooks", {"url": url})
        ping = f"/v1/webhooks/{endpoint['id']}/ping"
        stage.call("POST", ping)
        wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)
        assert receiver.arrivals[0].headers["host"] == f"hooks.example:{receiver.port}"

        def have_failed(count: int) -> bool:
            return stage.count_deliveries("last_error IS NOT NULL") == count

        for failure_count, delivery in enumerate(
            ("127.0.0.2", "127.0.0.1 127.0.0.2", "127.0.0.2 127.0.0.1", "::ffff:127.0.0.2"), 1
        ):
            resolver.write_text(delivery)
            ping_delivery = stage.call("POST", ping)
            wait_until(partial(have_failed, failure_count))
            (attempt,) = stage.read_delivery(endpoint, ping_delivery["id"])["attempt_log"]
            assert (attempt["outcome"], attempt["status"]) == ("failed", None)
            assert "127.0.0.2, which is private or reserved" in attempt["error"]
        with pytest.raises(BlockingIOError):
            inner.accept()
        assert len(receiver.arrivals) == 1
        resolver.write_text("127.0.0.1")
        stage.call("POST", ping)
        wait_until(lambda: len(receiver.arrivals) == 2)
        resolver.write_text("127.0.0.2")
        assert stage.ask("POST", "/v1/webhooks", {"url": url}).status_code == 422
    finally:
        inner.close()
        receiver.close()
