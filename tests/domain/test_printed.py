"""What is printed, and which change of it takes two: every field, in both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.domain import evidence, printed
from service.domain.claims import Finding, Imported, Lifecycle, Speaker
from tests.domain.builders import (
    ARMY,
    ASSERTED,
    BELGRADE,
    CONFIRMED,
    DISPUTED,
    NATO,
    NOON,
    PRISTINA,
    build_claim,
    build_comment,
    build_contradiction,
    build_request,
    build_support,
)

yes, no = build_support(NATO), build_contradiction(PRISTINA)
GENERAL = replace(BELGRADE, speaker=Speaker("speaker-1", "Gen. Nobody", None))

CONFIRMED_CHANGES = [
    ("text", {"text": "killed 400"}, True),
    ("claimant", {"claimant": GENERAL}, True),
    ("claimant", {"claimant": None}, True),
    ("claimed", {"claimed_at": NOON}, True),
    ("override", {"override": True}, True),
    ("imported", {"imported": Imported("others", "true", None)}, True),
    ("supports", {"links": (yes, build_support(ARMY, voice=PRISTINA))}, True),
    ("supports", {"links": (build_support(replace(NATO, root_name="Pope Francis")),)}, True),
    ("supports", {"links": ()}, False),
    ("contradicts", {"links": (yes, no)}, False),
    ("finding", {"finding": Finding.REFUTED}, True),
    ("withdrawn", {"lifecycle": Lifecycle.WITHDRAWN}, False),
]


@pytest.mark.parametrize(("field", "changes", "needs_two"), CONFIRMED_CHANGES)
def test_confirmed_claim_needs_two_people_unless_it_becomes_more_cautious(
    field: str, changes: dict[str, Any], needs_two: bool
) -> None:
    """Each printed field of a confirmed claim takes two, unless the line is more cautious."""
    before = build_claim(yes, status=CONFIRMED)
    after = replace(before, **changes)
    assert field in printed.list_differences(
        printed.read_printed(before), printed.read_printed(after)
    )
    assert (field in printed.list_fields_to_agree_on(before, after)) is needs_two


def test_one_person_cannot_take_away_a_denial_or_withdrawal() -> None:
    """The way back from caution takes two, and so does another name for who denies."""
    challenged_claim = build_claim(yes, no, status=CONFIRMED)
    calm = replace(challenged_claim, links=(yes,))
    assert printed.list_fields_to_agree_on(challenged_claim, calm) == ["contradicts"]
    renamed_denial = replace(no, voice=replace(PRISTINA, root_name="Nobody"))
    other = replace(challenged_claim, links=(yes, renamed_denial))
    assert printed.list_fields_to_agree_on(challenged_claim, other) == ["contradicts"]
    withdrawn_claim = replace(challenged_claim, lifecycle=Lifecycle.WITHDRAWN)
    assert printed.list_fields_to_agree_on(withdrawn_claim, challenged_claim) == ["withdrawn"]


@pytest.mark.parametrize("status", [ASSERTED, DISPUTED])
@pytest.mark.parametrize(("field", "changes", "asks"), CONFIRMED_CHANGES)
def test_one_person_may_change_what_no_agreement_covers(
    status: Any, field: str, changes: dict[str, Any], asks: bool
) -> None:
    """Without a confirmation or a finding, one person records what is."""
    before = build_claim(yes, status=status)
    assert printed.list_fields_to_agree_on(before, replace(before, **changes)) == []


@pytest.mark.parametrize(("field", "changes", "asks"), CONFIRMED_CHANGES)
def test_finding_covers_the_text_and_the_claimant(
    field: str, changes: dict[str, Any], asks: bool
) -> None:
    before = build_claim(yes, status=DISPUTED, finding=Finding.UNPROVABLE)
    fields = printed.list_fields_to_agree_on(before, replace(before, **changes))
    assert fields == ([field] if field in ("text", "claimant", "claimed", "finding") else [])


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": ("army",)},
        {"assignee": "ana"},
        {"version": 9},
        {"revision": 2},
        {"part_of": "claim-2"},
        {"links": (build_support(NATO), build_comment(PRISTINA), build_support(NATO))},
        {"links": (build_support(NATO, quote="in other words"),)},
        {"links": (build_support(NATO), build_request(PRISTINA))},
    ],
)
def test_digest_leaves_out_what_is_not_printed(changes: dict[str, Any]) -> None:
    """Tags, an assignee, comments, another voice of the same party, a request that a confirmation
    has answered: no proposal is void for them."""
    before = build_claim(yes, status=CONFIRMED)
    after = replace(before, **changes)
    assert printed.read_printed(before) == printed.read_printed(after)
    digests = [printed.compute_digest(printed.read_printed(state), {}) for state in (before, after)]
    assert digests[0] == digests[1]


def test_order_of_parties_does_not_change_the_digest() -> None:
    """Who stands first in the line is not what anybody agreed to."""
    other = build_support(PRISTINA)
    assert evidence.list_qualifying_support(
        build_claim(yes, other)
    ) != evidence.list_qualifying_support(build_claim(other, yes))
    assert printed.read_printed(build_claim(yes, other)) == printed.read_printed(
        build_claim(other, yes)
    )
