"""Which change of a claim outdates what was printed of it, and how gravely."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import history, uses
from service.domain.uses import Alteration, UseClass, UseState

KILL, CORRECTION, UPDATE = UseClass
RULES = Path(__file__).parents[2] / "docs" / "rules.md"


@pytest.mark.parametrize(
    ("type", "data", "grade"),
    [
        ("claim.voided", {}, KILL),
        ("claim.status_changed", {"previous_status": "confirmed", "status": "disputed"}, KILL),
        ("claim.status_changed", {"previous_status": "asserted", "status": "confirmed"}, UPDATE),
        ("finding.changed", {"finding": "refuted"}, KILL),
        ("finding.changed", {"finding": "conflicting"}, CORRECTION),
        ("finding.changed", {"finding": "unprovable"}, UPDATE),
        ("finding.changed", {"finding": None}, UPDATE),
        ("claim.amended", {"text": "…", "material": True}, CORRECTION),
        ("claim.amended", {"text": "…", "material": False}, None),
        ("claim.amended", {"tags": []}, None),
        ("claim.withdrawn", {}, UPDATE),
        ("claim.restored", {}, UPDATE),
        ("claim.merged", {}, UPDATE),
        ("claim.separated", {}, UPDATE),
        ("claim.superseded", {}, UPDATE),
        ("hold.placed", {}, UPDATE),
        ("hold.ended", {}, UPDATE),
        ("inquiry.lapsed", {"prints": True}, UPDATE),
        ("inquiry.lapsed", {}, None),
        ("inquiry.changed", {"prints": True}, UPDATE),
        ("inquiry.changed", {"outcome": "answered"}, None),
        ("inquiry.created", {"prints": True}, UPDATE),
        ("inquiry.created", {}, None),
        ("link.created", {}, None),
        ("decision.proposed", {}, None),
    ],
)
def test_each_change_has_its_class(type: str, data: dict[str, Any], grade: UseClass | None) -> None:
    """The first line of the table that applies decides; what changes no print changes no use."""
    assert uses.classify(type, data) is grade


def test_every_line_of_the_table_is_of_an_event_and_documented() -> None:
    """No line speaks of an event that does not exist, and docs/rules.md has the same table."""
    assert set(uses.ALTERING_TYPES) <= set(history.EVENT_TYPES)
    table = "\n".join(
        f"| `{rule.type}` | {rule.when[0].upper()}{rule.when[1:]} | `{rule.grade}` |"
        for rule in uses.CLASSES
    )
    assert table in RULES.read_text(), f"docs/rules.md is to have:\n{table}"


ALTERATIONS = st.lists(st.sampled_from(UseClass), min_size=1, max_size=8).map(
    lambda grades: [
        Alteration(number, f"2023-10-02T12:{number:02}:00Z", grade)
        for number, grade in enumerate(grades, start=2)
    ]
)


@given(ALTERATIONS)
def test_outdated_use_has_the_gravest_class_since_the_first_change(
    alterations: list[Alteration],
) -> None:
    """However often it is outdated, it is since the first time, with the gravest class."""
    row: dict[str, object] = {"state": UseState.CURRENT.value, "class": None}
    for alteration in alterations:
        row = uses.outdate(row, alteration)
    gravest = min((each.grade for each in alterations), key=uses.GRAVEST_FIRST.index)
    first = next(each for each in alterations if each.grade is gravest)
    assert row == {
        "state": "outdated",
        "class": gravest.value,
        "outdated_at": alterations[0].at,
        "outdated_version": first.number,
    }


@given(ALTERATIONS)
def test_retired_use_stays_retired(alterations: list[Alteration]) -> None:
    """Nothing outdates what nobody can read any more."""
    row: dict[str, object] = {"state": UseState.RETIRED.value, "class": None}
    for alteration in alterations:
        assert uses.outdate(row, alteration) == row
