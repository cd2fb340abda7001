"""What the links suggest: who counts, who does not, and that the trace says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import evidence, guards, lifecycle
from service.domain.claims import Basis, ClaimState, Kind, Link, Scope, Stance, Status, Voice
from service.domain.guards import Move
from tests.domain.builders import (
    ARMY,
    ASSERTED,
    AWAITING,
    BELGRADE,
    CONFIRMED,
    DISPUTED,
    MILLER,
    NATO,
    POLICE,
    PRISTINA,
    VUCEVIC,
    WASHINGTON,
    build_claim,
    build_comment,
    build_contradiction,
    build_link,
    build_request,
    build_support,
    move,
    set_aside,
)

COUNTS = "independent, unconditional support for the whole claim"
DISQUALIFIED: list[tuple[Any, dict[str, Any], str]] = [
    (WASHINGTON, {"withdrawn": True}, "the statement was withdrawn"),
    (WASHINGTON, {"retracted": True}, "the link was retracted"),
    (BELGRADE, {}, "same party as the claimant"),
    (ARMY, {}, "same party as the claimant"),
    (
        WASHINGTON,
        {"conflicting": True},
        "it came with a merged claim and has not been weighed here; affirm the link",
    ),
    (WASHINGTON, {"affirmed": False}, "the wording has changed since; affirm the link"),
    (WASHINGTON, {"conditional": True}, "conditional"),
    (WASHINGTON, {"scope": Scope.PARTIAL}, "supports only part of the claim"),
    *(
        (
            WASHINGTON,
            {"basis": basis},
            f"basis is {basis.value}, not own_observation or documents",
        )
        for basis in (Basis.THIRD_PARTY, Basis.RESTATES_CLAIMANT, Basis.UNSTATED)
    ),
]


@pytest.mark.parametrize("basis", [Basis.OWN_OBSERVATION, Basis.DOCUMENTS])
def test_own_observation_and_documents_qualify(basis: Basis) -> None:
    """Full, unconditional support by another root party on either basis confirms an event."""
    suggestion = evidence.suggest_status(build_claim(build_support(MILLER, basis=basis)))
    assert suggestion.status is CONFIRMED
    assert suggestion.support == ("washington",)
    assert suggestion.needed_parties == 1
    assert [(line.counted, line.why) for line in suggestion.trace] == [(True, COUNTS)]


@pytest.mark.parametrize(("voice", "changes", "reason"), DISQUALIFIED)
def test_each_disqualifier_alone_is_enough(
    voice: Voice, changes: dict[str, Any], reason: str
) -> None:
    """Support that fails one condition counts for nothing, and the trace names the condition."""
    support = build_support(voice, **changes)
    suggestion = evidence.suggest_status(build_claim(support))
    assert [(entry.link, entry.counted, entry.why) for entry in suggestion.trace] == [
        (support, False, reason)
    ]
    assert suggestion.support == ()
    # Taken back, it is as if never given; otherwise it is partial or dependent support.
    assert suggestion.status is (AWAITING if support.is_active else ASSERTED)


@pytest.mark.parametrize(
    ("link_tried", "is_counted", "reason"),
    [
        (build_comment(), False, "a comment neither supports nor contradicts"),
        (build_comment(withdrawn=True), False, "a comment neither supports nor contradicts"),
        (build_contradiction(), True, "another party contradicts the claim"),
        (build_contradiction(basis=Basis.UNSTATED), True, "another party contradicts the claim"),
        (build_contradiction(affirmed=False), True, "another party contradicts the claim"),
        (build_contradiction(conflicting=True), True, "another party contradicts the claim"),
        (build_contradiction(set_aside=True), False, "set aside by a decision"),
        (build_contradiction(withdrawn=True), False, "the statement was withdrawn"),
        (build_contradiction(retracted=True), False, "the link was retracted"),
        (build_contradiction(ARMY), False, "same party as the claimant"),
        (build_request(), True, "another party asks for confirmation"),
        (build_request(MILLER, conditional=True), True, "another party asks for confirmation"),
        (build_request(withdrawn=True), False, "the statement was withdrawn"),
        (build_request(retracted=True), False, "the link was retracted"),
        (build_request(VUCEVIC), False, "same party as the claimant"),
    ],
)
def test_the_trace_explains_every_stance(link_tried: Link, is_counted: bool, reason: str) -> None:
    """Each link appears once, counted or not, with the reason; what counts decides the status."""
    suggestion = evidence.suggest_status(build_claim(link_tried))
    assert [(entry.counted, entry.why) for entry in suggestion.trace] == [(is_counted, reason)]
    if not is_counted:
        assert suggestion.status is ASSERTED
    elif link_tried.stance is Stance.CONTRADICTS:
        assert suggestion.status is DISPUTED
        assert suggestion.contradictions == (link_tried,)
    else:
        assert suggestion.status is AWAITING
        assert suggestion.confirmation_requests == (link_tried,)


def test_an_untouched_claim_is_asserted() -> None:
    """Without links there is nothing to trace, and one party would confirm it."""
    assert evidence.suggest_status(build_claim()) == evidence.Suggestion(ASSERTED, (), (), 1)


def test_opened_verification_awaits_without_links() -> None:
    """A checker's own doubt is ground enough."""
    assert evidence.suggest_status(build_claim(verification_opened=True)).status is AWAITING


