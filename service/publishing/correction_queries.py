"""Reads the corrections log from the record, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, union_all

from service.claims import claim_snapshots, print_translations
from service.domain.claims import format_instant
from service.domain.print_phrases import Language
from service.publishing import corrections
from service.publishing.corrections import CorrectionType, CorrectionView
from service.publishing.feed_queries import Place
from service.record.tail import newest
from service.store.paging import Window, select_page
from service.store.tables import claim_versions, claims, events


@dataclass(frozen=True, slots=True)
class LogFilters:
    """What the log is restricted to; None means no filter."""

    type: CorrectionType | None = None
    claim: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_corrections(
    connection: Connection,
    filters: LogFilters,
    *,
    language: Language = Language.EN,
    window: Window,
) -> list[tuple[int, CorrectionView]]:
    """List corrections with the numbers of their events, one more than the limit."""
    numbers = [place.seq for place in list_places(connection, filters, window=window)]
    read = read_corrections(connection, numbers, language=language)
    return list(zip(numbers, read, strict=True))


def list_places(connection: Connection, filters: LogFilters, *, window: Window) -> list[Place]:
    """Return where corrections stand in the record, one more than the limit.

    Like feeds, only as far as the record is settled: what commits late comes above what was shown.
    """
    highest = newest(connection)
    # A range of an index for each type.
    parts = []
    for kind in corrections.KINDS:
        if filters.type not in (None, kind.type):
            continue
        part = select(events.c.seq, events.c.recorded_at).where(
            events.c.claim.is_not(None), events.c.type == kind.type.value, events.c.seq <= highest
        )
        if filters.claim is not None:
            part = part.where(events.c.claim == filters.claim)
        if filters.since is not None:
            part = part.where(events.c.recorded_at >= filters.since)
        if filters.until is not None:
            part = part.where(events.c.recorded_at <= filters.until)
        if kind.has is not None:
            part = part.where(events.c.data.contains(kind.has, autoescape=True))
        parts.append(select(select_page(part, window, events.c.seq, newest_first=True).subquery()))
    log_rows = union_all(*parts).subquery()
    page = select_page(select(log_rows), window, log_rows.c.seq, newest_first=True)
    return [Place(*row) for row in connection.execute(page)]


def read_corrections(
    connection: Connection, numbers: Sequence[int], *, language: Language = Language.EN
) -> list[CorrectionView]:
    """Read corrections by the numbers of their events, in this order; their print lines in
    `language`.

    The claim before a change is the version that it superseded; after it, the first that was
    superseded later, or what is served now.
    """
    before = (
        select(claim_versions.c.document)
        .where(
            claim_versions.c.claim == events.c.claim,
            claim_versions.c.superseded_at == events.c.recorded_at,
        )
        .limit(1)
        .scalar_subquery()
    )
    after = claim_snapshots.select_document_at(events.c.claim, events.c.recorded_at)
    rows = connection.execute(
        select(
            events.c.seq,
            events.c.id,
            events.c.type,
            events.c.number,
            events.c.recorded_at,
            events.c.data,
            before.label("before"),
            after.label("after"),
        )
        .join(claims, claims.c.id == events.c.claim)
        .where(events.c.seq.in_(numbers))
    )
    by_number = {row.seq: row for row in rows}
    corrections_in_order = [by_number[number] for number in numbers]
    # Both within one instant: what it was in between held for no time at all.
    before_each = [row.after if row.before is None else row.before for row in corrections_in_order]
    documents = [*before_each, *(row.after for row in corrections_in_order)]
    shown_claims = print_translations.translate_claims(
        connection, [orjson.loads(document) for document in documents], language=language
    )
    return [
        corrections.build_correction(
            event=row.id,
            type=row.type,
            version=row.number,
            recorded_at=format_instant(row.recorded_at),
            data=orjson.loads(row.data),
            before=before,
            after=after,
        )
        for row, before, after in zip(
            corrections_in_order,
            shown_claims[: len(corrections_in_order)],
            shown_claims[len(corrections_in_order) :],
            strict=True,
        )
    ]
