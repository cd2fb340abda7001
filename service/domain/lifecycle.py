"""Decides which status may follow which, and on what evidence.

`TRANSITIONS` is the table of docs/rules.md: every edge with its guard.  Functions here return
drafts of events and never write.  People decide; the rules only make the cautious automatic moves
of `AUTOMATIC_MOVES`, and nothing automatic ever confirms.  `import_status` takes over the
status that others gave a claim.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.domain import evidence, guards, history, proposals
from service.domain.access import Actor
from service.domain.claims import (
    Cause,
    ClaimState,
    Imported,
    Lifecycle,
    Link,
    Pending,
    Stance,
    Status,
    Voice,
)
from service.domain.errors import Conflict, Invalid, TransitionRefused
from service.domain.guards import Guard, Missing, Move
from service.domain.history import Draft
from service.domain.plain_data import make_plain

TRANSITIONS: dict[tuple[Status, Status], Guard] = {
    (Status.ASSERTED, Status.AWAITING_CONFIRMATION): guards.require_reason_to_open,
    (Status.ASSERTED, Status.CONFIRMED): guards.require_independent_support,
    (Status.ASSERTED, Status.DISPUTED): guards.require_contradiction,
    (Status.AWAITING_CONFIRMATION, Status.ASSERTED): guards.require_nothing_outstanding,
    (Status.AWAITING_CONFIRMATION, Status.CONFIRMED): guards.require_independent_support,
    (Status.AWAITING_CONFIRMATION, Status.DISPUTED): guards.require_contradiction,
    (Status.CONFIRMED, Status.AWAITING_CONFIRMATION): guards.require_automatic_rule,
    (Status.CONFIRMED, Status.DISPUTED): guards.require_substantiated_contradiction,
    (Status.DISPUTED, Status.ASSERTED): guards.require_nothing_outstanding,
    (Status.DISPUTED, Status.AWAITING_CONFIRMATION): guards.require_ground_to_reopen,
    (Status.DISPUTED, Status.CONFIRMED): guards.require_resolved_contradictions,
}
"""Every edge that there is.  No other is ever allowed, not even by an override."""


def list_missing(state: ClaimState, move: Move) -> list[Missing]:
    """Return what is missing for `move`: nothing if it may be made."""
    guard = TRANSITIONS.get((state.status, move.to))
    if guard is None:
        if state.status is move.to:
            detail = f"the claim is {move.to} already"
        else:
            detail = f"a claim never goes from {state.status} to {move.to}"
        return [Missing("another target status", 0, detail)]
    missing = (
        guard(state, move)
        if move.override is None
        else guards.require_override_reason(move, move.override)
    )
    cites = guards.require_fitting_cites(state, move, are_allowed=not missing)
    return [*missing, *cites]


def needs_second_person(move: Move, *, four_eyes: bool) -> bool:
    """Say whether a second person has to approve `move`, given the desk's policy."""
    return four_eyes and (move.to is Status.CONFIRMED or move.override is not None)


def change_status(
    state: ClaimState, move: Move, *, actor: Actor, decision_id: str, four_eyes: bool
) -> Draft:
    """Draft the change of status, or its proposal if a second person has to agree.

    Raises TransitionRefused (with what is missing), DecisionPending (one proposal at a time),
    Invalid (a cited link that is not an active link of this claim), ClaimMerged, ClaimWithdrawn.
    """
    proposals.require_open_claim(state)
    _require_valid_links(state, move)
    _require_nothing_missing(state, move)
    status_drafts = _draft_status_change(state, move, cause=Cause.DECISION, decided_by=actor.name)
    if not needs_second_person(move, four_eyes=four_eyes):
        return status_drafts
    proposal = Pending(
        id=decision_id,
        to=move.to,
        reason=move.reason,
        cites=move.cites,
        set_aside=move.set_aside,
        override=move.override,
        proposed_by=actor.id,
        proposed_by_name=actor.name,
        proposed_through=actor.made_by,
    )
    return proposals.draft_proposal(state, proposal, predict_outcome(state, [status_drafts]))


