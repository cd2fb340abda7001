"""An imported status: others' judgement, on a path of its own, and marked as theirs for ever."""

from dataclasses import replace
from typing import Any

import pytest

from service.claims.documents import render_document
from service.domain import evidence, history, lifecycle
from service.domain.claims import Cause, ClaimState, Finding, Imported, Status
from service.domain.errors import Conflict, Invalid, TransitionRefused
from service.domain.guards import Move
from service.domain.history import Event
from service.domain.print_line import build_print_line
from tests.domain.builders import (
    ANA,
    ASSERTED,
    AWAITING,
    CONFIRMED,
    DISPUTED,
    NOON,
    PRISTINA,
    build_claim,
    build_contradiction,
    build_support,
)

CHECKER = Imported("Example Fact-check", "True", None)
CLAIMED = "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023)."


def build_imported(to: Status, source: Imported = CHECKER) -> ClaimState:
    """A claim recorded with that status."""
    new_claim = build_claim(version=1)
    draft = lifecycle.import_status(new_claim, to, reason="Imported: rated", source=source)
    assert draft.rule == "import"
    assert draft.data["cause"] == Cause.IMPORT
    return history.apply_event(
        new_claim, Event(2, draft.type, NOON, draft.data), claim_id=new_claim.id
    )


@pytest.mark.parametrize(
    ("to", "finding", "line"),
    [
        (
            CONFIRMED,
            None,
            "Imported as confirmed from Example Fact-check (label “True”). This desk has not "
            "confirmed it itself.",
        ),
        (
            DISPUTED,
            Finding.REFUTED,
            "Imported as disputed from Example Fact-check (label “True”). No independent party has "
            "confirmed it. Example Fact-check found it refuted.",
        ),
        (
            AWAITING,
            Finding.UNPROVABLE,
            "Imported as awaiting confirmation from Example Fact-check (label “True”). No "
            "independent party has confirmed it. Example Fact-check found that it cannot be "
            "proved.",
        ),
    ],
)
def test_print_line_names_who_judged(to: Status, finding: Finding | None, line: str) -> None:
    state = build_imported(to, replace(CHECKER, finding=finding))
    assert (state.status, state.finding) == (to, finding)
    assert build_print_line(state) == f"{CLAIMED} {line}"
    assert '"imported":{"by":"Example Fact-check","label":"True"}' in render_document(state)
    assert "ndependently confirmed" not in render_document(state)


def test_claim_that_was_not_imported_names_no_source() -> None:
    assert '"imported"' not in render_document(build_claim())


@pytest.mark.parametrize(
    "state",
    [
        build_claim(version=2),
        build_claim(version=1, status=CONFIRMED),
        build_claim(build_support(), version=3, status=AWAITING),
    ],
)
def test_only_a_new_claim_takes_an_imported_status(state: ClaimState) -> None:
    """The guards keep every other claim, whoever says what of it."""
    with pytest.raises(Conflict):
        lifecycle.import_status(state, DISPUTED, reason="x", source=CHECKER)


def test_asserted_cannot_be_imported() -> None:
    with pytest.raises(Invalid):
        lifecycle.import_status(build_claim(version=1), ASSERTED, reason="x", source=CHECKER)


def test_import_does_not_loosen_the_guards() -> None:
    """An imported dispute does not open the way to a confirmation without support."""
    with pytest.raises(TransitionRefused, match="needs 1 supporting statement"):
        lifecycle.change_status(
            build_imported(DISPUTED),
            Move(CONFIRMED, "x"),
            actor=ANA,
            decision_id="d",
            four_eyes=True,
        )


def test_imported_claim_is_not_under_review_before_a_link_is_recorded() -> None:
    """Ten thousand imported claims do not fill the review queue; one with evidence does."""
    state = build_imported(CONFIRMED)
    suggestion = evidence.suggest_status(state)
    assert suggestion.status is ASSERTED
    assert evidence.is_as_suggested(state, suggestion)
    for link in (build_contradiction(PRISTINA), build_support(conditional=True)):
        linked_claim = replace(state, links=(link,))
        assert not evidence.is_as_suggested(linked_claim, evidence.suggest_status(linked_claim))
    supported_claim = replace(state, links=(build_support(),))
    assert evidence.is_as_suggested(supported_claim, evidence.suggest_status(supported_claim))
    assert build_print_line(supported_claim).endswith(
        "Supported by Washington; this desk has not confirmed it itself."
    )
    retracted_claim = replace(state, links=(build_contradiction(PRISTINA, retracted=True),))
    assert evidence.is_as_suggested(retracted_claim, evidence.suggest_status(retracted_claim))


def test_decision_of_the_desk_replaces_the_imported_status() -> None:
    """With it goes what others found: it was never this desk's finding."""
    state = build_imported(DISPUTED, replace(CHECKER, finding=Finding.REFUTED))
    data: dict[str, Any] = {
        "previous_status": "disputed",
        "status": "asserted",
        "reason": "nothing here",
        "cause": "decision",
        "cites": [],
        "set_aside": [],
        "override": None,
        "sequence": 2,
        "decision": None,
    }
    own = history.apply_event(
        state, Event(3, "claim.status_changed", NOON, data), claim_id=state.id
    )
    assert (own.imported, own.finding) == (None, None)
    assert "Example Fact-check" not in build_print_line(own)


def test_material_amendment_ends_the_import() -> None:
    state = build_imported(DISPUTED, replace(CHECKER, finding=Finding.REFUTED))
    typo = history.apply_event(
        state,
        Event(3, "claim.amended", NOON, {"text": "The same", "material": False}),
        claim_id=state.id,
    )
    assert typo.imported == state.imported
    other = history.apply_event(
        state,
        Event(3, "claim.amended", NOON, {"text": "Another", "material": True}),
        claim_id=state.id,
    )
    assert (other.imported, other.finding) == (None, None)
    assert not evidence.is_as_suggested(other, evidence.suggest_status(other))


def test_finding_of_the_desk_is_not_attributed_to_others() -> None:
    state = build_imported(DISPUTED, replace(CHECKER, finding=Finding.REFUTED))
    own = history.apply_event(
        state, Event(3, "claim.amended", NOON, {"finding": "conflicting"}), claim_id=state.id
    )
    assert build_print_line(own).endswith("The desk found the evidence conflicting.")


def test_denial_is_printed_with_an_imported_status() -> None:
    state = replace(build_imported(DISPUTED), links=(build_contradiction(PRISTINA),))
    assert "(label “True”). Disputed by Pristina." in build_print_line(state)
