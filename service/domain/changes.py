"""Changes other than of the status that may need a second person.

These are findings, and changes of what is printed of a claim that two people have agreed to.

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
    Lifecycle,
    Link,
    Pending,
    Stance,
    Status,
)
from service.domain.errors import Invalid, TransitionRefused
from service.domain.guards import Missing
from service.domain.history import Draft
from service.domain.plain_data import make_plain


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to record on a claim.

    A proposal keeps `request`, from which `drafts` are derived again on approval.
    """

    kind: DecisionKind
    drafts: tuple[Draft, ...]
    request: Mapping[str, Any]
    reason: str
    cites: tuple[str, ...] = ()
    cause: Cause | None = None
    since: ClaimState | None = None
    """What the rules weigh the outcome against, where that is not the claim as it is: what it was
    when it was closed."""
    prints_elsewhere: bool = False
    """Whether another claim prints again what two people agreed to."""


@dataclass(frozen=True, slots=True)
class FindingRequest:
    """A finding that somebody asks for, why, and the links that it rests on."""

    finding: Finding | None
    reason: str
    cites: tuple[str, ...] = ()


def submit_change(
    state: ClaimState, change: Change, *, four_eyes: bool, actor: Actor, decision_id: str
) -> list[Draft]:
    """Return the drafts to record: of the change, or of its proposal if a second person is needed.

    Raises DecisionPending if another proposal waits that may still be approved.
    """
    if not (four_eyes and needs_second_person(state, change)):
        return list(change.drafts)
    lapses = proposals.draft_lapse_if_outdated(state)
    without_proposal = lifecycle.predict_outcome(state, lapses)
    outcome = _predict_outcome(without_proposal, change)
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
        change=change.request,
    )
    return [*lapses, proposals.draft_proposal(without_proposal, proposal, outcome)]


def needs_second_person(state: ClaimState, change: Change) -> bool:
    """Say whether it is a finding, or changes what two people have agreed to, or prints that
    again."""
    if change.kind is DecisionKind.FINDING or change.prints_elsewhere:
        return True
    if state.lifecycle is Lifecycle.VOID:
        return printed.has_agreement(_predict_outcome(state, change))
    if not printed.has_agreement(state):
        return False
    return bool(printed.list_fields_to_agree_on(state, _predict_outcome(state, change)))


def _predict_outcome(state: ClaimState, change: Change) -> ClaimState:
    return lifecycle.predict_outcome(state, change.drafts, cause=change.cause, since=change.since)


def approve_change(
    state: ClaimState, decision_id: str, change: Change, *, actor: Actor, note: str | None
) -> list[Draft]:
    """Return the drafts that carry out a proposed change.

    `change` was derived again from the request that the proposal keeps.

    Raises what `proposals.require_approvable_proposal` does, and DecisionOutdated if the claim
    would print otherwise than the proposer saw.
    """
    waiting = proposals.require_approvable_proposal(state, decision_id, actor=actor)
    approval = proposals.draft_approval(waiting, actor=actor, note=note)
    drafts = [approval, *(_name_deciders(draft, approval) for draft in change.drafts)]
    outcome = lifecycle.predict_outcome(state, drafts, cause=change.cause, since=change.since)
    proposals.require_same_outcome(state, waiting, outcome)
    return drafts


def _name_deciders(draft: Draft, approval: Draft) -> Draft:
    """Add who agreed to a finding or a change of status: these events are read by themselves."""
    if draft.type not in ("finding.changed", "claim.status_changed"):
        return draft
    names = ("decision", "decided_by", "approved_by", "approval_note")
    return replace(draft, data=draft.data | {name: approval.data[name] for name in names})


