"""Weighs links: qualifying support, open contradictions, requests, and the suggested status.

Everything here is a pure function of a claim's links.  Parties are counted by root: three Serbian
voices are one party, and ten outlets with one quote are one statement.  A source that is not named
is no party, and counts for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from service.domain.claims import (
    Basis,
    ClaimState,
    Kind,
    Lifecycle,
    Link,
    Scope,
    Stance,
    Status,
    Unnamed,
    Voice,
)

TAKEN_STANCES = (Stance.SUPPORTS, Stance.CONTRADICTS, Stance.REQUESTS_CONFIRMATION)
"""The stances other than a comment, in the order in which a claim's evidence lists them."""
QUALIFYING_BASES = frozenset({Basis.OWN_OBSERVATION, Basis.DOCUMENTS})


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A line of a suggestion's trace: a link, whether the rules count it, and why (not)."""

    link: Link
    counted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The status that the rules derive from the links.

    `support` lists the root parties that qualify, of which `needed_parties` are needed.
    """

    status: Status
    trace: tuple[TraceLine, ...]
    support: tuple[str, ...]
    needed_parties: int
    contradictions: tuple[Link, ...] = field(default=())
    confirmation_requests: tuple[Link, ...] = field(default=())


def is_independent(state: ClaimState, link: Link) -> bool:
    """Say whether the link is of another root party than the claimant's.

    An unattributed claim has no claimant, so every party is independent of it.
    """
    return link.root is not None and (state.claimant is None or link.root != state.claimant.root)


def explain_exclusion(state: ClaimState, link: Link) -> str | None:
    """Say why the rules leave a link out of account whatever its stance; None if they do not."""
    if link.statement_void:
        return "the statement was recorded by mistake"
    if link.void:
        return "the link was recorded by mistake"
    if link.withdrawn:
        return "the statement was withdrawn"
    if link.retracted:
        return "the link was retracted"
    if isinstance(link.voice, Unnamed):
        return "an unnamed source does not count on its own"
    return None if is_independent(state, link) else "same party as the claimant"


def explain_disqualification(state: ClaimState, link: Link) -> str | None:
    """Say why this support does not qualify; None if it does."""
    if (exclusion := explain_exclusion(state, link)) is not None:
        return exclusion
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
    """Return the links that give qualifying support (docs/rules.md, "What counts as evidence")."""
    return [
        link
        for link in state.links
        if link.stance is Stance.SUPPORTS and explain_disqualification(state, link) is None
    ]


def list_roots(links: Iterable[Link]) -> tuple[str, ...]:
    """Return the distinct root parties of `links`, in order of first appearance."""
    return tuple(dict.fromkeys(link.root for link in links if link.root is not None))


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
        and not (link.retracted or link.withdrawn or link.void or link.statement_void)
        and isinstance(link.voice, Voice)
        and link.voice.root != own
    ]


def list_unnamed(state: ClaimState, *stances: Stance) -> list[Link]:
    """Return the active links of sources that are not named, with one of `stances`."""
    return [
        link
        for link in state.links
        if link.stance in stances and link.is_active and isinstance(link.voice, Unnamed)
    ]


def list_open_contradictions(state: ClaimState) -> list[Link]:
    """Return the active contradictions by others that no decision has set aside."""
    return [link for link in list_active_by_others(state, Stance.CONTRADICTS) if not link.set_aside]


def list_requests(state: ClaimState) -> list[Link]:
    """Return the active requests for confirmation by other root parties."""
    return list_active_by_others(state, Stance.REQUESTS_CONFIRMATION)


def count_needed_support(state: ClaimState, *, setting_aside: bool = False) -> int:
    """Return how many independent root parties a confirmation needs.

    It is one; two for a figure, and two if a contradiction is set aside.
    """
    if state.kind is Kind.FIGURE or setting_aside:
        return 2
    contradictions = list_active_by_others(state, Stance.CONTRADICTS)
    return 2 if any(link.set_aside for link in contradictions) else 1


def list_unqualified_support(state: ClaimState) -> list[Link]:
    """Return the active support that does not qualify: partial, conditional, dependent …"""
    return [
        link
        for link in state.links
        if link.stance is Stance.SUPPORTS
        and link.is_active
        and link.root is not None
        and explain_disqualification(state, link) is not None
    ]


def list_partial_support(state: ClaimState) -> list[Link]:
    """Return the links by which other parties support part of the claim, without a condition."""
    return [
        link
        for link in list_active_by_others(state, Stance.SUPPORTS)
        if link.scope is Scope.PARTIAL
        and link.affirmed
        and not (link.conflicting or link.conditional)
        and link.basis is not Basis.RESTATES_CLAIMANT
    ]


def suggest_status(state: ClaimState, *, explain: bool = True) -> Suggestion:
    """Return the status that the links suggest, with its trace if `explain`.

    It is described in docs/rules.md, "Suggestion".
    """
    support = list_qualifying_support(state)
    contradictions = list_open_contradictions(state)
    requests = list_requests(state)
    needed_support = count_needed_support(state)
    roots_supporting = list_roots(support)
    if contradictions:
        status = Status.DISPUTED
    elif len(roots_supporting) >= needed_support:
        status = Status.CONFIRMED
    elif requests or support or list_unqualified_support(state) or state.verification_opened:
        status = Status.AWAITING_CONFIRMATION
    else:
        status = Status.ASSERTED
    return Suggestion(
        status=status,
        trace=tuple(_explain(state, link) for link in state.links) if explain else (),
        support=roots_supporting,
        needed_parties=needed_support,
        contradictions=tuple(contradictions),
        confirmation_requests=tuple(requests),
    )


def is_as_suggested(state: ClaimState, suggestion: Suggestion) -> bool:
    """Say whether the status is the suggested one; if not, the claim is under review.

    An imported status rests on no links of this desk.  Until one is recorded, there is nothing to
    review.
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
    if (exclusion := explain_exclusion(state, link)) is not None:
        return TraceLine(link, False, exclusion)
    if link.stance is Stance.REQUESTS_CONFIRMATION:
        return TraceLine(link, True, "another party asks for confirmation")
    if link.set_aside:
        return TraceLine(link, False, "set aside by a decision")
    return TraceLine(link, True, "another party contradicts the claim")


def is_challenged(state: ClaimState) -> bool:
    """Say whether somebody contradicts a claim whose status does not say so.

    That is an open contradiction of a confirmed claim, or that of a source that is not named.
    """
    if state.lifecycle is not Lifecycle.ACTIVE or state.status is Status.DISPUTED:
        return False
    return bool(
        (state.status is Status.CONFIRMED and list_open_contradictions(state))
        or list_unnamed(state, Stance.CONTRADICTS)
    )
