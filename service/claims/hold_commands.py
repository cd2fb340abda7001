"""Holds of claims: placing and ending them.  `deadlines` ends those whose time has come."""

from datetime import datetime

from sqlalchemy import Connection

from service.claims import claim_writer
from service.claims.claim_writer import Versions
from service.domain import access, holds
from service.domain.access import Action, Actor
from service.domain.claims import ClaimState


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
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    draft = holds.draft_hold(loaded_claim.state, reason=reason, until=until, now=now)
    return claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now).state


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
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    draft = holds.draft_end(loaded_claim.state, now=now)
    return claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now).state
