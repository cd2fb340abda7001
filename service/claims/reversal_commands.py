"""Voids and ways back, on the claims that they concern."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from service.claims import claim_writer, history_queries, proposal_commands
from service.claims.claim_writer import Versions
from service.claims.proposal_commands import Outcome
from service.domain import access, reversals
from service.domain.access import Action, Actor
from service.domain.changes import Change
from service.domain.claims import ClaimState, Lifecycle, Pending

PlanClaim = Callable[[Connection, ClaimState, str], Change]
"""Works out a change of a claim, with its reason."""


def plan_void(connection: Connection, state: ClaimState, reason: str) -> Change:
    """Plan that a claim was recorded by mistake.  Raises ClaimMerged, AlreadySettled."""
    return reversals.void_claim(state, reason=reason)


def plan_restoration(connection: Connection, state: ClaimState, reason: str) -> Change:
    """Plan that a void claim was no mistake.  Raises AlreadySettled."""
    since = state
    if state.lifecycle is Lifecycle.VOID:
        since = history_queries.read_state_before_last(connection, state.id, "claim.voided")
    return reversals.restore_claim(state, reason=reason, since=since)


def plan_reinstatement(connection: Connection, state: ClaimState, reason: str) -> Change:
    """Plan that a claim was not withdrawn.  Raises AlreadySettled, ClaimMerged, ClaimVoid."""
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
    loaded = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    change = plan(connection, loaded.state, reason)
    return proposal_commands.submit_change(
        connection, loaded, change, four_eyes=four_eyes, actor=actor, now=now
    )


def replan_restoration(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    """Work out a proposed restoration anew."""
    plan = plan_restoration if state.lifecycle is Lifecycle.VOID else plan_reinstatement
    return plan(connection, state, waiting.reason)
