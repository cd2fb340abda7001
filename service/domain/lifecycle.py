"""Which status may follow which, and on what evidence.

`TRANSITIONS` is the table of domain.md: every edge with its guard.  A guard returns what is
missing, in data and in words; an empty list lets the change pass.  Functions here return drafts of
events; they never write.  People decide; the rules only make the two cautious automatic moves of
`automatic_move`, and nothing automatic ever confirms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.domain import evidence
from service.domain.access import Actor
from service.domain.claims import (
    Basis,
    Cause,
    ClaimState,
    Lifecycle,
    Link,
    Override,
    Pending,
    SetAside,
    Stance,
    Status,
)
from service.domain.errors import (
    ClaimMerged,
    ClaimWithdrawn,
    DecisionPending,
    Invalid,
    NotFound,
    SecondPersonNeeded,
    TransitionRefused,
)
from service.domain.history import Draft, plain


@dataclass(frozen=True, slots=True)
class Move:
    """What somebody asks for: a status, why, and the links it rests on."""

    to: Status
    reason: str
    cites: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """What a guard asks for (`need`), how many there are (`has`), and the same in a sentence."""

    need: str
    has: int
    detail: str


Guard = Callable[[ClaimState, Move], list[Missing]]


# The guards.


def opened_or_requested(state: ClaimState, move: Move) -> list[Missing]:
    """A checker opens verification with a reason (a request has moved the claim already)."""
    return _reasoned(move)


def contradiction(state: ClaimState, move: Move) -> list[Missing]:
    if evidence.open_contradictions(state):
        return _reasoned(move)
    need = "1 contradicting statement"
    return [_no_contradiction(state, need, state.links), *_reasoned(move)]


def substantiated_contradiction(state: ClaimState, move: Move) -> list[Missing]:
    """A bare denial does not move a confirmed claim: it only challenges it."""
    standing = evidence.open_contradictions(state)
    if any(link.basis is not Basis.UNSTATED for link in standing):
        return _reasoned(move)
    need = "1 contradicting statement with a basis other than unstated"
    return [_no_contradiction(state, need, state.links), *_reasoned(move)]


def independent_support(state: ClaimState, move: Move) -> list[Missing]:
    return [
        *_enough_support(state, evidence.needed_support(state)),
        *_still_open(evidence.open_contradictions(state)),
        *_cited(move),
        *_reasoned(move),
    ]


def resolved_in_favour(state: ClaimState, move: Move) -> list[Missing]:
    """Every contradiction withdrawn, retracted or set aside; more support if any was set aside."""
    aside = {one.link for one in move.set_aside}
    still_open = [one for one in evidence.open_contradictions(state) if one.id not in aside]
    needed = evidence.needed_support(state, setting_aside=bool(aside))
    return [
        *_enough_support(state, needed),
        *_still_open(still_open),
        *_set_aside_for_a_reason(move),
        *_cited(move),
        *_reasoned(move),
    ]


def reopened_with_ground(state: ClaimState, move: Move) -> list[Missing]:
    missing = _still_open(evidence.open_contradictions(state))
    if not grounds(state):
        missing.append(
            Missing(
                "1 request for confirmation, or support that is not enough yet",
                0,
                "needs an open request for confirmation or some support; has none: "
                "the claim can return to asserted",
            )
        )
    return missing


def nothing_outstanding(state: ClaimState, move: Move) -> list[Missing]:
    """No contradiction stands open, nothing asks for confirmation and nothing supports."""
    missing = _still_open(evidence.open_contradictions(state))
    standing = grounds(state)
    if standing:
        missing.append(
            Missing(
                "0 open requests for confirmation and no support",
                len(standing),
                f"needs every request and every support withdrawn or retracted; still there: "
                f"{_named(standing)}",
            )
        )
    return missing


def automatic_only(state: ClaimState, move: Move) -> list[Missing]:
    """Confirmed falls back by itself once its support does; nobody need ask."""
    needed = evidence.needed_support(state)
    has = len(evidence.roots(evidence.qualifying(state)))
    return [
        Missing(
            f"fewer than {needed} independent supporting parties",
            has,
            "a confirmed claim returns to awaiting_confirmation by itself when its support is "
            f"withdrawn; it has {has} of {needed}",
        )
    ]


TRANSITIONS: dict[tuple[Status, Status], Guard] = {
    (Status.ASSERTED, Status.AWAITING_CONFIRMATION): opened_or_requested,
    (Status.ASSERTED, Status.CONFIRMED): independent_support,
    (Status.ASSERTED, Status.DISPUTED): contradiction,
    (Status.AWAITING_CONFIRMATION, Status.ASSERTED): nothing_outstanding,
    (Status.AWAITING_CONFIRMATION, Status.CONFIRMED): independent_support,
    (Status.AWAITING_CONFIRMATION, Status.DISPUTED): contradiction,
    (Status.CONFIRMED, Status.AWAITING_CONFIRMATION): automatic_only,
    (Status.CONFIRMED, Status.DISPUTED): substantiated_contradiction,
    (Status.DISPUTED, Status.ASSERTED): nothing_outstanding,
    (Status.DISPUTED, Status.AWAITING_CONFIRMATION): reopened_with_ground,
    (Status.DISPUTED, Status.CONFIRMED): resolved_in_favour,
}
"""Every edge there is.  What is not here is never allowed, not even by an override."""


def grounds(state: ClaimState) -> list[Link]:
    """The links for which a claim is at least awaiting confirmation: requests, and any support."""
    support = [one for one in state.links if one.stance is Stance.SUPPORTS and one.active]
    return [*evidence.requests(state), *support]


def missing_for(state: ClaimState, move: Move) -> list[Missing]:
    """What stands between the claim and `move`: empty where it may be made."""
    guard = TRANSITIONS.get((state.status, move.to))
    if guard is None:
        if state.status is move.to:
            detail = f"the claim is {move.to} already"
        else:
            detail = f"a claim never goes from {state.status} to {move.to}"
        return [Missing("another target status", 0, detail)]
    return guard(state, move) if move.override is None else _explained(move, move.override)


def needs_second_person(move: Move, *, four_eyes: bool) -> bool:
    return four_eyes and (move.to is Status.CONFIRMED or move.override is not None)


# The acts.


def require_open(state: ClaimState) -> None:
    """Raise ClaimMerged or ClaimWithdrawn unless the claim can still change."""
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: change that one.",
            merged_into=state.merged_into,
        )
    if state.lifecycle is Lifecycle.WITHDRAWN:
        raise ClaimWithdrawn("The claimant has withdrawn this claim; its last status is kept.")


def change_status(
    state: ClaimState, move: Move, *, actor: Actor, decision_id: str, four_eyes: bool
) -> Draft:
    """Apply `move`, or propose it where a second person has to agree.

    Raises TransitionRefused (with what is missing), DecisionPending (one proposal at a time),
    Invalid (a cited link that is not an active link of this claim), ClaimMerged, ClaimWithdrawn.
    """
    require_open(state)
    _check_links(state, move)
    _require_guard(state, move)
    if not needs_second_person(move, four_eyes=four_eyes):
        return _changed(state, move, cause=Cause.DECISION, decided_by=actor.name)
    if state.pending is not None:
        raise DecisionPending(
            f"{state.pending.proposed_by_name} has proposed {state.pending.to}: approve, reject "
            "or withdraw that first.",
            decision=state.pending.id,
        )
    proposal = Pending(
        id=decision_id,
        to=move.to,
        reason=move.reason,
        cites=move.cites,
        set_aside=move.set_aside,
        override=move.override,
        proposed_by=actor.id,
        proposed_by_name=actor.name,
    )
    return Draft("decision.proposed", plain(proposal))


def approve(state: ClaimState, decision_id: str, *, actor: Actor, note: str | None) -> Draft:
    """Carry out the waiting decision, if the evidence still allows it.

    Raises SecondPersonNeeded for the proposer, TransitionRefused where a guard no longer holds.
    """
    waiting = _waiting(state, decision_id)
    if waiting.proposed_by == actor.id:
        raise SecondPersonNeeded(
            "You proposed this decision; somebody else has to approve it.", decision=decision_id
        )
    move = Move(waiting.to, waiting.reason, waiting.cites, waiting.set_aside, waiting.override)
    _require_links_still_stand(state, move)
    _require_guard(state, move)
    return _changed(
        state,
        move,
        cause=Cause.DECISION,
        decision=decision_id,
        decided_by=waiting.proposed_by_name,
        approved_by=actor.name,
        approval_note=note,
    )


def reject(state: ClaimState, decision_id: str, *, comment: str) -> Draft:
    """Turn the waiting decision down.  Raises Invalid without a comment that says why."""
    _waiting(state, decision_id)
    if not comment.strip():
        raise Invalid("a rejection needs a comment", loc=("body", "comment"))
    return Draft("decision.rejected", {"decision": decision_id, "comment": comment})


def withdraw_decision(
    state: ClaimState, decision_id: str, *, actor: Actor, reason: str | None
) -> Draft:
    """Take one's own proposal back."""
    if _waiting(state, decision_id).proposed_by != actor.id:
        raise SecondPersonNeeded(
            "Only its proposer may withdraw a decision; others reject it.", decision=decision_id
        )
    return Draft("decision.withdrawn", {"decision": decision_id, "reason": reason})


