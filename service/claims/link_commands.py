"""Links statements to claims, and retracts and affirms links."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    select,
)

from service.claims import claim_writer, existence, proposal_commands
from service.claims.claim_writer import Loaded, Versions
from service.claims.pending_statements import RecordedStatement
from service.claims.proposal_commands import Outcome
from service.claims.statement_commands import lock_statement, record_statement
from service.domain import access, amendments, ids
from service.domain.access import Action, Actor
from service.domain.changes import Change
from service.domain.claims import (
    ClaimState,
    Link,
    Scope,
    Stance,
    Unnamed,
    Voice,
)
from service.domain.errors import Invalid
from service.domain.inputs import NewLink, NewStatement
from service.store.tables import links


@dataclass(frozen=True, slots=True)
class LinkOutcome(Outcome):
    """The claim after a statement was linked to it, or the link was proposed."""

    link_id: str


def link_statement(
    connection: Connection,
    claim_id: str,
    new: NewLink,
    *,
    four_eyes: bool,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> LinkOutcome:
    """Link a recorded or new statement to a claim.

    On a confirmed claim a link that changes who is printed is proposed; the statement is recorded
    in any case.
    """
    access.require_permission(actor, Action.RECORD)
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    loc = ("body", "statement")
    if isinstance(new.statement, NewStatement):
        statement = record_statement(connection, new.statement, actor=actor, now=now, loc=loc)
    else:
        statement = lock_statement(connection, new.statement, loc=loc)
    if statement.voice is None:
        raise Invalid("no party stands behind this statement, so it takes no stance", loc=loc)
    link = _build_link(ids.make_id(), statement, statement.voice, new, now)
    change = amendments.add_link(loaded_claim.state, link, note=new.note)
    outcome = proposal_commands.submit_change(
        connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
    )
    return LinkOutcome(outcome.state, outcome.change, outcome.decision, link.id)


def rebuild_link(
    connection: Connection, state: ClaimState, proposal: Mapping[str, Any], *, now: datetime
) -> Change:
    """Build a proposed link with present names: its party may have been renamed since.  Raises
    StatementWithdrawn."""
    new = NewLink(
        proposal["statement"],
        Stance(proposal["stance"]),
        Scope(proposal["scope"]),
        proposal["conditional"],
        proposal["note"],
    )
    statement = lock_statement(connection, proposal["statement"], loc=("body", "statement"))
    assert statement.voice is not None, "a statement keeps its party"
    link = _build_link(proposal["id"], statement, statement.voice, new, now)
    return amendments.add_link(state, link, note=new.note)


def build_origin_link(connection: Connection, claim: ClaimState) -> Link | None:
    """Build a supporting link from a claim's origin to the claim it is merged into; None if
    nobody stands behind the statement."""
    statement = lock_statement(connection, claim.origin_statement, loc=("body", "into"))
    if statement.voice is None:
        return None
    return _build_link(
        ids.make_id(),
        statement,
        statement.voice,
        NewLink(statement.id, Stance.SUPPORTS),
        claim.created_at,
    )


def _build_link(
    link_id: str,
    statement: RecordedStatement,
    voice: Voice | Unnamed,
    new: NewLink,
    recorded_at: datetime,
) -> Link:
    return Link(
        id=link_id,
        statement=statement.id,
        stance=Stance(new.stance),
        scope=Scope(new.scope),
        conditional=new.conditional,
        basis=statement.basis,
        voice=voice,
        said_at=statement.said_at,
        precision=statement.precision,
        quote=statement.quote,
        recorded_at=recorded_at,
    )


def retract_link(
    connection: Connection,
    link_id: str,
    *,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Record that a link should not have been made; it stays in the record.  Raises NotFound.

    Retracting a denial from a confirmed claim is proposed: without it the print line is bolder.
    """
    access.require_permission(actor, Action.RECORD)
    loaded_claim = load_claim_of_link(connection, link_id, now=now)
    change = amendments.retract_link(loaded_claim.state, link_id, reason=reason)
    return proposal_commands.submit_change(
        connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
    )


def affirm_link(
    connection: Connection, link_id: str, *, four_eyes: bool, actor: Actor, now: datetime
) -> Outcome:
    """Record that a link also holds for the claim's present wording.  Raises NotFound, Settled."""
    access.require_permission(actor, Action.RECORD)
    loaded_claim = load_claim_of_link(connection, link_id, now=now)
    change = amendments.affirm_link(loaded_claim.state, link_id)
    return proposal_commands.submit_change(
        connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
    )


def load_claim_of_link(connection: Connection, link_id: str, *, now: datetime) -> Loaded:
    """Lock the claim that a link is on, and read it.  Raises NotFound."""
    claim_id = connection.scalar(select(links.c.claim).where(links.c.id == link_id))
    if claim_id is None:
        raise existence.build_not_found("link")
    return claim_writer.load_claim(connection, claim_id, now=now)
