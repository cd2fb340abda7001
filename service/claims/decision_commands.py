"""Settles decisions: approves, rejects or withdraws them.

`CHANGE_BUILDERS` says what an approval of each kind records.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.claims import approver_checks as standing
from service.claims import (
    claim_commands,
    claim_writer,
    existence,
    link_commands,
    party_changes,
    rename_commands,
    reversal_commands,
    separation_commands,
    statement_commands,
    statement_reversals,
)
from service.claims.claim_writer import Loaded, Versions
from service.domain import access, amendments, changes, history, lifecycle, printed, proposals
from service.domain.access import Action, Actor
from service.domain.changes import Change, FindingRequest
from service.domain.claims import (
    ClaimState,
    DecisionKind,
    Finding,
    Pending,
    Precision,
    parse_instant,
)
from service.domain.errors import (
    AlreadySettled,
    Conflict,
    DecisionOutdated,
    TransitionRefused,
)
from service.domain.history import Event
from service.store.tables import decisions, events

RENAME_KINDS = (DecisionKind.PARTY, DecisionKind.SPEAKER)


def approve_decision(
    connection: Connection,
    decision_id: str,
    *,
    note: str | None,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Carry out a proposal as the second person, if the claim still prints what it printed when it
    was proposed.

    Raises NotFound, Settled, SecondPersonNeeded, DecisionOutdated, TransitionRefused, and
    PreconditionFailed if the claim's version is none of `versions`.
    """
    access.require_permission(actor, Action.APPROVE)
    standing.require_current_access(connection, actor)
    loaded_claim = _load_deciding(connection, decision_id, versions=versions, now=now)
    waiting = _require_right(loaded_claim.state, actor)
    if waiting is not None and standing.is_proposer_disabled(connection, waiting.proposed_by):
        why = f"{waiting.proposed_by_name}, who proposed this, has no account any more."
        raise proposals.build_outdated_error(loaded_claim.state, waiting, why)
    if waiting is None or waiting.kind is DecisionKind.STATUS:
        printed_then = None
        if waiting is not None and waiting.seen is None:
            printed_then = _read_seen(connection, loaded_claim.state.id, decision_id)
        draft = lifecycle.approve_status_change(
            loaded_claim.state, decision_id, actor=actor, note=note, printed_then=printed_then
        )
        return claim_writer.record_events(
            connection, loaded_claim, [draft], actor=actor, now=now
        ).state
    proposals.require_approvable_proposal(loaded_claim.state, decision_id, actor=actor)
    try:
        change = CHANGE_BUILDERS[waiting.kind](connection, loaded_claim.state, waiting, now)
    except (TransitionRefused, DecisionOutdated):
        raise
    except Conflict as error:
        # What it was about was settled, merged or withdrawn in the meantime.
        raise proposals.build_outdated_error(loaded_claim.state, waiting, error.detail) from error
    drafts = changes.approve_change(loaded_claim.state, decision_id, change, actor=actor, note=note)
    if waiting.kind is DecisionKind.MERGE:
        merged_id = change.request["merged"]
        claim_commands.close_merged_claim(
            connection, merged_id, into=loaded_claim.state.id, actor=actor, now=now
        )
        # Reread: the components that moved here have changed its version.
        loaded_claim = claim_writer.load_claim(connection, loaded_claim.state.id, now=now)
    if waiting.kind is DecisionKind.SEPARATION:
        separated_id = change.request["separated"]
        claim_writer.record_events(connection, loaded_claim, drafts, actor=actor, now=now)
        separation_commands.open_separated_claim(
            connection, separated_id, reason=waiting.reason, actor=actor, now=now
        )
        return claim_writer.load_claim(connection, loaded_claim.state.id, now=now).state
    if waiting.kind in RENAME_KINDS:
        # The approval stands on this claim; the name changes on all that show it.
        recording = claim_writer.record_events(
            connection, loaded_claim, drafts[:1], actor=actor, now=now
        )
        rename_commands.carry_out_rename(connection, change, actor=actor, now=now)
        return claim_writer.load_claim(connection, recording.state.id, now=now).state
    return claim_writer.record_events(
        connection,
        loaded_claim,
        drafts,
        actor=actor,
        now=now,
        cause=change.cause,
        since=change.since,
    ).state


def reject_decision(
    connection: Connection, decision_id: str, *, comment: str, actor: Actor, now: datetime
) -> ClaimState:
    access.require_permission(actor, Action.APPROVE)
    loaded_claim = _load_deciding(connection, decision_id, now=now)
    _require_right(loaded_claim.state, actor)
    draft = proposals.draft_rejection(loaded_claim.state, decision_id, comment=comment)
    return claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now).state


def withdraw_decision(
    connection: Connection, decision_id: str, *, reason: str | None, actor: Actor, now: datetime
) -> ClaimState:
    """Withdraw one's own proposal."""
    access.require_permission(actor, Action.CHANGE_STATUS)
    loaded_claim = _load_deciding(connection, decision_id, now=now)
    draft = proposals.draft_withdrawal(loaded_claim.state, decision_id, actor=actor, reason=reason)
    return claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now).state


# What each kind records.