def automatic_move(
    before: ClaimState, after: ClaimState, *, cause: Cause | None = None
) -> Draft | None:
    """The cautious move that the rules make by themselves after a change, if any.

    asserted → awaiting_confirmation when another root party asks; confirmed →
    awaiting_confirmation when qualifying support falls below what the confirmation took.  Only
    what is new moves a claim: an override in spite of a standing request, or with too little
    support, is not undone by the evidence that the editor already knew.
    """
    if after.lifecycle is not Lifecycle.ACTIVE:
        return None
    if after.status is Status.ASSERTED:
        known = {link.id for link in evidence.requests(before)}
        asked = [link for link in evidence.requests(after) if link.id not in known]
        if not asked:
            return None
        who = ", ".join(dict.fromkeys(link.voice.root_name for link in asked))
        move = Move(
            Status.AWAITING_CONFIRMATION,
            f"{who} asked for confirmation",
            tuple(link.id for link in asked),
        )
        return _changed(after, move, cause=cause or Cause.REQUEST, rule="request")
    if before.status is after.status is Status.CONFIRMED:
        needed = evidence.needed_support(after)
        had = evidence.roots(evidence.qualifying(before))
        has = evidence.roots(evidence.qualifying(after))
        if len(has) >= needed or len(had) < evidence.needed_support(before):
            return None
        lost = [link for link in evidence.qualifying(before) if link.voice.root not in has]
        move = Move(
            Status.AWAITING_CONFIRMATION, "support_withdrawn", tuple(link.id for link in lost)
        )
        return _changed(
            after, move, cause=cause or Cause.SUPPORT_WITHDRAWN, rule="support_withdrawn"
        )
    return None


