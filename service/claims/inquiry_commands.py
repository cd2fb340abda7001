"""Requests for comment: asking, and saying what came of it.  `deadlines` has those that pass.

None of it is weighed: it stands beside the evidence, and no second person settles it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import Connection

from service.claims import claim_writer, inquiry_queries
from service.claims.claim_writer import Versions
from service.directory import party_commands
from service.domain import access, ids, inquiry_drafts
from service.domain.access import Action, Actor
from service.domain.claims import ClaimState
from service.domain.inquiries import Inquiry
from service.domain.inquiry_drafts import InquiryChange


class NewInquiry(TypedDict):
    """Whom the desk asked, by which way and until when; `asked_at` None: now."""

    party: str | None
    whom: str | None
    way: str
    asked_at: datetime | None
    until: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class AskedClaim:
    """A claim, and a request for comment on it."""

    state: ClaimState
    inquiry: Inquiry


def create_inquiry(
    connection: Connection,
    claim_id: str,
    new: NewInquiry,
    *,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> AskedClaim:
    """Record that somebody was asked for comment on a claim.

    Raises NotFound, PreconditionFailed, Invalid, Conflict.
    """
    access.require_permission(actor, Action.RECORD)
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    party = new["party"]
    inquiry = Inquiry(
        id=ids.make_id(),
        voice=party_commands.require_voice(connection, party, None) if party else None,
        whom=new["whom"],
        way=new["way"],
        asked_at=new["asked_at"] or now,
        until=new["until"],
        note=new["note"],
    )
    drafts = inquiry_drafts.draft_inquiry(loaded_claim.state, inquiry, now=now)
    recording = claim_writer.record_events(connection, loaded_claim, drafts, actor=actor, now=now)
    return _choose_inquiry(recording.state, inquiry.id)


def change_inquiry(
    connection: Connection,
    inquiry_id: str,
    changes: InquiryChange,
    *,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> AskedClaim:
    """Record what came of a request, or what was wrong in it.

    Raises NotFound, PreconditionFailed, Invalid.
    """
    access.require_permission(actor, Action.RECORD)
    claim_id = inquiry_queries.find_claim(connection, inquiry_id)
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    drafts = inquiry_drafts.draft_inquiry_change(loaded_claim.state, inquiry_id, changes, now=now)
    recording = claim_writer.record_events(connection, loaded_claim, drafts, actor=actor, now=now)
    return _choose_inquiry(recording.state, inquiry_id)


def _choose_inquiry(state: ClaimState, inquiry_id: str) -> AskedClaim:
    return AskedClaim(state, inquiry_drafts.require_inquiry(state, inquiry_id))
