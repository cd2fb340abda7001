"""What the database holds, told from its record alone: the second of two ledgers.

The first is what a client was told.  A test that kills, cuts or races judges by both.
"""

from itertools import zip_longest
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.claims import claim_writer
from service.claims.history_queries import parse_event
from service.config import Settings
from service.domain import history
from service.domain.claims import ClaimState, format_instant
from service.record.canonical import GENESIS, read_salts
from service.store.engine import Database
from service.store.tables import claim_versions, claims, decisions, events, links
from service.verification import verification
from tests.support.hashes import hash_claim_event

Json = dict[str, Any]


async def audit(settings: Settings) -> dict[str, list[Json]]:
    """Each claim's events by its id, after proving what is derived from them: here, and as
    `claimdesk verify` does."""
    database = Database(settings)
    await database.start()
    try:
        report = await database.read(verification.verify)
        assert report.ok, report.first_break
        return await database.read(read_proved_record)
    finally:
        await database.stop()


def read_proved_record(connection: Connection) -> dict[str, list[Json]]:
    """Numbers without gaps, an unbroken chain, and rows that are what the record folds to."""
    record: dict[str, list[Json]] = {}
    for claim in connection.execute(select(claims).order_by(claims.c.id)).all():
        rows = connection.execute(
            select(events).where(events.c.claim == claim.id).order_by(events.c.seq)
        ).all()
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        previous = GENESIS
        for row in rows:
            assert row.previous_hash == previous
            previous = hash_claim_event(
                claim=row.claim,
                number=row.number,
                type=row.type,
                recorded_at=format_instant(row.recorded_at),
                actor=row.actor,
                data=row.data,
                salts=read_salts(row.salts),
                previous_hash=previous,
            )
            assert row.hash == previous
        state = history.fold(claim.id, map(parse_event, rows))
        assert state is not None
        expected = claim_writer.build_row(state, previous)
        assert {name: getattr(claim, name) for name in expected} == expected
        _prove_versions(connection, claim, rows)
        _prove_links(connection, state)
        waiting = connection.scalars(
            select(decisions.c.id).where(
                decisions.c.claim == claim.id, decisions.c.state == "pending"
            )
        ).all()
        assert waiting == ([state.pending.id] if state.pending else [])
        record[claim.id] = [
            {"number": row.number, "type": row.type, "data": orjson.loads(row.data)} for row in rows
        ]
    return record


def _prove_versions(connection: Connection, claim: Any, rows: Any) -> None:
    """What a claim was, without a gap or an overlap, up to what it is."""
    versions = connection.execute(
        select(claim_versions)
        .where(claim_versions.c.claim == claim.id)
        .order_by(claim_versions.c.version)
    ).all()
    for each, following in zip_longest(versions, versions[1:]):
        assert each.recorded_at == rows[each.version - 1].recorded_at
        after = following.recorded_at if following else claim.changed_at
        assert each.superseded_at == after
    assert [each.version for each in versions] == sorted(
        {each.version for each in versions} - {claim.version}
    )
    states: list[ClaimState] = []
    for row in rows:
        before = states[-1] if states else None
        states.append(history.apply_event(before, parse_event(row), claim_id=claim.id))
    assert [each.status for each in versions] == [
        states[each.version - 1].status for each in versions
    ]


def _prove_links(connection: Connection, state: Any) -> None:
    rows = connection.execute(select(links).where(links.c.claim == state.id)).all()
    assert {(row.id, row.statement, row.party, row.root, row.stance) for row in rows} == {
        (link.id, link.statement, link.voice.party, link.voice.root, link.stance.value)
        for link in state.links
    }
    assert {row.id for row in rows if row.retracted_at} == {
        link.id for link in state.links if link.retracted
    }
