"""`kill -9` and SIGTERM in the middle of writing.

Judged by two ledgers: what clients were told, and what the record holds.
"""

import asyncio
import json
import random
from pathlib import Path

from service.config import Settings
from tests.faults.ledgers import audit
from tests.faults.served import create_key, run_command, serve
from tests.faults.writers import Ledger, Writers, list_changes

WRITERS = 6


async def test_acknowledged_changes_survive_kill_9(
    database_url: str, settings: Settings, tmp_path: Path, long: bool
) -> None:
    """Everything acknowledged is recorded once; what got no answer is, sent again with its
    Idempotency-Key, acknowledged and recorded once; `claimdesk verify` finds nothing."""
    token = create_key(database_url, tmp_path, "checker")["key"]
    ledger = Ledger()
    claim = None
    resent_count = 0
    for _ in range(20 if long else 2):
        with serve(database_url, tmp_path) as server:
            writers = Writers(server.url, token, ledger)
            async with writers.client:
                claim = claim or await writers.prepare()
                resent_count += len(ledger.unknown)
                await require_settled(writers)
                writing = asyncio.create_task(writers.write(claim, WRITERS))
                await asyncio.sleep(random.uniform(0.2, 0.7))
                server.kill()
                await writing
        record = list_changes(await audit(settings))
        assert all(record.get(each.name) == [each.id] for each in ledger.acknowledged)
        # Something without an answer may be recorded or not, but never twice.
        assert all(len(record.get(each.name, [])) <= 1 for each in ledger.unknown)
    with serve(database_url, tmp_path) as server:
        writers = Writers(server.url, token, ledger)
        async with writers.client:
            resent_count += len(ledger.unknown)
            await require_settled(writers)
    assert not ledger.refused
    assert not ledger.unknown
    record = list_changes(await audit(settings))
    assert record == {each.name: [each.id] for each in ledger.sent}
    verification = run_command(database_url, tmp_path, "verify", "--json")
    assert verification.returncode == 0, verification.stderr
    assert json.loads(verification.stdout)["ok"] is True
    print(
        f"{len(ledger.sent)} changes acknowledged, {resent_count} of them sent again after a kill"
    )


async def require_settled(writers: Writers) -> None:
    """Send what got no answer again, and some of what got one: that is answered as it was."""
    for each in writers.ledger.unknown:
        assert await writers.send(each), "no answer from a server that just started"
    changes = writers.ledger.acknowledged
    for each in random.sample(changes, min(10, len(changes))):
        second_answer = await writers.post(each)
        assert second_answer.status_code == 201
        assert second_answer.json() == each.answer
        assert second_answer.headers["idempotent-replayed"] == "true"


async def test_sigterm_lets_requests_finish(
    database_url: str, settings: Settings, tmp_path: Path
) -> None:
    """Whoever is being answered gets the answer; whoever comes later is refused; nothing is
    recorded that nobody was told of; the server is gone within seconds."""
    token = create_key(database_url, tmp_path, "checker")["key"]
    ledger = Ledger()
    with serve(database_url, tmp_path) as server:
        writers = Writers(server.url, token, ledger)
        async with writers.client:
            claim = await writers.prepare()
            writing = asyncio.create_task(writers.write(claim, WRITERS))
            await asyncio.sleep(0.5)
            server.terminate()
            await writing
            code = await asyncio.to_thread(server.wait, 5)
        assert code in (0, -15), server.output
        assert "Traceback" not in server.output
    assert set(ledger.refused) <= {503}
    record = list_changes(await audit(settings))
    assert record == {each.name: [each.id] for each in ledger.acknowledged}
    assert len(ledger.acknowledged) > WRITERS
