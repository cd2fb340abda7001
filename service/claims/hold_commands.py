"""Holds of claims: placing and ending them, and ending those whose time has come."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from service.claims import claim_writer
from service.claims.claim_writer import Versions
from service.domain import access, holds
from service.domain.access import Action, Actor
from service.domain.claims import ClaimState
from service.store.tables import claims

BATCH = 50


def place_hold(
    connection: Connection,
    claim_id: str,
    *,
    reason: str,
    until: datetime | None,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Record that nobody is to use the claim while the desk checks; replaces a hold that stands.

    Raises NotFound, PreconditionFailed, Invalid for an end that has passed, and ClaimMerged,
    ClaimWithdrawn or ClaimVoid.
    """
    access.require_permission(actor, Action.HOLD)
    loaded = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    draft = holds.draft_hold(loaded.state, reason=reason, until=until, now=now)
    return claim_writer.record_events(connection, loaded, [draft], actor=actor, now=now).state


def end_hold(
    connection: Connection,
    claim_id: str,
    *,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Record that the claim may be used again.

    Raises NotFound, PreconditionFailed, and AlreadySettled if it is not on hold.
    """
    access.require_permission(actor, Action.HOLD)
    loaded = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    draft = holds.draft_end(loaded.state, now=now)
    return claim_writer.record_events(connection, loaded, [draft], actor=actor, now=now).state


def read_next_end(connection: Connection) -> datetime | None:
    """Read when the next hold ends by itself; None if none does."""
    timed = select(func.min(claims.c.hold_until)).where(claims.c.hold_until.is_not(None))
    end: datetime | None = connection.scalar(timed)
    return end


def end_due_holds(connection: Connection, *, now: datetime) -> int:
    """Record the end of the next holds whose time has come; returns how many there were."""
    due = select(claims.c.id).where(claims.c.hold_until <= now)
    claim_ids = connection.scalars(
        due.order_by(claims.c.hold_until, claims.c.id).limit(BATCH)
    ).all()
    # Whoever locks a claim ends a hold whose time has come.
    claim_writer.load_claims(connection, claim_ids, now=now)
    return len(claim_ids)