def reopened_by_amendment(state: ClaimState) -> Draft:
    """A confirmed claim whose wording changed materially is confirmed no longer."""
    move = Move(Status.AWAITING_CONFIRMATION, "the wording was amended materially")
    return _changed(state, move, cause=Cause.AMENDMENT, rule="amendment")


def _changed(
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
        "set_aside": plain(move.set_aside),
        "override": plain(move.override) if move.override else None,
        "decision": decision,
        "decided_by": decided_by,
        "approved_by": approved_by,
        "approval_note": approval_note,
        "sequence": state.sequence + 1,
    }
    return Draft("claim.status_changed", data, rule)


def _require_links_still_stand(state: ClaimState, move: Move) -> None:
    """What a waiting decision rests on may have been retracted or withdrawn since."""
    named = (*move.cites, *(one.link for one in move.set_aside))
    gone = [link for link in state.links if link.id in named and not link.active]
    if gone:
        need = f"{len(set(named))} cited links and contradictions set aside"
        detail = f"needs the links it rests on; retracted or withdrawn since: {_named(gone)}"
        missing = [Missing(need, len(set(named)) - len(gone), detail)]
        raise TransitionRefused(
            f"{state.status} → {move.to}: {detail}.", missing=plain(missing), version=state.version
        )


def _require_guard(state: ClaimState, move: Move) -> None:
    missing = missing_for(state, move)
    if missing:
        raise TransitionRefused(
            f"{state.status} → {move.to}: " + "; ".join(one.detail for one in missing) + ".",
            missing=plain(missing),
            version=state.version,
        )


