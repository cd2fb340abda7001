"""What the links say: qualifying support, open contradictions, requests, and the suggestion.

Everything here is a pure function of a claim's active links.  Parties are counted by root: three
Serbian voices are one party, and ten outlets with one quote are one statement.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from service.domain.claims import Basis, ClaimState, Kind, Link, Scope, Stance, Status

QUALIFYING_BASES = frozenset({Basis.OWN_OBSERVATION, Basis.DOCUMENTS})


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of the trace: a link, whether the rules counted it, and why (not)."""

    link: Link
    counted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The status that the rules derive from the links now.

    `support` lists the root parties that qualify, of which `needed_parties` are needed.
    """

    status: Status
    trace: tuple[TraceLine, ...]
    support: tuple[str, ...]
    needed_parties: int
    contradictions: tuple[Link, ...] = field(default=())
    confirmation_requests: tuple[Link, ...] = field(default=())


def is_independent(state: ClaimState, link: Link) -> bool:
    """Whether the link's root party is another than the claimant's.

    An unattributed claim has no claimant to depend on: every party is independent of nobody.
    """
    return state.claimant is None or link.voice.root != state.claimant.root


def explain_disqualification(state: ClaimState, link: Link) -> str | None:
    """Why this support does not qualify, or None if it does."""
    if link.withdrawn:
        return "the statement was withdrawn"
    if link.retracted:
        return "the link was retracted"
    if not is_independent(state, link):
        return "same party as the claimant"
    if link.conflicting:
        return "it came with a merged claim and has not been weighed here; affirm the link"
    if not link.affirmed:
        return "the wording has changed since; affirm the link"
    if link.conditional:
        return "conditional"
    if link.scope is Scope.PARTIAL:
        return "supports only part of the claim"
    if link.basis not in QUALIFYING_BASES:
        return f"basis is {link.basis}, not own_observation or documents"
    return None


def list_qualifying_support(state: ClaimState) -> list[Link]:
    """The links that give qualifying support (docs/rules.md, "What counts as evidence")."""
    return [
        link
        for link in state.links
        if link.stance is Stance.SUPPORTS and explain_disqualification(state, link) is None
    ]


def list_roots(links: Iterable[Link]) -> tuple[str, ...]:
    """The distinct root parties of `links`, in order of first appearance."""
    return tuple(dict.fromkeys(link.voice.root for link in links))


def list_active_by_others(state: ClaimState, stance: Stance) -> list[Link]:
    """The active links by other root parties with `stance`: where those parties stand.

    An amended wording or a merge does not lift a contradiction: caution outlives doubt.
    """
    # Spelled out, as `Link.active` and `independent` say it: claims have thousands of links.
    own = state.claimant.root if state.claimant else None
    return [
        link
        for link in state.links
        if link.stance is stance
        and not (link.retracted or link.withdrawn)
        and link.voice.root != own
    ]


def list_open_contradictions(state: ClaimState) -> list[Link]:
    """Standing contradictions that no decision has set aside."""
    return [link for link in list_active_by_others(state, Stance.CONTRADICTS) if not link.set_aside]


def list_requests(state: ClaimState) -> list[Link]:
    """Active requests for confirmation by other root parties."""
    return list_active_by_others(state, Stance.REQUESTS_CONFIRMATION)


def count_needed_support(state: ClaimState, *, setting_aside: bool = False) -> int:
    """k: one independent root party, two for a figure, two wherever a contradiction is set
    aside."""
    k = 2 if state.kind is Kind.FIGURE else 1
    if setting_aside or any(
        link.set_aside for link in list_active_by_others(state, Stance.CONTRADICTS)
    ):
        return max(k, 2)
    return k


def list_unqualified_support(state: ClaimState) -> list[Link]:
    """Active support that does not qualify: partial, conditional, dependent or without basis."""
    return [
        link
        for link in state.links
        if link.stance is Stance.SUPPORTS
        and link.is_active
        and explain_disqualification(state, link) is not None
    ]


def suggest_status(state: ClaimState, *, explain: bool = True) -> Suggestion:
    """The status the links suggest (docs/rules.md, "Suggestion"), with its trace if `explain`."""
    support = list_qualifying_support(state)
    contradictions = list_open_contradictions(state)
    asked = list_requests(state)
    needed = count_needed_support(state)
    roots_supporting = list_roots(support)
    if contradictions:
        status = Status.DISPUTED
    elif len(roots_supporting) >= needed:
        status = Status.CONFIRMED
    elif asked or support or list_unqualified_support(state) or state.verification_opened:
        status = Status.AWAITING_CONFIRMATION
    else:
        status = Status.ASSERTED
    return Suggestion(
        status=status,
        trace=tuple(_explain(state, link) for link in state.links) if explain else (),
        support=roots_supporting,
        needed_parties=needed,
        contradictions=tuple(contradictions),
        confirmation_requests=tuple(asked),
    )


def is_as_suggested(state: ClaimState, suggestion: Suggestion) -> bool:
    """Whether the status is what its links suggest; where not, the claim is under review.

    An imported status rests on no links of this desk.  Until one is recorded, nothing here speaks
    against it, and there is nothing to review.
    """
    if state.imported is not None and not any(link.is_active for link in state.links):
        return True
    return suggestion.status is state.status


def _explain(state: ClaimState, link: Link) -> TraceLine:
    if link.stance is Stance.SUPPORTS:
        why = explain_disqualification(state, link)
        if why is None:
            return TraceLine(link, True, "independent, unconditional support for the whole claim")
        return TraceLine(link, False, why)
    if link.stance is Stance.COMMENTS:
        return TraceLine(link, False, "a comment neither supports nor contradicts")
    if link.withdrawn:
        return TraceLine(link, False, "the statement was withdrawn")
    if link.retracted:
        return TraceLine(link, False, "the link was retracted")
    if not is_independent(state, link):
        return TraceLine(link, False, "same party as the claimant")
    if link.stance is Stance.REQUESTS_CONFIRMATION:
        return TraceLine(link, True, "another party asks for confirmation")
    if link.set_aside:
        return TraceLine(link, False, "set aside by a decision")
    return TraceLine(link, True, "another party contradicts the claim")
