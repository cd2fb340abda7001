"""A rename in batches is killed with `kill -9` and continued."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import Connection, func, select

from service.claims import claim_commands
from service.config import Settings
from service.directory import party_commands
from service.domain import access
from service.store.engine import Database
from service.store.rename_tables import rename_claims
from service.store.tables import events
from service.web.bodies.claim_inputs import ClaimIn
from tests.faults.ledgers import audit
from tests.faults.served import create_key, serve
from tests.support.desk import build_claim
from tests.webhooks.running import wait_until

CLAIMS = 150
SMALL = "from service.claims import rename_batches\nrename_batches.BATCH = 10\n"


def record_claims(connection: Connection) -> None:
    now = datetime.now(UTC)
    party_commands.create_party(
        connection,
        slug="belgrade",
        name="Belgrade",
        full_name=None,
        kind=None,
        country=None,
        parent=None,
        actor=access.SYSTEM,
        now=now,
    )
    body = ClaimIn.model_validate(build_claim(speaker=None)).to_command()
    for _ in range(CLAIMS):
        claim_commands.create_claim(connection, body, actor=access.SYSTEM, now=now)


async def count_left(database: Database) -> int:
    return await database.read(
        lambda connection: connection.execute(
            select(func.count()).select_from(rename_claims)
        ).scalar_one()
    )


async def test_rename_continues_after_kill_9(
    database: Database, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    """Each claim gets one event, however often the server is killed."""
    await database.write(record_claims)
    token = create_key(database_url, tmp_path, "editor")["key"]
    with serve(database_url, tmp_path, prelude=SMALL) as server:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=30) as editor:
            answer = await editor.patch("/v1/parties/belgrade", json={"name": "Beograd"})
            assert answer.status_code == 200, answer.text

        async def has_begun() -> bool:
            return await count_left(database) < CLAIMS

        await wait_until(has_begun, 60)
        server.kill()
    remaining = await count_left(database)
    assert 0 < remaining < CLAIMS, "the server was killed too late"
    await audit(settings)

    async def is_done() -> bool:
        return not await count_left(database)

    with serve(database_url, tmp_path, prelude=SMALL):
        await wait_until(is_done, 120)
    record = await audit(settings)
    assert len(record) == CLAIMS
    names = await database.read(
        lambda connection: connection.scalars(
            select(events.c.claim).where(
                events.c.claim.is_not(None), events.c.type == "party.changed"
            )
        ).all()
    )
    assert Counter(names) == dict.fromkeys(record, 1)
