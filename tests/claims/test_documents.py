"""The claim as served: its keys, who sees the assignee, what counts as challenged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from service.claims import documents
from service.claims.documents import Internals
from service.domain.claims import Basis, Component, Finding, Kind, Lifecycle, Link, Speaker, Voice
from tests.domain.builders import (
    ASSERTED,
    AWAITING,
    CONFIRMED,
    DISPUTED,
    MILLER,
    NATO,
    NOON,
    PRISTINA,
    VUCEVIC,
    build_claim,
    build_comment,
    build_contradiction,
    build_request,
    build_support,
)

KEYS = [
    "id",
    "text",
    "kind",
    "revision",
    "claimant",
    "claimed_at",
    "precision",
    "status",
    "status_since",
    "version",
    "finding",
    "lifecycle",
    "merged_into",
    "suggested_status",
    "agrees",
    "challenged",
    "override",
    "evidence",
    "print_line",
    "story",
    "tags",
    "assignee",
    "part_of",
    "components",
    "created_at",
    "updated_at",
]


def build_document(*links: Link, **changes: Any) -> dict[str, Any]:
    document = orjson.loads(documents.render_document(build_claim(*links, **changes)))
    assert isinstance(document, dict)
    return document


def test_document_has_exactly_the_keys_of_the_contract() -> None:
    """Those of KEYS, no more and no less, and those of what it holds."""
    document = build_document(components=(Component("part", "a part", DISPUTED),))
    assert sorted(document) == sorted(KEYS)
    assert sorted(document["claimant"]) == ["name", "party", "speaker"]
    assert sorted(document["claimant"]["speaker"]) == ["name", "role"]
    assert sorted(document["evidence"]) == ["contradicts", "requests_confirmation", "supports"]
    assert document["components"] == [{"id": "part", "text": "a part", "status": "disputed"}]


def test_document_has_every_value_of_the_claim() -> None:
    """As JSON of a claim of Pristina's police: what outside programs parse."""
    chief = Voice(
        "kosovo-police",
        "Kosovo Police",
        "pristina",
        "Pristina",
        Speaker("speaker-1", "Gazmend Hoxha", "director"),
    )
    assert build_document(
        build_request(MILLER),
        build_support(NATO),
        build_support(PRISTINA),
        build_comment(),
        kind=Kind.FIGURE,
        claimant=chief,
        status=AWAITING,
        override=True,
        finding=Finding.UNPROVABLE,
        tags=("north", "police"),
        story="kosovo-border-2023",
        part_of="claim-0",
        assignee="ana",
        version=12,
        revision=3,
        sequence=4,
    ) == {
        "id": "claim-1",
        "text": "Serbia has returned the operating regime of its units to normal",
        "kind": "figure",
        "revision": 3,
        "claimant": {
            "party": "kosovo-police",
            "name": "Kosovo Police",
            "speaker": {"name": "Gazmend Hoxha", "role": "director"},
        },
        "claimed_at": "2023-10-02T00:00:00Z",
        "precision": "day",
        "status": "awaiting_confirmation",
        "status_since": "2023-10-02T12:00:00Z",
        "version": 12,
        "finding": "unprovable",
        "lifecycle": "active",
        "merged_into": None,
        "suggested_status": "awaiting_confirmation",
        "agrees": True,
        "challenged": False,
        "override": True,
        "evidence": {
            "supports": ["nato"],
            "contradicts": [],
            "requests_confirmation": ["washington"],
        },
        "print_line": "Claimed by Kosovo Police (Gazmend Hoxha, 2 October 2023). Washington has "
        "asked for confirmation. Supported by NATO; the desk has not confirmed it. This status "
        "was set by an editor's override of the usual rules. The desk found that it cannot be "
        "proved.",
        "story": "kosovo-border-2023",
        "tags": ["north", "police"],
        "part_of": "claim-0",
        "components": [],
        "created_at": "2023-10-02T12:00:00Z",
        "updated_at": "2023-10-02T12:00:00Z",
        "assignee": None,
    }


def test_missing_claimant_speaker_or_role_is_null() -> None:
    """Never an empty text."""
    assert build_document(claimant=None)["claimant"] is None
    assert build_document(claimant=PRISTINA)["claimant"] == {
        "party": "pristina",
        "name": "Pristina",
        "speaker": None,
    }
    assert build_document(claimant=VUCEVIC)["claimant"]["speaker"] == {
        "name": "Vučević",
        "role": None,
    }