def test_a_contradiction_outweighs_any_support() -> None:
    """However many confirm it, a claim that another party contradicts is disputed."""
    state = build_claim(
        build_support(), build_support(NATO), build_request(), build_contradiction(PRISTINA)
    )
    assert evidence.suggest_status(state).status is DISPUTED


def test_roots_are_counted_not_statements() -> None:
    """Ten statements of one party, its ministries included, are one party."""
    ten = [build_support(WASHINGTON if number % 2 else MILLER) for number in range(10)]
    suggestion = evidence.suggest_status(build_claim(*ten, kind=Kind.FIGURE))
    assert suggestion.support == ("washington",)
    assert suggestion.needed_parties == 2
    assert suggestion.status is AWAITING
    with_nato = evidence.suggest_status(build_claim(*ten, build_support(NATO), kind=Kind.FIGURE))
    assert with_nato.support == ("washington", "nato")
    assert with_nato.status is CONFIRMED


def test_three_serbian_voices_are_one_party() -> None:
    """Officials repeating their own government's claim add nothing, whatever their office."""
    state = build_claim(build_support(BELGRADE), build_support(VUCEVIC), build_support(ARMY))
    suggestion = evidence.suggest_status(state)
    assert suggestion.support == ()
    assert {line.why for line in suggestion.trace} == {"same party as the claimant"}


def test_a_police_force_does_not_confirm_its_own_government() -> None:
    """C7 of the seed article: Kosovo Police "confirmed" what Pristina claims; same root."""
    state = build_claim(build_support(POLICE, basis=Basis.DOCUMENTS), claimant=PRISTINA)
    assert evidence.suggest_status(state).status is not CONFIRMED


@pytest.mark.parametrize(
    ("links", "kind", "expected"),
    [
        ((), Kind.EVENT, 1),
        ((), Kind.POSITION, 1),
        ((), Kind.FIGURE, 2),
        ((build_contradiction(),), Kind.EVENT, 1),
        ((build_contradiction(set_aside=True),), Kind.EVENT, 2),
        ((build_contradiction(set_aside=True),), Kind.FIGURE, 2),
        ((build_contradiction(set_aside=True, withdrawn=True),), Kind.EVENT, 1),
        ((build_contradiction(ARMY, set_aside=True),), Kind.EVENT, 1),
    ],
)
def test_figure_and_set_aside_contradiction_need_two_parties(
    links: tuple[Link, ...], kind: Kind, expected: int
) -> None:
    """One; two for a figure, and wherever a contradiction that still stands was set aside."""
    assert evidence.count_needed_support(build_claim(*links, kind=kind)) == expected
    assert evidence.count_needed_support(build_claim(*links, kind=kind), setting_aside=True) == 2


# Over any set of links.

VOICES = (BELGRADE, ARMY, WASHINGTON, MILLER, PRISTINA, POLICE, NATO)


@st.composite
def draw_link(draw: st.DrawFn) -> Link:
    flags = {
        name: draw(st.booleans()) if draw(st.integers(0, 3)) == 0 else name == "affirmed"
        for name in ("conditional", "affirmed", "retracted", "withdrawn", "conflicting")
    }
    return build_link(
        draw(st.sampled_from(Stance)),
        draw(st.sampled_from(VOICES)),
        scope=draw(st.sampled_from(Scope)),
        basis=draw(st.sampled_from(Basis)),
        set_aside=draw(st.booleans()),
        **flags,
    )


