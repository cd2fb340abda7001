"""Uses of claims: recording, acknowledging and retiring them.

That a use is outdated follows from its claim's record (`claims.use_changes`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.claims import claim_writer
from service.claims.claim_writer import Loaded
from service.domain import access, ids, things
from service.domain import uses as domain_uses
from service.domain.access import Action, Actor
from service.domain.claims import ClaimState, Lifecycle
from service.domain.errors import AlreadySettled, ClaimMerged, Forbidden, NotFound
from service.domain.print_line import build_print_line
from service.domain.subjects import SubjectKind
from service.domain.uses import UseState
from service.record import audit
from service.store.tables import uses
from service.uses import contact_addresses


@dataclass(frozen=True, slots=True)
class NewUse:
    """Where a claim was printed; `url` or `place` says so."""

    url: str | None
    place: str | None
    title: str | None
    published_at: datetime | None
    wording: str | None
    contact: str | None
    language: str | None


def record_use(
    connection: Connection,
    claim_id: str,
    new: NewUse,
    *,
    asks_contact: bool = False,
    actor: Actor,
    now: datetime,
) -> str:
    """Record where a claim was printed, with what may be printed of it now; returns the use's id.

    With `asks_contact`, a contact that is an address of mail is asked there whether mail is wanted;
    the address itself is no part of the record.

    Raises NotFound, ClaimMerged.
    """
    access.require_permission(actor, Action.RECORD_USE)
    state = claim_writer.load_claim(connection, claim_id, now=now).state
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: record the use of that one.",
            merged_into=state.merged_into,
        )
    use = ids.make_id()
    address = new.contact if contact_addresses.is_mailable(new.contact) else None
    row: things.Row = {
        "id": use,
        "claim": claim_id,
        "version": state.version,
        "status": state.status.value,
        "print_line": build_print_line(state),
        "url": new.url,
        "place": new.place,
        "title": new.title,
        "published_at": new.published_at,
        "wording": new.wording,
        "contact": None if address else new.contact,
        "language": new.language,
        "recorded_at": now,
        "recorded_by": actor.id,
        "recorded_by_name": actor.name,
        **domain_uses.begin_use(state.lifecycle, state.version, now),
    }
    connection.execute(insert(uses), row)
    audit.begin_record(connection, SubjectKind.USE, use, row, actor=actor, now=now)
    if address is not None:
        contact_addresses.add_contact(
            connection, use, address, asks=asks_contact, recorded_by=actor.id, now=now
        )
    return use


def acknowledge_use(
    connection: Connection,
    use: str,
    *,
    note: str,
    corrected_url: str | None,
    actor: Actor,
    now: datetime,
) -> str:
    """Record that somebody has seen to an outdated use; returns its id.

    Raises NotFound, Forbidden, and AlreadySettled if it is not outdated.
    """
    loaded_claim, row = _load_use(connection, use, actor=actor, now=now)
    if row.state != UseState.OUTDATED:
        raise AlreadySettled(f"This use is {row.state}: there is nothing to acknowledge.", use=use)
    change = {
        "state": UseState.ACKNOWLEDGED.value,
        "acknowledged_at": now,
        "acknowledged_by_name": actor.name,
        "acknowledged_version": loaded_claim.state.version,
        "note": note,
        "corrected_url": corrected_url,
    }
    _record_change(connection, use, "use.acknowledged", change, actor=actor, now=now)
    if loaded_claim.state.lifecycle is Lifecycle.MERGED:
        _go_on(connection, loaded_claim.state, row, corrected_url, actor=actor, now=now)
    return use


def _go_on(
    connection: Connection,
    merged_claim: ClaimState,
    row: Row[Any],
    corrected_url: str | None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Record that what was printed of a merged claim is of the claim in its place from now on, so
    that the changes of that one outdate it."""
    state = merged_claim
    while state.merged_into is not None:
        state = claim_writer.load_claim(connection, state.merged_into, now=now).state
    new = NewUse(
        url=corrected_url or row.url,
        place=row.place,
        title=row.title,
        published_at=row.published_at,
        wording=None,
        contact=row.contact or contact_addresses.read_address(connection, row.id),
        language=row.language,
    )
    record_use(connection, state.id, new, actor=actor, now=now)


def retire_use(connection: Connection, use: str, *, actor: Actor, now: datetime) -> str:
    """Record that a use is no longer anywhere to be read; returns its id.

    Raises NotFound, Forbidden, and AlreadySettled if it is retired.
    """
    loaded_claim, row = _load_use(connection, use, actor=actor, now=now)
    if row.state == UseState.RETIRED:
        raise AlreadySettled("This use is retired already.", use=use)
    change = {
        "state": UseState.RETIRED.value,
        "retired_at": now,
        "retired_by_name": actor.name,
        "retired_version": loaded_claim.state.version,
    }
    _record_change(connection, use, "use.retired", change, actor=actor, now=now)
    return use


def delete_contact(connection: Connection, use: str, *, actor: Actor, now: datetime) -> str:
    """Delete the address of a use's contact; returns the use's id.

    Raises NotFound, Forbidden, and AlreadySettled if it has none.
    """
    _load_use(connection, use, actor=actor, now=now)
    if not contact_addresses.remove_contact(connection, use, now=now):
        raise AlreadySettled("This use has no address of mail that could be deleted.", use=use)
    return use


def _load_use(
    connection: Connection, use: str, *, actor: Actor, now: datetime
) -> tuple[Loaded, Row[Any]]:
    """Lock the claim of a use, and read the use, for whoever recorded it or a checker."""
    access.require_permission(actor, Action.RECORD_USE)
    claim = connection.scalar(select(uses.c.claim).where(uses.c.id == use))
    if claim is None:
        raise NotFound("There is no use with this id.")
    # The claim before its uses, as its changes do.
    loaded_claim = claim_writer.load_claim(connection, claim, now=now)
    row = connection.execute(select(uses).where(uses.c.id == use).with_for_update()).one()
    if row.recorded_by != actor.id and not access.is_allowed(actor, Action.SETTLE_USE):
        raise Forbidden("Whoever recorded a use settles it, or a checker.")
    return loaded_claim, row


def _record_change(
    connection: Connection,
    use: str,
    type: str,
    change: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    connection.execute(update(uses).where(uses.c.id == use).values(change))
    audit.record_change(connection, SubjectKind.USE, use, type, change, actor=actor, now=now)
