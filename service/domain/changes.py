"""Changes beside the status that may take a second person: findings, and whatever changes what is
printed of a claim that two people vouch for.

A `Change` holds the drafts of the events that it records.  `submit_change` returns these drafts if
one person may make the change, or the draft of a proposal if two must agree.  That depends on what
the change does to the printed fields of the claim (`printed.list_fields_to_agree_on`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.domain import evidence, guards, lifecycle, printed, proposals
from service.domain.access import Actor
from service.domain.claims import (
    Cause,
    ClaimState,
    DecisionKind,
    Finding,
    Link,
    Pending,
    Stance,
    Status,
)
from service.domain.errors import Invalid, TransitionRefused
from service.domain.guards import Missing
from service.domain.history import Draft, make_plain


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants recorded on a claim.

    `asked` is what a proposal keeps of it, from which `drafts` are worked out again on approval.
    """

    kind: DecisionKind
    drafts: tuple[Draft, ...]
    asked: Mapping[str, Any]
    reason: str
    cites: tuple[str, ...] = ()
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class FindingRequest:
    """A finding that somebody wants, why, and the links that it rests on."""

    finding: Finding | None
    reason: str
    cites: tuple[str, ...] = ()


def submit_change(
    state: ClaimState, change: Change, *, four_eyes: bool, actor: Actor, decision_id: str
) -> list[Draft]:
    """What is recorded: the change itself, or the proposal of it where a second person has to
    agree.

    Raises DecisionPending where another proposal waits that may still be approved.
    """
    if not (four_eyes and needs_second_person(state, change)):
        return list(change.drafts)
    lapsed = proposals.draft_lapse_if_outdated(state)
    room = lifecycle.predict_outcome(state, lapsed)
    outcome = lifecycle.predict_outcome(room, change.drafts, cause=change.cause)
    proposal = Pending(
        id=decision_id,
        to=outcome.status,
        reason=change.reason,
        cites=change.cites,
        set_aside=(),
        override=None,
        proposed_by=actor.id,
        proposed_by_name=actor.name,
        proposed_through=actor.made_by,
        kind=change.kind,
        change=change.asked,
    )
    return [*lapsed, proposals.draft_proposal(room, proposal, outcome)]


def needs_second_person(state: ClaimState, change: Change) -> bool:
    """A finding always does; every other change where it alters what two people vouch for."""
    if change.kind is DecisionKind.FINDING:
        return True
    if not printed.is_vouched_for(state):
        return False
    outcome = lifecycle.predict_outcome(state, change.drafts, cause=change.cause)
    return bool(printed.list_fields_to_agree_on(state, outcome))


def approve_change(
    state: ClaimState, decision_id: str, change: Change, *, actor: Actor, note: str | None
) -> list[Draft]:
    """Carry out a proposed change, worked out anew as `change` from what it asked for.

    Raises what `proposals.require_approvable_proposal` does, and DecisionOutdated if the claim
    would print otherwise than the proposer saw.
    """
    waiting = proposals.require_approvable_proposal(state, decision_id, actor=actor)
    approved = proposals.draft_approval(waiting, actor=actor, note=note)
    drafts = [approved, *(_name_deciders(draft, approved) for draft in change.drafts)]
    outcome = lifecycle.predict_outcome(state, drafts, cause=change.cause)
    proposals.require_same_outcome(state, waiting, outcome)
    return drafts


def _name_deciders(draft: Draft, approved: Draft) -> Draft:
    """A finding and a change of status say themselves who agreed to them: they are read alone."""
    if draft.type not in ("finding.changed", "claim.status_changed"):
        return draft
    named = ("decision", "decided_by", "approved_by", "approval_note")
    return replace(draft, data=draft.data | {name: approved.data[name] for name in named})


# Findings.


