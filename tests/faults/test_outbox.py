"""The API is killed around COMMIT: a change, its message and its deliveries are there, or none
is."""

import asyncio
import json
import random
import signal
import threading

import httpx
import pytest

from service.claims.webhook_bodies import RENDERERS
from service.config import Settings
from tests.faults.ledgers import audit
from tests.faults.receiving import wait_until
from tests.faults.served import Served
from tests.faults.stage import Stage, hold_lock
from tests.faults.writers import Ledger, Writers, list_changes

WRITERS = 6
IDS = "replace(CAST({} AS text), '-', '')"
EVENTS = f"SELECT {IDS.format('id')}, type FROM events WHERE claim IS NOT NULL"
MESSAGES = f"SELECT {IDS.format('id')}, type, body FROM webhook_messages"
DELIVERIES = f"SELECT {IDS.format('message')}, type FROM webhook_deliveries"


def prove(stage: Stage) -> int:
    """Each event that outsiders are told of has its message and both its deliveries, and there are
    no others; gives how many messages there are."""
    events = {(each, kind) for each, kind in stage.look(EVENTS) if kind in RENDERERS}
    messages = stage.look(MESSAGES)
    assert {(each, kind) for each, kind, _ in messages} == events
    assert all(json.loads(body)["type"] == kind for _, kind, body in messages)
    assert sorted(stage.look(DELIVERIES)) == sorted([*events, *events])
    return len(events)


def test_kill_9_during_commits_loses_no_webhook(
    stage: Stage, settings: Settings, long: bool
) -> None:
    """`kill -9` of the API while six clients write: each status change, link and claim in the
    record has its message and a delivery for each endpoint, what is not in the record has none;
    everything acknowledged is there, and in the end the receiver has got all of it."""
    ledger = Ledger()
    claim = None
    for kill in range(20 if long else 2):
        server = stage.serve("--no-dispatch")
        if not kill:
            hooks = [stage.register("/one"), stage.register("/two")]
        claim = asyncio.run(_write_until_killed(server, stage.token, ledger, claim))
        prove(stage)
    record = list_changes(asyncio.run(audit(settings)))
    assert ledger.acknowledged
    assert all(record.get(each.name) == [each.id] for each in ledger.acknowledged)
    messages = prove(stage)
    stage.serve()
    wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0, seconds=120)
    bodies = {bytes(body) for _, _, body in stage.look(MESSAGES)}
    for hook, path in zip(hooks, ("/one", "/two"), strict=True):
        arrivals = stage.receiver.at(path)
        assert {arrival.body for arrival in arrivals} == bodies
        assert len({arrival.id for arrival in arrivals}) == messages
        for each in random.sample(arrivals, min(50, len(arrivals))):
            each.verify(hook["secret"])
    arrived_ids = {
        arrival.data["link"]["link"] for arrival in arrivals if arrival.type == "link.created"
    }
    arrived_ids |= {
        arrival.data["claim"]["id"] for arrival in arrivals if arrival.type == "claim.created"
    }
    assert arrived_ids >= {each.id for each in ledger.acknowledged}
    print(
        f"{len(ledger.acknowledged)} acknowledged, {len(ledger.unknown)} unknown, {messages} told"
    )


async def _write_until_killed(server: Served, token: str, ledger: Ledger, claim: str | None) -> str:
    writers = Writers(server.url, token, ledger)
    async with writers.client:
        claim = claim or await writers.prepare()
        writing = asyncio.create_task(writers.write(claim, WRITERS))
        await asyncio.sleep(random.uniform(0.1, 0.4))
        server.kill()
        await writing
    return claim


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_kill_9_between_event_and_delivery_undoes_both(stage: Stage) -> None:
    """The API stands still inside its transaction, at the lock of the endpoint that its delivery
    refers to, and is killed there: nothing of the change is there, and told again with its key it
    is there once, with its delivery."""
    server = stage.serve("--no-dispatch")
    stage.register("/one")
    stage.register("/two")
    claim = stage.record_claim()
    events = len(stage.look(EVENTS))

    def ask() -> None:
        with pytest.raises(httpx.TransportError):
            stage.change_claim(claim)

    with hold_lock(stage.database_url, "FROM webhooks"):
        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: stage.look(WAITING)[0][0])
        server.signal(signal.SIGKILL)
        asking.join()
    wait_until(lambda: not stage.look(WRITING)[0][0])
    assert len(stage.look(EVENTS)) == events
    assert prove(stage) == 1  # claim.created
    stage.serve("--no-dispatch")
    stage.change_claim(claim)
    assert prove(stage) == 2


WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
WRITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'claimdesk 0%'
"""
