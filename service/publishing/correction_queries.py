"""Reads the corrections log from the record, newest first."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, select, union_all

from service.domain.claims import format_instant
from service.publishing import corrections
from service.publishing.corrections import CorrectionView
from service.record.tail import newest
from service.store.paging import Window, select_page
from service.store.tables import claim_versions, claims, events


def list_corrections(connection: Connection, *, window: Window) -> list[tuple[int, CorrectionView]]:
    """List corrections with the numbers of their events, one more than the limit.

    Like feeds, only as far as the record is settled: what commits late comes above what was shown.
    """
    highest = newest(connection)
    # A range of an index for each type.
    parts = []
    for kind in corrections.KINDS:
        part = select(events.c.seq).where(
            events.c.claim.is_not(None), events.c.type == kind.type, events.c.seq <= highest
        )
        if kind.has is not None:
            part = part.where(events.c.data.contains(kind.has, autoescape=True))
        parts.append(select(select_page(part, window, events.c.seq, newest_first=True).subquery()))
    logged = union_all(*parts).subquery()
    page = select_page(select(logged.c.seq), window, logged.c.seq, newest_first=True)
    numbers = connection.scalars(page).all()
    return _read_corrections(connection, numbers)


def _read_corrections(connection: Connection, numbers: Any) -> list[tuple[int, CorrectionView]]:
    """Read corrections by the numbers of their events, in this order.

    The claim before a change is the version that it superseded; after it, the first that was
    superseded later, or what is served now.
    """
    then, later = claim_versions, claim_versions.alias()
    before = (
        select(then.c.document)
        .where(then.c.claim == events.c.claim, then.c.superseded_at == events.c.recorded_at)
        .limit(1)
        .scalar_subquery()
    )
    after = (
        select(later.c.document)
        .where(later.c.claim == events.c.claim, later.c.superseded_at > events.c.recorded_at)
        .order_by(later.c.superseded_at)
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            events.c.seq,
            events.c.id,
            events.c.type,
            events.c.number,
            events.c.recorded_at,
            events.c.data,
            before.label("before"),
            func.coalesce(after, claims.c.document).label("after"),
        )
        .join(claims, claims.c.id == events.c.claim)
        .where(events.c.seq.in_(numbers))
    )
    found = {row.seq: _build(row) for row in rows}
    return [(number, found[number]) for number in numbers]


def _build(row: Any) -> CorrectionView:
    recorded_at: datetime = row.recorded_at
    # Both within one instant: what it was in between held for no time at all.
    before = row.before if row.before is not None else row.after
    return corrections.build_correction(
        event=row.id,
        type=row.type,
        version=row.number,
        recorded_at=format_instant(recorded_at),
        data=orjson.loads(row.data),
        before=orjson.loads(before),
        after=orjson.loads(row.after),
    )