def _check_links(state: ClaimState, move: Move) -> None:
    for place, cited in (
        ("cites", move.cites),
        ("set_aside", tuple(one.link for one in move.set_aside)),
    ):
        for position, link_id in enumerate(cited):
            link = state.link(link_id)
            loc = ("body", place, position)
            if link is None:
                raise Invalid(f"{link_id} is not a link of this claim", loc=loc)
            if not link.active:
                raise Invalid(f"link {link_id} was retracted or its statement withdrawn", loc=loc)
            if place == "set_aside" and link.stance is not Stance.CONTRADICTS:
                raise Invalid(f"link {link_id} is no contradiction to set aside", loc=loc)
    if move.set_aside and (state.status, move.to) != (Status.DISPUTED, Status.CONFIRMED):
        raise Invalid(
            "contradictions are set aside only in going from disputed to confirmed",
            loc=("body", "set_aside"),
        )


def _waiting(state: ClaimState, decision_id: str) -> Pending:
    require_open(state)
    if state.pending is None or state.pending.id != decision_id:
        raise NotFound("No such decision waits on this claim.")
    return state.pending


def _enough_support(state: ClaimState, needed: int) -> list[Missing]:
    has = len(evidence.roots(evidence.qualifying(state)))
    if has >= needed:
        return []
    statements = "statement" if needed == 1 else "statements"
    parties = "a party" if needed == 1 else f"{needed} independent parties"
    other = f" other than {state.claimant.root_name}" if state.claimant else ""
    need = f"{needed} supporting {statements} from {parties}{other}"
    why = "; ".join(
        f"{_who(link)}: {evidence.disqualified(state, link)}"
        for link in state.links
        if link.stance is Stance.SUPPORTS and evidence.disqualified(state, link) is not None
    )
    return [Missing(need, has, f"needs {need}; has {has}" + (f" ({why})" if why else ""))]


def _still_open(contradictions: Sequence[Link]) -> list[Missing]:
    if not contradictions:
        return []
    return [
        Missing(
            "0 open contradictions",
            len(contradictions),
            f"needs every contradiction withdrawn, retracted or set aside; still open: "
            f"{_named(contradictions)}",
        )
    ]


def _cited(move: Move) -> list[Missing]:
    if move.cites:
        return []
    return [Missing("1 cited link", 0, "needs at least one cited link to rest on")]


def _reasoned(move: Move) -> list[Missing]:
    return [] if move.reason.strip() else [Missing("a reason", 0, "needs a reason")]


def _set_aside_for_a_reason(move: Move) -> list[Missing]:
    bare = [one for one in move.set_aside if not one.reason.strip()]
    if not bare:
        return []
    return [
        Missing(
            "a reason for each contradiction set aside",
            len(move.set_aside) - len(bare),
            "needs a reason for each contradiction set aside",
        )
    ]


def _explained(move: Move, override: Override) -> list[Missing]:
    """An override passes the guards, not the duty to say why: a code and free text."""
    if override.code.strip() and override.note.strip():
        return _reasoned(move)
    detail = "an override needs a reason code and free text"
    return [Missing("a reason code and free text", 0, detail), *_reasoned(move)]


def _no_contradiction(state: ClaimState, need: str, links: Sequence[Link]) -> Missing:
    denials = [link for link in links if link.stance is Stance.CONTRADICTS]
    other = f" from a party other than {state.claimant.root_name}" if state.claimant else ""
    why = "; ".join(f"{_who(link)}: {_not_open(state, link)}" for link in denials)
    return Missing(need + other, 0, f"needs {need}{other}; has 0" + (f" ({why})" if why else ""))


def _not_open(state: ClaimState, link: Link) -> str:
    if link.withdrawn:
        return "the statement was withdrawn"
    if link.retracted:
        return "the link was retracted"
    if not evidence.independent(state, link):
        return "same party as the claimant"
    return "set aside by a decision" if link.set_aside else f"basis is {link.basis}"


def _who(link: Link) -> str:
    return link.voice.speaker.name if link.voice.speaker else link.voice.name


def _named(links: Sequence[Link]) -> str:
    return ", ".join(f"{_who(link)} ({link.stance})" for link in links)
