"""Reads decisions, the review queue and suggestions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Row, or_, select

from service.claims.decision_views import (
    DecisionPrintedView,
    DecisionView,
    PrintedView,
    ReviewReason,
    SuggestionView,
)
from service.claims.documents import StoredClaim
from service.domain import evidence, printed
from service.domain.claims import (
    ClaimState,
    Lifecycle,
    Pending,
    Status,
    Unnamed,
    choose_voice,
    format_instant,
)
from service.store import states
from service.store.paging import Window, select_page
from service.store.tables import claims, decisions
from service.store.types import format_optional_instant

REASONS: tuple[ReviewReason, ...] = ("drift", "challenged", "waiting_approval", "stale")
# With the state of the claim, which says what prints now.
DECISION_WITH_CLAIM = select(decisions, states.select_whole(claims).label("claim_state")).join(
    claims, claims.c.id == decisions.c.claim
)


def read_decision(connection: Connection, decision_id: str) -> DecisionView | None:
    """Read a decision, or None if there is none with this id."""
    row = connection.execute(DECISION_WITH_CLAIM.where(decisions.c.id == decision_id)).first()
    return _build_decision(row) if row else None


def list_decisions(
    connection: Connection, *, state: str | None, claim: str | None, window: Window
) -> list[DecisionView]:
    """List decisions, the oldest first, one more than the limit."""
    query = DECISION_WITH_CLAIM
    if state is not None:
        query = query.where(decisions.c.state == state)
    if claim is not None:
        query = query.where(decisions.c.claim == claim)
    page = select_page(query, window, decisions.c.proposed_at, decisions.c.id)
    return [_build_decision(row) for row in connection.execute(page).all()]


def list_pending(
    connection: Connection, claim_ids: Collection[str]
) -> dict[str, Row[*tuple[Any, ...]]]:
    """Read the pending decisions on these claims, by claim: kind, status, proposal and proposer."""
    columns = ("claim", "kind", "to", "proposal", "proposed_by", "proposed_by_name")
    rows = connection.execute(
        select(*(decisions.c[name] for name in columns)).where(
            decisions.c.claim.in_(claim_ids), decisions.c.state == "pending"
        )
    )
    return {row.claim: row for row in rows}


def read_waiting(connection: Connection, claim_ids: Collection[str]) -> dict[str, Pending]:
    """Read what waits for a second person on these claims, by claim, with who may not be that."""
    rows = connection.execute(
        select(claims.c.id, states.select_whole(claims).label("state")).where(
            claims.c.id.in_(claim_ids), claims.c.pending.is_(True)
        )
    ).all()
    pending_by_claim = {row.id: states.parse(row.state).pending for row in rows}
    return {claim: pending for claim, pending in pending_by_claim.items() if pending is not None}


@dataclass(frozen=True, slots=True)
class Review:
    """A claim that needs attention, and why."""

    claim: StoredClaim
    reasons: tuple[ReviewReason, ...]
    since: datetime
    id: str


def list_review_queue(
    connection: Connection,
    *,
    reason: str | None,
    assignee: str | None,
    stale_before: datetime,
    window: Window,
) -> list[Review]:
    """List the claims that need attention, the longest unchanged first.

    Those are claims whose evidence and status disagree, that are challenged, that wait for a second
    person, or that have awaited confirmation since before `stale_before`.
    """
    stale = (claims.c.status == Status.AWAITING_CONFIRMATION.value) & (
        claims.c.status_since < stale_before
    )
    conditions = {
        "drift": claims.c.agrees.is_(False),
        "challenged": claims.c.challenged.is_(True),
        "waiting_approval": claims.c.pending.is_(True),
        "stale": stale,
    }
    is_wanted = or_(*conditions.values()) if reason is None else conditions[reason]
    # On a claim that is closed, only a way back waits.
    is_open = or_(claims.c.lifecycle == Lifecycle.ACTIVE.value, claims.c.pending.is_(True))
    query = select(claims).where(is_open, is_wanted)
    if assignee is not None:
        query = query.where(claims.c.assignee == assignee)
    page = select_page(query, window, claims.c.changed_at, claims.c.id)
    reviews = []
    for row in connection.execute(page).all():
        holds = (
            not row.agrees,
            row.challenged,
            row.pending,
            row.status == Status.AWAITING_CONFIRMATION and row.status_since < stale_before,
        )
        reasons = tuple(name for name, applies in zip(REASONS, holds, strict=True) if applies)
        reviews.append(
            Review(
                StoredClaim(row.document, row.assignee, row.due_at), reasons, row.changed_at, row.id
            )
        )
    return reviews


def build_suggestion(state: ClaimState) -> SuggestionView:
    """Build the view of what the rules suggest, with every link's part in it."""
    suggestion = evidence.suggest_status(state)
    return {
        "status": suggestion.status,
        "trace": [
            {
                "link": line.link.id,
                "statement": line.link.statement,
                "party": voice.party if voice else None,
                "root": line.link.root,
                "speaker": voice.speaker.name if voice and voice.speaker else None,
                "description": line.link.voice.description
                if isinstance(line.link.voice, Unnamed)
                else None,
                "stance": line.link.stance,
                "counted": line.counted,
                "why": line.why,
            }
            for line in suggestion.trace
            for voice in (choose_voice(line.link.voice),)
        ],
        "needs": {
            "independent_support": {
                "needed": suggestion.needed_parties,
                "has": len(suggestion.support),
                "parties": list(suggestion.support),
            },
            "open_contradictions": len(suggestion.contradictions),
            "open_requests": len(suggestion.confirmation_requests),
        },
    }


def _build_decision(row: Row[Any]) -> DecisionView:
    is_settled = row.settled_by is not None
    proposal = orjson.loads(row.proposal)
    return {
        "id": row.id,
        "claim": row.claim,
        "kind": row.kind,
        "state": row.state,
        "from": row._mapping["from"],
        "to": row.to,
        "reason": row.reason,
        "cites": proposal["cites"],
        "set_aside": proposal["set_aside"],
        "override": proposal["override"],
        "change": proposal.get("change"),
        "digest": proposal.get("digest"),
        "printed": _build_printed(row, proposal),
        "proposed_by": {"id": row.proposed_by, "name": row.proposed_by_name},
        "proposed_at": format_instant(row.proposed_at),
        "settled_by": {"id": row.settled_by, "name": row.settled_by_name} if is_settled else None,
        "settled_at": format_optional_instant(row.settled_at),
        "comment": row.comment,
    }


def _build_printed(row: Row[Any], proposal: Mapping[str, Any]) -> DecisionPrintedView | None:
    """Build what printed at the proposal, what would print, and what prints now; None for a
    proposal from before this was kept."""
    if "seen" not in proposal:
        return None
    view: DecisionPrintedView = {
        "seen": proposal["seen"],
        "proposed": proposal["prints"],
        "now": None,
        "changed": [],
    }
    if row.state == "pending":
        now = printed.read_printed(states.parse(row.claim_state))
        view["now"] = cast(PrintedView, now)
        view["changed"] = printed.list_differences(proposal["seen"], now)
    return view