def approve_status_change(
    state: ClaimState,
    decision_id: str,
    *,
    actor: Actor,
    note: str | None,
    printed_then: Mapping[str, Any] | None = None,
) -> Draft:
    """Draft the change of status that waits, if the evidence still allows it.

    `seen` is what was printed when it was proposed, for proposals that do not say.  Raises
    SecondPersonNeeded for the proposer, PersonNeeded, DecisionOutdated if something that is printed
    has changed since, TransitionRefused if a guard no longer holds.
    """
    proposal = proposals.require_approvable_proposal(
        state, decision_id, actor=actor, printed_then=printed_then
    )
    move = Move(proposal.to, proposal.reason, proposal.cites, proposal.set_aside, proposal.override)
    require_active_links(
        state, (*move.cites, *(contradiction.link for contradiction in move.set_aside))
    )
    _require_nothing_missing(state, move)
    change = _draft_status_change(
        state,
        move,
        cause=Cause.DECISION,
        decision=decision_id,
        decided_by=proposal.proposed_by_name,
        approved_by=actor.name,
        approval_note=note,
    )
    proposals.require_same_outcome(state, proposal, predict_outcome(state, [change]))
    return change


def predict_outcome(
    state: ClaimState,
    drafts: Iterable[Draft],
    *,
    cause: Cause | None = None,
    since: ClaimState | None = None,
) -> ClaimState:
    """Return the claim as `drafts` and the automatic move after them would leave it.

    The move follows from what is new beside `since`, or beside the claim as it is.
    """
    state_after = history.apply_drafts(state, drafts)
    automatic = find_automatic_move(since or state, state_after, cause=cause)
    return state_after if automatic is None else history.apply_drafts(state_after, [automatic])


@dataclass(frozen=True, slots=True)
class AutomaticMove:
    """A move that the rules make by themselves, after any change.

    `find_links` returns the links on account of which the change makes it, or None for no move.
    """

    rule: str
    begins: frozenset[Status]
    to: Status
    cause: Cause
    find_links: Callable[[ClaimState, ClaimState], list[Link] | None]
    describe: Callable[[Sequence[Link]], str]


def _find_new_contradictions(before: ClaimState, after: ClaimState) -> list[Link] | None:
    """Return the open contradictions that are new; one set aside before is not new."""
    earlier = {link.id for link in evidence.list_active_by_others(before, Stance.CONTRADICTS)}
    new_contradictions = evidence.list_open_contradictions(after)
    return [link for link in new_contradictions if link.id not in earlier] or None


def _find_new_requests(before: ClaimState, after: ClaimState) -> list[Link] | None:
    earlier = {link.id for link in evidence.list_requests(before)}
    return [link for link in evidence.list_requests(after) if link.id not in earlier] or None


def _find_lost_support(before: ClaimState, after: ClaimState) -> list[Link] | None:
    """Return the support that is lost, where what there was sufficed and does no more.

    The list is empty where more is needed than before, and nothing is lost.
    """
    if before.status is not Status.CONFIRMED:
        return None
    support = evidence.list_qualifying_support(before)
    roots_after = evidence.list_roots(evidence.list_qualifying_support(after))
    was_enough = len(evidence.list_roots(support)) >= evidence.count_needed_support(before)
    if not was_enough or len(roots_after) >= evidence.count_needed_support(after):
        return None
    return [link for link in support if link.root not in roots_after]


def _name_roots(links: Sequence[Link]) -> str:
    return ", ".join(
        dict.fromkeys(link.voice.root_name for link in links if isinstance(link.voice, Voice))
    )


AUTOMATIC_MOVES = (
    AutomaticMove(
        "contradiction",
        frozenset({Status.ASSERTED, Status.AWAITING_CONFIRMATION}),
        Status.DISPUTED,
        Cause.CONTRADICTION,
        _find_new_contradictions,
        lambda links: f"{_name_roots(links)} contradicted the claim",
    ),
    AutomaticMove(
        "request",
        frozenset({Status.ASSERTED}),
        Status.AWAITING_CONFIRMATION,
        Cause.REQUEST,
        _find_new_requests,
        lambda links: f"{_name_roots(links)} asked for confirmation",
    ),
    AutomaticMove(
        "support_withdrawn",
        frozenset({Status.CONFIRMED}),
        Status.AWAITING_CONFIRMATION,
        Cause.SUPPORT_WITHDRAWN,
        _find_lost_support,
        lambda links: "support_withdrawn",
    ),
)
"""Every move that the rules make.  A change makes the first that follows from it, and no other."""


def find_automatic_move(
    before: ClaimState, after: ClaimState, *, cause: Cause | None = None
) -> Draft | None:
    """Return the move of `AUTOMATIC_MOVES` that follows a change, if any.

    Only what is new moves a claim: an override in spite of a request, or with too little support,
    is not undone by evidence that the editor knew.
    """
    if after.lifecycle is not Lifecycle.ACTIVE:
        return None
    for row in AUTOMATIC_MOVES:
        links = row.find_links(before, after) if after.status in row.begins else None
        if links is not None:
            move = Move(row.to, row.describe(links), tuple(link.id for link in links))
            return _draft_status_change(after, move, cause=cause or row.cause, rule=row.rule)
    return None


