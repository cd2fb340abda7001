"""Voids and ways back, on the claims that they concern."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from service.claims import (
    claim_references,
    claim_writer,
    history_queries,
    link_commands,
    proposal_commands,
    statement_reversals,
)
from service.claims.claim_writer import Versions
from service.claims.proposal_commands import Outcome
from service.domain import access, reversals
from service.domain.access import Action, Actor
from service.domain.changes import Change
from service.domain.claims import ClaimState, Lifecycle, Pending
from service.domain.errors import AlreadySettled, Conflict

PlanClaim = Callable[[Connection, ClaimState, str], Change]
"""Works out a change of a claim, with its reason."""


def plan_void(connection: Connection, state: ClaimState, reason: str) -> Change:
    """Plan that a claim was recorded by mistake.  Raises ClaimMerged, AlreadySettled."""
    return reversals.void_claim(state, reason=reason)


def plan_restoration(connection: Connection, state: ClaimState, reason: str) -> Change:
    """Plan that a void claim was no mistake.

    Raises AlreadySettled, and Conflict if the statement that it comes from is void.
    """
    origin = statement_reversals.read_row(connection, state.origin_statement)
    statement_reversals.require_not_void(origin)
    claim_references.require_none_newer(connection, state)
    since = state
    if state.lifecycle is Lifecycle.VOID:
        since = history_queries.read_state_before_last(connection, state.id, "claim.voided")
    return reversals.restore_claim(state, reason=reason, since=since)


def plan_reinstatement(connection: Connection, state: ClaimState, reason: str) -> Change:
    """Plan that a claim was not withdrawn.

    Raises AlreadySettled, ClaimMerged, ClaimVoid, and Conflict if the statement that it comes from
    is withdrawn.
    """
    origin = statement_reversals.read_row(connection, state.origin_statement)
    if statement_reversals.is_withdrawn(origin):
        raise Conflict(
            "The statement that this claim comes from was withdrawn: reinstate that.",
            statement=origin.id,
        )
    since = state
    if state.lifecycle is Lifecycle.WITHDRAWN:
        since = history_queries.read_state_before_last(connection, state.id, "claim.withdrawn")
    return reversals.reinstate_claim(state, reason=reason, since=since)


def change_claim(
    connection: Connection,
    claim_id: str,
    plan: PlanClaim,
    *,
    reason: str,
    four_eyes: bool,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Void, restore or reinstate a claim, as `plan` says, or propose it: what two people agreed to
    is printed again only if two people agree to that.

    Raises what `plan` does, NotFound, PreconditionFailed, DecisionPending.
    """
    access.require_permission(actor, Action.REVERSE)
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    change = plan(connection, loaded_claim.state, reason)
    return proposal_commands.submit_change(
        connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
    )


def void_link(
    connection: Connection,
    link_id: str,
    *,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Record that a link was recorded by mistake, or propose it: without a denial a confirmed claim
    prints more boldly.  Raises NotFound, AlreadySettled, DecisionPending."""
    return _change_link(
        connection, link_id, reversals.void_link, reason, four_eyes, actor=actor, now=now
    )


def restore_link(
    connection: Connection,
    link_id: str,
    *,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Record that a link is not void or, if it is not, that it was not to be retracted; or propose
    it.  Raises NotFound, AlreadySettled, Conflict, DecisionPending."""
    return _change_link(
        connection, link_id, reversals.restore_link, reason, four_eyes, actor=actor, now=now
    )


def _change_link(
    connection: Connection,
    link_id: str,
    plan: Callable[..., Change],
    reason: str,
    four_eyes: bool,
    *,
    actor: Actor,
    now: datetime,
) -> Outcome:
    access.require_permission(actor, Action.REVERSE)
    loaded_claim = link_commands.load_claim_of_link(connection, link_id, now=now)
    change = plan(loaded_claim.state, link_id, reason=reason)
    return proposal_commands.submit_change(
        connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
    )


def replan_void(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    """Work out a proposed void of a link or a statement anew.  Raises AlreadySettled."""
    request = waiting.change or {}
    if "link" in request:
        return reversals.void_link(state, request["link"], reason=waiting.reason)
    row = statement_reversals.read_row(connection, request["statement"])
    statement_reversals.require_ceased(row, "void")
    return reversals.void_statement(row.id, reason=waiting.reason)


def replan_restoration(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    """Work out a proposed restoration anew.  Raises AlreadySettled, Conflict."""
    request = waiting.change or {}
    if "link" in request:
        return reversals.restore_link(state, request["link"], reason=waiting.reason)
    if "statement" not in request:
        plan = plan_restoration if state.lifecycle is Lifecycle.VOID else plan_reinstatement
        return plan(connection, state, waiting.reason)
    row = statement_reversals.read_row(connection, request["statement"])
    change = statement_reversals.plan_restoration(
        connection,
        state,
        row.id,
        request["undoes"],
        reason=waiting.reason,
        since=row.withdrawn_at,
    )
    if change is None or statement_reversals.IS_UNDONE[request["undoes"]](row):
        raise AlreadySettled("The statement was restored, or is void or withdrawn again.")
    return change