def test_merged_claim_names_its_survivor() -> None:
    """With its last status."""
    document = build_document(lifecycle=Lifecycle.MERGED, merged_into="claim-2", status=DISPUTED)
    assert (document["lifecycle"], document["merged_into"], document["status"]) == (
        "merged",
        "claim-2",
        "disputed",
    )


def test_only_the_desk_gets_what_is_internal() -> None:
    """The stored bytes say neither who is assigned nor until when, whatever the claim is; for the
    desk they gain both and nothing else, in the same place, however they are spelled."""
    due_at = datetime(2023, 10, 4, 16, tzinfo=UTC)
    stored_text = documents.render_document(build_claim(assignee="ana", due_at=due_at))
    assert orjson.loads(stored_text)["assignee"] is None
    assert "ana" not in stored_text
    assert "due_at" not in stored_text
    served_text = documents.complete_document(stored_text, due_at)
    assert orjson.loads(served_text)["due_at"] is None
    assert documents.add_internals(served_text, Internals(None, None)) == served_text
    for name in ("ana", 'A "q" \\ č'):
        for due in (due_at, "2023-10-04T16:00:00.000000Z"):
            shown_claim = orjson.loads(documents.add_internals(served_text, Internals(name, due)))
            internals = {"assignee": name, "due_at": "2023-10-04T16:00:00Z"}
            assert shown_claim == orjson.loads(served_text) | internals
            assert list(shown_claim) == list(orjson.loads(served_text))


def test_text_that_looks_like_the_end_of_a_document_is_unchanged() -> None:
    """Only the end of the stored bytes is replaced."""
    end = '"assignee":null,"hold":null,"due_at":null}'
    stored_text = documents.render_document(build_claim(text=end, story=end))
    moment = datetime(2023, 10, 4, 16, tzinfo=UTC)
    served_text = documents.complete_document(stored_text, moment)
    shown_claim = orjson.loads(documents.add_internals(served_text, Internals("ana", None)))
    assert (shown_claim["text"], shown_claim["story"], shown_claim["assignee"]) == (end, end, "ana")


@pytest.mark.parametrize(
    ("links", "changes", "challenged"),
    [
        ((build_support(),), {"status": CONFIRMED}, False),
        ((build_support(), build_contradiction(PRISTINA)), {"status": CONFIRMED}, True),
        (
            (build_support(), build_contradiction(PRISTINA, basis=Basis.UNSTATED)),
            {"status": CONFIRMED},
            True,
        ),
        ((build_support(), build_contradiction(VUCEVIC)), {"status": CONFIRMED}, False),
        (
            (build_support(), build_contradiction(PRISTINA, set_aside=True)),
            {"status": CONFIRMED},
            False,
        ),
        (
            (build_support(), build_contradiction(PRISTINA, withdrawn=True)),
            {"status": CONFIRMED},
            False,
        ),
        ((build_contradiction(PRISTINA),), {"status": ASSERTED}, False),
        ((build_contradiction(PRISTINA),), {"status": DISPUTED}, False),
        (
            (build_support(), build_contradiction(PRISTINA)),
            {"status": CONFIRMED, "lifecycle": Lifecycle.WITHDRAWN},
            False,
        ),
    ],
)
def test_challenged_is_confirmed_with_an_open_contradiction(
    links: tuple[Link, ...], changes: dict[str, Any], challenged: bool
) -> None:
    """And active: nothing else is, whatever stands against it."""
    assert build_document(*links, **changes)["challenged"] is challenged


@pytest.mark.parametrize(
    ("status", "agrees"), [(ASSERTED, False), (AWAITING, False), (CONFIRMED, True)]
)
def test_a_status_that_the_links_do_not_suggest_is_drift(status: Any, agrees: bool) -> None:
    """The decided status is served, the suggestion beside it."""
    state = build_claim(build_support(), status=status)
    document = orjson.loads(documents.render_document(state))
    assert document["status"] == status
    assert document["suggested_status"] == "confirmed"
    assert document["agrees"] is agrees


def test_evidence_lists_each_root_party_once() -> None:
    """By its slug, in order of first appearance, and only who stands there now."""
    assert build_document(
        build_support(conditional=True),
        build_support(MILLER),
        build_support(NATO, retracted=True),
        build_support(VUCEVIC),
        build_contradiction(PRISTINA, set_aside=True),
        created_at=NOON,
    )["evidence"] == {
        "supports": ["washington"],
        "contradicts": ["pristina"],
        "requests_confirmation": [],
    }