@st.composite
def draw_state(draw: st.DrawFn) -> ClaimState:
    links = draw(st.lists(draw_link(), max_size=6))
    status = draw(st.sampled_from(Status))
    return build_claim(
        *links,
        kind=draw(st.sampled_from((Kind.EVENT, Kind.FIGURE))),
        claimant=draw(st.sampled_from((BELGRADE, PRISTINA, None))),
        status=status,
        # History knows no other status in which verification is open.
        verification_opened=status is AWAITING and draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(draw_state(), st.randoms(use_true_random=False))
def test_the_order_of_links_is_irrelevant(state: ClaimState, random: Any) -> None:
    """The suggestion is a function of the set of links: shuffled, it is the same."""
    links = list(state.links)
    random.shuffle(links)
    suggestion, other = (
        evidence.suggest_status(state),
        evidence.suggest_status(replace(state, links=tuple(links))),
    )
    assert (suggestion.status, suggestion.needed_parties, set(suggestion.support)) == (
        other.status,
        other.needed_parties,
        set(other.support),
    )
    assert set(suggestion.trace) == set(other.trace)
    assert evidence.suggest_status(state) == suggestion


@settings(max_examples=150, deadline=None)
@given(draw_state())
def test_the_suggestion_follows_from_what_the_trace_counts(state: ClaimState) -> None:
    """Derived again from the definition in docs/rules.md, not from the code's own helpers."""
    own_root = None if state.claimant is None else state.claimant.root
    live = [
        item
        for item in state.links
        if not item.retracted and not item.withdrawn and item.root != own_root
    ]
    denials = [link for link in live if link.stance is Stance.CONTRADICTS]
    standing_denials = [link for link in denials if not link.set_aside]
    support = {
        counting.root
        for counting in live
        if counting.stance is Stance.SUPPORTS
        and counting.scope is Scope.FULL
        and not counting.conditional
        and counting.affirmed
        and not counting.conflicting
        and counting.basis in (Basis.OWN_OBSERVATION, Basis.DOCUMENTS)
    }
    k = 2 if state.kind is Kind.FIGURE or len(standing_denials) < len(denials) else 1
    any_support = any(
        each.stance is Stance.SUPPORTS and not each.retracted and not each.withdrawn
        for each in state.links
    )
    has_request = any(each.stance is Stance.REQUESTS_CONFIRMATION for each in live)
    if standing_denials:
        expected = DISPUTED
    elif len(support) >= k:
        expected = CONFIRMED
    elif has_request or any_support or state.verification_opened:
        expected = AWAITING
    else:
        expected = ASSERTED
    suggestion = evidence.suggest_status(state)
    assert suggestion.status is expected
    assert set(suggestion.support) == support
    assert suggestion.needed_parties == k
    counted_roots = {line.link.root for line in suggestion.trace if line.counted}
    assert support <= counted_roots


@settings(max_examples=150, deadline=None)
@given(draw_state())
def test_a_person_may_always_follow_the_suggestion(state: ClaimState) -> None:
    """What the rules suggest, their guards allow; but a confirmed claim is more stubborn, for
    a bare denial does not dispute it and its fall is automatic."""
    suggested_status = evidence.suggest_status(state).status
    if state.status in (CONFIRMED, suggested_status):
        return
    decision = move(suggested_status, *guards.list_citable_links(state, suggested_status))
    assert lifecycle.list_missing(state, decision) == []


@settings(max_examples=150, deadline=None)
@given(draw_state(), st.integers(0, 2))
def test_no_guard_confirms_what_the_rules_do_not(state: ClaimState, how_many: int) -> None:
    """Whoever passes a guard to `confirmed` has qualifying support of k parties, and no open
    contradiction but those set aside by that very decision, which then ask for two."""
    denials = evidence.list_open_contradictions(state)
    decision: Move = move(
        CONFIRMED,
        *evidence.list_qualifying_support(state),
        set_aside=set_aside(*denials[:how_many]) if state.status is DISPUTED else (),
    )
    if lifecycle.list_missing(state, decision):
        return
    roots = {link.root for link in evidence.list_qualifying_support(state)}
    assert len(roots) >= (2 if decision.set_aside or state.kind is Kind.FIGURE else 1)
    assert {stand.id for stand in denials} == {each.link for each in decision.set_aside}
    if state.claimant is not None:
        assert state.claimant.root not in roots
