"""Corrects sources that were recorded wrongly, on every claim that shows words from them."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict, cast

from sqlalchemy import Connection, or_, select, update

from service.claims import claim_writer, statement_corrections
from service.directory import source_commands
from service.domain import access, addresses, corrections, plain_data
from service.domain.access import Action, Actor
from service.domain.corrections import Difference
from service.domain.errors import AlreadyExists, Conflict, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.engine import clamp_now
from service.store.tables import claims, links, quotes, sources


class SourceCorrection(TypedDict, total=False):
    """The fields of a source that were sent, as they should be."""

    url: str
    publisher: str | None
    title: str | None
    published_at: datetime | None
    language: str | None
    archive_url: str | None


def correct_source(
    connection: Connection,
    source_id: str,
    correction: SourceCorrection,
    *,
    reason: str,
    version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Record what is right of a source, and on every claim that shows words from it; `version` is
    the number of the last event that the sender has seen of it.

    Raises NotFound, PreconditionFailed, Invalid where nothing differs, AlreadyExists if that source
    is recorded, and Conflict if this one was merged.
    """
    access.require_permission(actor, Action.REVERSE)
    row = connection.execute(
        select(sources).where(sources.c.id == source_id).with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no source with this id.")
    if row.merged_into is not None:
        raise Conflict(
            f"This source was merged into {row.merged_into}: correct that one.",
            merged_into=row.merged_into,
        )
    chain = writer.lock_chain(connection, Subject(SubjectKind.SOURCE, source_id))
    statement_corrections.require_version(chain, version)
    concerned_claims = list_claims_from(connection, source_id)
    now = clamp_now(
        chain.recorded_at, claim_writer.lock_claims(connection, concerned_claims, now=now)
    )
    before, after = corrections.list_changes(
        {name: plain_data.make_plain(row._mapping[name]) for name in correction},
        {name: plain_data.make_plain(value) for name, value in correction.items()},
    )
    values: dict[str, object] = {
        name: cast(Mapping[str, object], correction)[name] for name in after
    }
    if "url" in after:
        values |= _identify(connection, source_id, correction["url"], row.sha256)
    difference: Difference = {"before": before, "after": after, "reason": reason}
    draft = Draft("source.corrected", {**difference})
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
    connection.execute(update(sources).where(sources.c.id == source_id).values(**values))
    for claim_id in concerned_claims:
        loaded_claim = claim_writer.load_claim(connection, claim_id, now=now)
        drafts = corrections.correct_source(source_id, difference)
        claim_writer.record_events(connection, loaded_claim, drafts, actor=actor, now=now)


def _identify(
    connection: Connection, source_id: str, url: str, text_hash: str | None
) -> dict[str, object]:
    """Return the columns by which a source is found.  Raises AlreadyExists."""
    fingerprint = source_commands.compute_fingerprint(url, text_hash)
    other = connection.scalar(
        select(sources.c.id).where(sources.c.fingerprint == fingerprint, sources.c.id != source_id)
    )
    if other is not None:
        raise AlreadyExists(
            f"Source {other} has this address: merge the two (POST /v1/sources/{source_id}/merge).",
            source=other,
        )
    return {"fingerprint": fingerprint, "address_digest": addresses.compute_address_digest(url)}


def list_claims_from(connection: Connection, source_id: str) -> list[str]:
    """List the claims that show a statement with a quote from a source, or from one that was
    merged into it."""
    shown_as_it = select(sources.c.id).where(
        or_(sources.c.id == source_id, sources.c.merged_into == source_id)
    )
    statement_ids = select(quotes.c.statement).where(quotes.c.source.in_(shown_as_it))
    linked_claims = select(links.c.claim).where(links.c.statement.in_(statement_ids))
    shown_claims = select(claims.c.id).where(
        or_(claims.c.id.in_(linked_claims), claims.c.origin_statement.in_(statement_ids))
    )
    return sorted(connection.scalars(shown_claims))
