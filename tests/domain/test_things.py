"""The record of a party, source … folds only where its events follow each other."""

from typing import Any

import pytest

from service.domain import things
from service.domain.history import Event
from service.domain.subjects import SubjectKind
from service.domain.things import SignedEvent
from tests.domain.builders import MINUTE, NOON

PARTY = {"name": "NATO", "full_name": None, "kind": None, "country": None, "parent": None}


def sign(number: int, type: str, **data: Any) -> SignedEvent:
    """An event of a record, a minute after the one before it."""
    event = Event(number, type, NOON + number * MINUTE, data)
    return SignedEvent(event, {"id": "ana", "name": "Ana"})


CREATED = sign(1, "party.created", **PARTY)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "there is no event"),
        ([sign(2, "party.created", **PARTY)], "event 2 cannot follow event 0"),
        ([sign(1, "party.changed", name="Nato")], "a record begins with party.created"),
        ([CREATED, sign(2, "party.sold")], "unknown event type 'party.sold'"),
        ([CREATED, sign(2, "party.changed", size=3)], "it has no field 'size'"),
    ],
)
def test_events_that_cannot_follow_each_other_are_refused(
    events: list[SignedEvent], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        things.fold(SubjectKind.PARTY, events)


def test_party_cannot_be_its_own_ancestor() -> None:
    other = sign(1, "party.created", **PARTY | {"parent": "nato"})
    circle = sign(2, "party.changed", parent="alliance")
    with pytest.raises(ValueError, match="'nato' is its own ancestor"):
        things.fold_party_versions([("nato", CREATED), ("alliance", other), ("nato", circle)])


def test_only_names_and_places_make_a_version_of_a_party() -> None:
    """A change of the country makes none; two changes at one instant make one."""
    renaming = sign(3, "party.changed", name="Nato")
    versions = things.fold_party_versions(
        [
            ("nato", CREATED),
            ("nato", sign(2, "party.changed", country="BE")),
            ("nato", renaming),
            ("nato", sign(4, "party.changed", name="N.A.T.O.")),
        ]
    )["nato"]
    assert [version["name"] for version in versions] == ["NATO", "Nato", "N.A.T.O."]
    at_once = things.fold_party_versions(
        [("nato", CREATED), ("nato", renaming), ("nato", sign(3, "party.changed", name="N."))]
    )["nato"]
    assert [version["name"] for version in at_once] == ["NATO", "N."]