def import_status(state: ClaimState, to: Status, *, reason: str, source: Imported) -> Draft:
    """Draft the status that others gave a claim, which is imported together with the claim.

    No guard applies, since this desk has no evidence yet; the status is marked as imported wherever
    it is shown.  Raises Conflict unless the claim has only just been recorded.
    """
    if state.version != 1 or state.status is not Status.ASSERTED:
        raise Conflict("A status is imported together with its claim; this one has a history.")
    if to is Status.ASSERTED:
        raise Invalid("an imported claim is asserted already", loc=("to",))
    draft = _draft_status_change(state, Move(to, reason), cause=Cause.IMPORT, rule="import")
    return replace(draft, data=draft.data | {"imported": make_plain(source)})


def draft_dispute(
    state: ClaimState, *, reason: str, cites: Sequence[str], decided_by: str | None
) -> Draft:
    """Draft that a confirmed claim is disputed, because of what the desk finds."""
    move = Move(Status.DISPUTED, reason, tuple(cites))
    return _draft_status_change(state, move, cause=Cause.DECISION, decided_by=decided_by)


def draft_reopening(state: ClaimState, reason: str, cause: Cause) -> Draft:
    """Draft that a confirmed claim awaits confirmation again; the rule has the name of the
    cause."""
    move = Move(Status.AWAITING_CONFIRMATION, reason)
    return _draft_status_change(state, move, cause=cause, rule=cause.value)


def _draft_status_change(
    state: ClaimState,
    move: Move,
    *,
    cause: Cause,
    rule: str | None = None,
    decision: str | None = None,
    decided_by: str | None = None,
    approved_by: str | None = None,
    approval_note: str | None = None,
) -> Draft:
    data = {
        "previous_status": state.status.value,
        "status": move.to.value,
        "reason": move.reason,
        "cause": cause.value,
        "cites": list(move.cites),
        "set_aside": make_plain(move.set_aside),
        "override": make_plain(move.override) if move.override else None,
        "decision": decision,
        "decided_by": decided_by,
        "approved_by": approved_by,
        "approval_note": approval_note,
        "sequence": state.sequence + 1,
    }
    return Draft("claim.status_changed", data, rule)


def require_active_links(state: ClaimState, link_ids: Collection[str]) -> None:
    """Raise TransitionRefused if a link on which a proposal rests is not active any more."""
    inactive = [link for link in state.links if link.id in link_ids and not link.is_active]
    if inactive:
        need = f"{len(set(link_ids))} cited links and contradictions set aside"
        names = guards.name_links(inactive)
        detail = f"needs the links it rests on; retracted or withdrawn since: {names}"
        missing = [Missing(need, len(set(link_ids)) - len(inactive), detail)]
        raise TransitionRefused(
            f"{state.status} → {proposals.require_proposal(state).to}: {detail}.",
            missing=make_plain(missing),
            version=state.version,
        )


def _require_nothing_missing(state: ClaimState, move: Move) -> None:
    missing = list_missing(state, move)
    if missing:
        raise TransitionRefused(
            f"{state.status} → {move.to}: "
            + "; ".join(lacking.detail for lacking in missing)
            + ".",
            missing=make_plain(missing),
            version=state.version,
        )


def _require_valid_links(state: ClaimState, move: Move) -> None:
    for place, cited_ids in (
        ("cites", move.cites),
        ("set_aside", tuple(contradiction.link for contradiction in move.set_aside)),
    ):
        for position, link_id in enumerate(cited_ids):
            link = state.find_link(link_id)
            loc = ("body", place, position)
            if link is None:
                raise Invalid(f"{link_id} is not a link of this claim", loc=loc)
            if not link.is_active:
                raise Invalid(f"link {link_id} was retracted or its statement withdrawn", loc=loc)
            if place == "set_aside" and link.stance is not Stance.CONTRADICTS:
                raise Invalid(f"link {link_id} is no contradiction to set aside", loc=loc)
    if move.set_aside and (state.status, move.to) != (Status.DISPUTED, Status.CONFIRMED):
        raise Invalid(
            "contradictions are set aside only in going from disputed to confirmed",
            loc=("body", "set_aside"),
        )
