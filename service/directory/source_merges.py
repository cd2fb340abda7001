"""Merges sources that are one, and separates them again.

Quotes stay with the source that they were recorded with, and show the one that took its place.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from service.domain import access
from service.domain.access import Action, Actor
from service.domain.errors import AlreadySettled, Conflict, Invalid, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.engine import clamp_now
from service.store.tables import sources

INTO = ("body", "into")


def merge_source(
    connection: Connection,
    source_id: str,
    *,
    into: str,
    reason: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Merge a source into another, which is shown in its place.

    Raises NotFound, Invalid, AlreadySettled, and Conflict if others were merged into it.
    """
    access.require_permission(actor, Action.MERGE_DIRECTORY)
    if source_id == into:
        raise Invalid("nothing is merged into itself", loc=INTO)
    # Always in one order, so that two who merge them in each other cannot deadlock.
    rows = {row: _lock_source(connection, row) for row in sorted((source_id, into))}
    loser, survivor = rows[source_id], rows[into]
    if loser is None:
        raise _build_not_found()
    if survivor is None:
        raise Invalid("there is no source with this id", loc=INTO)
    if loser.merged_into is not None:
        raise AlreadySettled(
            f"It was merged into {loser.merged_into} before.", merged_into=loser.merged_into
        )
    if survivor.merged_into is not None:
        raise Invalid(f"it was merged into {survivor.merged_into}: merge into that one", loc=INTO)
    earlier = connection.scalar(
        select(sources.c.id).where(sources.c.merged_into == source_id).limit(1)
    )
    if earlier is not None:
        raise Conflict(
            f"Source {earlier} was merged into this one: separate that first.", source=earlier
        )
    draft = Draft("source.merged", {"merged_into": into, "reason": reason})
    _record(connection, source_id, into, draft, actor=actor, now=now)


def separate_source(
    connection: Connection, source_id: str, *, reason: str, actor: Actor, now: datetime
) -> None:
    """Show a merged source as itself again.  Raises NotFound, AlreadySettled."""
    access.require_permission(actor, Action.MERGE_DIRECTORY)
    row = _lock_source(connection, source_id)
    if row is None:
        raise _build_not_found()
    if row.merged_into is None:
        raise AlreadySettled("It is not merged: there is nothing to separate.")
    draft = Draft("source.separated", {"merged_into": None, "reason": reason})
    _record(connection, source_id, None, draft, actor=actor, now=now)


def _record(
    connection: Connection,
    source_id: str,
    into: str | None,
    draft: Draft,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    chain = writer.lock_chain(connection, Subject(SubjectKind.SOURCE, source_id))
    now = clamp_now(chain.recorded_at, now)
    connection.execute(update(sources).where(sources.c.id == source_id).values(merged_into=into))
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)


def _lock_source(connection: Connection, source_id: str) -> Row[Any] | None:
    query = select(sources).where(sources.c.id == source_id).with_for_update()
    return connection.execute(query).first()


def _build_not_found() -> NotFound:
    return NotFound("There is no source with this id.")