def change_finding(
    state: ClaimState, request: FindingRequest, *, decided_by: str | None = None
) -> Change:
    """Return the change that makes a finding, or ends the present one.

    A confirmed claim becomes disputed by a finding: no line prints both.  Raises TransitionRefused
    with what is missing, Invalid for a cited link that is not an active link of this claim.
    """
    proposals.require_open_claim(state)
    for position, link_id in enumerate(request.cites):
        link = state.find_link(link_id)
        loc = ("body", "cites", position)
        if link is None:
            raise Invalid(f"{link_id} is not a link of this claim", loc=loc)
        if not link.is_active:
            raise Invalid(f"link {link_id} was retracted or its statement withdrawn", loc=loc)
    finding = request.finding.value if request.finding else None
    missing = list_missing(state, request)
    if missing:
        raise TransitionRefused(
            f"{finding or 'no finding'}: " + "; ".join(lacking.detail for lacking in missing) + ".",
            missing=make_plain(missing),
            version=state.version,
        )
    draft = Draft(
        "finding.changed",
        {
            "previous": state.finding.value if state.finding else None,
            "finding": finding,
            "reason": request.reason,
            "cites": list(request.cites),
            "decision": None,
            "decided_by": decided_by,
            "approved_by": None,
            "approval_note": None,
        },
    )
    drafts = [draft]
    if state.status is Status.CONFIRMED and request.finding is not None:
        denials = [lacking.id for lacking in list_refuting(state) if lacking.id in request.cites]
        drafts.insert(
            0,
            lifecycle.draft_dispute(
                state, reason=request.reason, cites=denials, decided_by=decided_by
            ),
        )
    return Change(
        DecisionKind.FINDING, tuple(drafts), {"finding": finding}, request.reason, request.cites
    )


def list_missing(state: ClaimState, request: FindingRequest) -> list[Missing]:
    """Return what is missing for the finding: nothing if it may be made."""
    if request.finding is state.finding:
        words = (
            f"it is found {request.finding} already"
            if request.finding
            else "nothing is found about it"
        )
        return [Missing("another finding", 0, words)]
    return [*FINDINGS[request.finding](state, request), *guards.require_reason(request.reason)]


def list_refuting(state: ClaimState) -> list[Link]:
    """Return the open contradictions by parties that saw it themselves or have documents."""
    return [
        link
        for link in evidence.list_open_contradictions(state)
        if link.basis in evidence.QUALIFYING_BASES
    ]


def _require_refutation(state: ClaimState, request: FindingRequest) -> list[Missing]:
    return [
        *_require_contradiction(state),
        *_require_cited(state, request, list_refuting(state), frozenset({Stance.CONTRADICTS})),
    ]


def _require_conflict(state: ClaimState, request: FindingRequest) -> list[Missing]:
    support = evidence.list_qualifying_support(state)
    missing = _require_contradiction(state)
    if not support:
        need = "1 supporting statement that counts"
        missing.append(Missing(need, 0, f"needs {need} beside it; has 0"))
    stances = frozenset({Stance.CONTRADICTS, Stance.SUPPORTS})
    return [*missing, *_require_cited(state, request, [*list_refuting(state), *support], stances)]


def _require_unconfirmed(state: ClaimState, request: FindingRequest) -> list[Missing]:
    if state.status is not Status.CONFIRMED:
        return []
    detail = "a confirmed claim is not unprovable: its support has to fall first"
    return [Missing("a claim that is not confirmed", 0, detail)]


def _require_nothing(state: ClaimState, request: FindingRequest) -> list[Missing]:
    return []


FINDINGS: dict[Finding | None, Callable[[ClaimState, FindingRequest], list[Missing]]] = {
    Finding.REFUTED: _require_refutation,
    Finding.CONFLICTING: _require_conflict,
    Finding.UNPROVABLE: _require_unconfirmed,
    None: _require_nothing,
}
"""What each finding requires besides a reason."""


def _require_contradiction(state: ClaimState) -> list[Missing]:
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
    state: ClaimState, request: FindingRequest, fitting: Sequence[Link], stances: frozenset[Stance]
) -> list[Missing]:
    cited_links = [link for link in state.links if link.id in request.cites]
    unfit = [link for link in cited_links if link.stance not in stances]
    missing = []
    if unfit:
        missing.append(
            Missing(
                f"only cited links that speak for {request.finding}",
                len(cited_links) - len(unfit),
                f"cites what does not speak for {request.finding}: {guards.name_links(unfit)}",
            )
        )
    if fitting and not any(link in fitting for link in cited_links):
        detail = f"needs at least one cited statement that shows it {request.finding}"
        missing.append(Missing("1 cited link", 0, detail))
    return missing