def change_finding(
    state: ClaimState, ask: FindingRequest, *, decided_by: str | None = None
) -> Change:
    """What the desk concludes beyond the status, or that it concludes nothing any more.

    What is confirmed is no longer so once it is found refuted or the evidence conflicting: nobody
    prints both in one line.  Raises TransitionRefused with what is missing, Invalid for what is no
    link that stands.
    """
    proposals.require_open_claim(state)
    for position, link_id in enumerate(ask.cites):
        link = state.link(link_id)
        loc = ("body", "cites", position)
        if link is None:
            raise Invalid(f"{link_id} is not a link of this claim", loc=loc)
        if not link.is_active:
            raise Invalid(f"link {link_id} was retracted or its statement withdrawn", loc=loc)
    missing = list_missing(state, ask)
    if missing:
        name = ask.finding.value if ask.finding else "no finding"
        raise TransitionRefused(
            f"{name}: " + "; ".join(one.detail for one in missing) + ".",
            missing=make_plain(missing),
            version=state.version,
        )
    draft = Draft(
        "finding.changed",
        {
            "previous": state.finding.value if state.finding else None,
            "finding": ask.finding.value if ask.finding else None,
            "reason": ask.reason,
            "cites": list(ask.cites),
            "decision": None,
            "decided_by": decided_by,
            "approved_by": None,
            "approval_note": None,
        },
    )
    asked = {"finding": ask.finding.value if ask.finding else None}
    drafts = [draft]
    if state.status is Status.CONFIRMED and ask.finding is not None:
        against = [one.id for one in list_refuting(state) if one.id in ask.cites]
        drafts.insert(
            0,
            lifecycle.draft_dispute(state, reason=ask.reason, cites=against, decided_by=decided_by),
        )
    return Change(DecisionKind.FINDING, tuple(drafts), asked, ask.reason, ask.cites)


def list_missing(state: ClaimState, ask: FindingRequest) -> list[Missing]:
    """What stands between the claim and the finding: empty where it may be made."""
    if ask.finding is state.finding:
        words = f"it is found {ask.finding} already" if ask.finding else "nothing is found about it"
        return [Missing("another finding", 0, words)]
    return [*FINDINGS[ask.finding](state, ask), *guards.require_reason(ask.reason)]


def list_refuting(state: ClaimState) -> list[Link]:
    """The contradictions by independent parties that say what they know it from."""
    return [
        link
        for link in evidence.list_open_contradictions(state)
        if link.basis in evidence.QUALIFYING_BASES
    ]


def _refuted(state: ClaimState, ask: FindingRequest) -> list[Missing]:
    return [
        *_require_refuting(state),
        *_require_cited(state, ask, list_refuting(state), frozenset({Stance.CONTRADICTS})),
    ]


def _conflicting(state: ClaimState, ask: FindingRequest) -> list[Missing]:
    support = evidence.list_qualifying_support(state)
    missing = _require_refuting(state)
    if not support:
        need = "1 supporting statement that counts"
        missing.append(Missing(need, 0, f"needs {need} beside it; has 0"))
    stances = frozenset({Stance.CONTRADICTS, Stance.SUPPORTS})
    return [*missing, *_require_cited(state, ask, [*list_refuting(state), *support], stances)]


def _unprovable(state: ClaimState, ask: FindingRequest) -> list[Missing]:
    if state.status is not Status.CONFIRMED:
        return []
    detail = "a confirmed claim is not unprovable: its support has to fall first"
    return [Missing("a claim that is not confirmed", 0, detail)]


def _require_nothing(state: ClaimState, ask: FindingRequest) -> list[Missing]:
    return []


FINDINGS: dict[Finding | None, Callable[[ClaimState, FindingRequest], list[Missing]]] = {
    Finding.REFUTED: _refuted,
    Finding.CONFLICTING: _conflicting,
    Finding.UNPROVABLE: _unprovable,
    None: _require_nothing,
}
"""What each finding rests on, beside its reason and the second person that all of them take."""


def _require_refuting(state: ClaimState) -> list[Missing]:
    if list_refuting(state):
        return []
    other = f" other than {state.claimant.root_name}" if state.claimant else ""
    need = f"1 contradicting statement from a party{other} with basis own_observation or documents"
    why = "; ".join(
        f"{guards.name_voice(link)}: basis is {link.basis}"
        for link in evidence.list_open_contradictions(state)
    )
    return [Missing(need, 0, f"needs {need}; has 0" + (f" ({why})" if why else ""))]


def _require_cited(
    state: ClaimState, ask: FindingRequest, fitting: Sequence[Link], stances: frozenset[Stance]
) -> list[Missing]:
    cited = [link for link in state.links if link.id in ask.cites]
    unfit = [link for link in cited if link.stance not in stances]
    missing = []
    if unfit:
        missing.append(
            Missing(
                f"only cited links that speak for {ask.finding}",
                len(cited) - len(unfit),
                f"cites what does not speak for {ask.finding}: {guards.name_links(unfit)}",
            )
        )
    if fitting and not any(link in fitting for link in cited):
        detail = f"needs at least one cited statement that shows it {ask.finding}"
        missing.append(Missing("1 cited link", 0, detail))
    return missing
