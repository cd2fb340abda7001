"""Selects the version of a claim that stood at an instant, and builds the row of one.

A row of `claim_versions` is what a claim was until `superseded_at`.  So the version that stood at
an instant is the first that was superseded later; where there is none, it is the row of `claims`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select

from service.claims import documents
from service.domain import evidence
from service.domain.claims import ClaimState
from service.domain.things import Row
from service.store.tables import claim_versions, claims


def select_document_at(
    claim: ColumnElement[Any], moment: ColumnElement[datetime]
) -> ColumnElement[str]:
    """Select the document of a claim as it was from `moment` on; the query joins `claims`."""
    later = claim_versions.alias()
    earlier_document = (
        select(later.c.document)
        .where(later.c.claim == claim, later.c.superseded_at > moment)
        .order_by(later.c.superseded_at)
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(earlier_document, claims.c.document)


def select_end_of_version(moment: datetime) -> ScalarSelect[datetime]:
    """Select when the version that stood at `moment` of a row of `claims` was superseded."""
    later = claim_versions.alias()
    return (
        select(func.min(later.c.superseded_at))
        .where(later.c.claim == claims.c.id, later.c.superseded_at > moment)
        .correlate(claims)
        .scalar_subquery()
    )


def build_snapshot(state: ClaimState) -> Row:
    """Build the columns of `claim_versions` that the state of a claim determines."""
    return {
        "status": state.status.value,
        "lifecycle": state.lifecycle.value,
        "agrees": evidence.is_as_suggested(state, evidence.suggest_status(state)),
        "part_of": state.part_of,
        "assignee": state.assignee,
        "due_at": state.due_at,
        "hold_since": state.hold.since if state.hold else None,
        "hold_until": state.hold.until if state.hold else None,
        "document": documents.render_document(state),
    }