def _change_finding(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    finding_name = _read_asked(waiting)["finding"]
    finding = Finding(finding_name) if finding_name else None
    standing = [link.id for link in state.links if link.is_active]
    if set(waiting.cites) <= set(standing):
        return changes.change_finding(state, FindingRequest(finding, waiting.reason, waiting.cites))
    lifecycle.require_active_links(state, waiting.cites)
    raise AssertionError("a link that does not stand is refused")


def _amend(connection: Connection, state: ClaimState, waiting: Pending, now: datetime) -> Change:
    request = _read_asked(waiting)
    return amendments.reword_claim(state, request["text"], material=request["material"])


def _build_link_change(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    return link_commands.rebuild_link(connection, state, _read_asked(waiting)["link"], now=now)


def _retract(connection: Connection, state: ClaimState, waiting: Pending, now: datetime) -> Change:
    return amendments.retract_link(state, _read_asked(waiting)["link"], reason=waiting.reason)


def _affirm(connection: Connection, state: ClaimState, waiting: Pending, now: datetime) -> Change:
    return amendments.affirm_link(state, _read_asked(waiting)["link"])


def _take_back(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    request = _read_asked(waiting)
    row = statement_commands.lock_row(connection, request["statement"])
    statement_reversals.require_ceased(row, "withdrawal")
    about: amendments.Withdrawal = {
        "reason": waiting.reason,
        "source": request["source"],
        "said_at": parse_instant(request["said_at"]) if request["said_at"] else None,
        "precision": Precision(request["precision"]) if request["precision"] else None,
    }
    draft = amendments.draft_statement_withdrawal(request["statement"], **about)
    return amendments.withdraw_linked_statement(request["statement"], [draft], about)


def _merge(connection: Connection, state: ClaimState, waiting: Pending, now: datetime) -> Change:
    return claim_commands.plan_merge(connection, _read_asked(waiting)["merged"], state, now=now)


def _replan_rename(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    return rename_commands.replan_rename(connection, waiting)


CHANGE_BUILDERS: dict[
    DecisionKind, Callable[[Connection, ClaimState, Pending, datetime], Change]
] = {
    DecisionKind.FINDING: _change_finding,
    DecisionKind.AMENDMENT: _amend,
    DecisionKind.LINK: _build_link_change,
    DecisionKind.RETRACTION: _retract,
    DecisionKind.AFFIRMATION: _affirm,
    DecisionKind.WITHDRAWAL: _take_back,
    DecisionKind.MERGE: _merge,
    DecisionKind.PARTY: _replan_rename,
    DecisionKind.SPEAKER: _replan_rename,
    DecisionKind.SEPARATION: separation_commands.replan_separation,
    DecisionKind.VOID: reversal_commands.replan_void,
    DecisionKind.RESTORATION: reversal_commands.replan_restoration,
}
"""The change that an approval carries out, worked out from what was asked for and what is so now.
A change of status is `lifecycle.approve_status_change`'s."""


def _read_asked(waiting: Pending) -> Mapping[str, Any]:
    assert waiting.change is not None, "a change other than of status says what it is"
    return waiting.change


def _require_right(state: ClaimState, actor: Actor) -> Pending | None:
    """Require that the actor may settle the pending decision.  Raises Forbidden if it takes an
    editor."""
    waiting = state.pending
    if waiting is not None and waiting.override is not None:
        access.require_permission(actor, Action.OVERRIDE)
    return waiting


def _load_deciding(
    connection: Connection, decision_id: str, *, versions: Versions = None, now: datetime
) -> Loaded:
    """Lock the claim on which a decision is pending, and read both.  Raises NotFound, Settled."""
    row = connection.execute(
        select(decisions.c.claim, decisions.c.kind, decisions.c.proposal).where(
            decisions.c.id == decision_id
        )
    ).first()
    if row is None:
        raise existence.build_not_found("decision")
    if row.kind == DecisionKind.PARTY:
        # Parties before claims, like whoever else changes one.
        rename_commands.lock_tree(connection)
    if row.kind == DecisionKind.MERGE:
        # In one order with whoever else merges either of them.
        merged_id = orjson.loads(row.proposal)["change"]["merged"]
        party_changes.lock_voices(connection, [merged_id])
        claim_writer.lock_claims(connection, [row.claim, merged_id], now=now)
    if row.kind == DecisionKind.SEPARATION:
        separated_id = orjson.loads(row.proposal)["change"]["separated"]
        claim_writer.lock_claims(connection, [row.claim, separated_id], now=now)
    loaded_claim = claim_writer.load_claim(connection, row.claim, versions=versions, now=now)
    state = connection.scalar(select(decisions.c.state).where(decisions.c.id == decision_id))
    if state != "pending":
        raise AlreadySettled(f"This decision was {state} before.", state=state)
    return loaded_claim


def _read_seen(connection: Connection, claim_id: str, decision_id: str) -> dict[str, object] | None:
    """Read from the record what printed when a decision was proposed: older proposals did not keep
    it."""
    lines = connection.execute(
        select(events.c.number, events.c.type, events.c.recorded_at, events.c.data)
        .where(events.c.claim == claim_id)
        .order_by(events.c.number)
    )
    state: ClaimState | None = None
    for line in lines:
        event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
        if event.type == "decision.proposed" and event.data["id"] == decision_id:
            return None if state is None else printed.read_printed(state)
        state = history.apply_event(state, event, claim_id=claim_id)
    return None
