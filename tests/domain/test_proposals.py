"""What a finding may rest on, proposals of older releases, and marks beside a status."""

from typing import Any

import pytest

from service.domain import changes, labels, proposals
from service.domain.changes import FindingRequest
from service.domain.claims import Finding, Pending, Status
from service.domain.errors import Invalid, NotFound, TransitionRefused
from service.domain.proposals import LapseReason
from tests.domain.builders import ANA, BORIS, build_claim, build_contradiction, build_support


def ask(*cites: str) -> FindingRequest:
    return FindingRequest(Finding.REFUTED, "counted again", cites)


def test_finding_cites_only_active_links_of_its_claim() -> None:
    link = build_contradiction(retracted=True)
    claim = build_claim(link)
    with pytest.raises(Invalid, match="was retracted"):
        changes.change_finding(claim, ask(link.id))
    with pytest.raises(Invalid, match="is not a link of this claim"):
        changes.change_finding(claim, ask("nowhere"))


def test_finding_cites_what_speaks_for_it() -> None:
    """Neither what speaks against it, nor nothing that shows it."""
    denial, support = build_contradiction(basis="documents"), build_support()
    claim = build_claim(denial, support)
    with pytest.raises(TransitionRefused) as refusal:
        changes.change_finding(claim, ask(support.id))
    text = str(refusal.value.extras)
    assert "cites what does not speak for refuted" in text
    assert "needs at least one cited statement that shows it refuted" in text


def test_proposal_that_does_not_wait_cannot_lapse() -> None:
    with pytest.raises(NotFound):
        proposals.draft_lapse(build_claim(), "none", reason=LapseReason.OUTDATED)


def test_proposal_that_does_not_say_what_was_seen_can_be_approved() -> None:
    """Older releases made such proposals."""
    denial = build_contradiction()
    waiting = Pending("d", Status.DISPUTED, "denied", (denial.id,), (), None, ANA.id, ANA.name)
    claim = build_claim(denial, pending=waiting)
    assert proposals.require_approvable_proposal(claim, "d", actor=BORIS) is waiting
    proposals.require_same_outcome(claim, waiting, claim)


def test_marks_say_what_stands_with_the_status() -> None:
    claim: dict[str, Any] = {
        "finding": "refuted",
        "imported": {},
        "challenged": True,
        "override": {"code": "other"},
        "lifecycle": "withdrawn",
        "status": "disputed",
    }
    marks = ["refuted", "imported", "challenged", "override", "withdrawn"]
    assert [mark.lower() for mark in labels.list_marks(claim)] == marks
