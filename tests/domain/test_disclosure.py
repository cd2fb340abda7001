"""Who reads what: the table of the rulebook, and what is taken out by it."""

from copy import deepcopy
from typing import Any

import pytest

from service.domain import disclosure, history
from service.domain.access import Actor, Audience, Role

PERSON = {"id": "018b0000-0000-7000-8000-000000000001", "name": "Ana"}
RULE = {"rule": "request"}


def withhold(type: str, data: dict[str, Any], audience: Audience, actor: Any = None) -> Any:
    event = {"seq": 3, "type": type, "actor": actor or PERSON, "data": data, "hash": "ab"}
    before = deepcopy(event)
    visible_event, _ = disclosure.withhold_event(event, audience)
    assert event == before, "the event itself was changed"
    return visible_event


@pytest.mark.parametrize(
    ("role", "audience"),
    [
        (None, Audience.PUBLIC),
        (Role.READER, Audience.READER),
        (Role.CHECKER, Audience.DESK),
        (Role.EDITOR, Audience.DESK),
        (Role.ADMIN, Audience.DESK),
    ],
)
def test_roles_belong_to_audiences(role: Role | None, audience: Audience) -> None:
    caller = None if role is None else Actor("1", "Ana", role)
    assert disclosure.find_audience(caller) is audience


def test_audiences_read_all_that_lower_ones_read() -> None:
    audiences = [Audience.PUBLIC, Audience.READER, Audience.DESK]
    for rank, audience in enumerate(audiences):
        assert [audience.may_read(lowest) for lowest in audiences] == [
            other <= rank for other in range(len(audiences))
        ]


def test_every_type_of_event_is_disclosed_or_a_draft_of_a_decision() -> None:
    """A new type is internal until somebody decides here what others read of it."""
    internal_types = set(history.EVENT_TYPES) - set(disclosure.EVENT_FIELDS)
    assert {type.split(".")[0] for type in internal_types} == {"decision"}


@pytest.mark.parametrize("audience", [Audience.PUBLIC, Audience.READER])
def test_internal_and_unknown_events_show_only_their_position(
    audience: Audience,
) -> None:
    for type in ("decision.proposed", "decision.rejected", "no.such_type"):
        event = withhold(type, {"id": "x", "reason": "secret"}, audience)
        assert event == {"seq": 3, "type": "internal", "actor": None, "data": None, "hash": "ab"}


@pytest.mark.parametrize("audience", [Audience.PUBLIC, Audience.READER])
def test_an_assignment_alone_looks_like_any_internal_change(audience: Audience) -> None:
    assignment = withhold("claim.amended", {"assignee": "018b"}, audience)
    assert assignment == withhold("claim.amended", {"due_at": "2026-01-01T00:00:00Z"}, audience)
    assert assignment == withhold("decision.proposed", {"id": "x"}, audience)


def test_an_amendment_is_shown_to_readers_without_the_assignee() -> None:
    event = withhold("claim.amended", {"tags": ["a"], "assignee": "018b"}, Audience.READER)
    assert (event["type"], event["data"], event["actor"]) == (
        "claim.amended",
        {"tags": ["a"]},
        PERSON,
    )


def test_notes_of_links_are_taken_out_wherever_they_stand() -> None:
    link = {"id": "1", "stance": "supports", "note": "he was angry", "quote": "a note"}
    bare_link = {"id": "1", "stance": "supports", "quote": "a note"}
    event = withhold("link.created", {"link": link}, Audience.READER)
    assert event["data"] == {"link": bare_link}
    absorption = {"merged": "2", "links": [link, bare_link, link], "conflicts": []}
    event = withhold("claim.absorbed", absorption, Audience.PUBLIC)
    assert event["data"] == absorption | {"links": [bare_link] * 3}
    assert withhold("claim.absorbed", absorption, Audience.DESK)["data"] == absorption


def test_the_public_reads_no_names_of_the_desk_but_that_a_rule_acted() -> None:
    data = {"status": "confirmed", "decided_by": "Ana", "approved_by": "Ben", "approval_note": "?"}
    assert withhold("claim.status_changed", data, Audience.PUBLIC)["data"] == {
        "status": "confirmed"
    }
    assert withhold("claim.status_changed", data, Audience.PUBLIC)["actor"] is None
    assert withhold("claim.status_changed", data, Audience.PUBLIC, RULE)["actor"] == RULE
    read = withhold("claim.status_changed", data, Audience.READER)["data"]
    assert read == {name: value for name, value in data.items() if name != "approval_note"}


def test_withholdable_fields_are_listed_by_their_place() -> None:
    data = {"links": [{"note": "a"}, {"id": "1"}, {"note": None}]}
    assert disclosure.list_withholdable_places("claim.absorbed", PERSON, data) == {
        ("actor",): Audience.READER,
        ("data", "links", "0", "note"): Audience.DESK,
        ("data", "links", "2", "note"): Audience.DESK,
    }
    assert disclosure.list_withholdable_places("claim.moved", RULE, {"part_of": None}) == {}
    assert disclosure.list_withholdable_places("decision.withdrawn", PERSON, {}) == dict.fromkeys(
        [("type",), ("actor",), ("data",)], Audience.DESK
    )


def test_fields_of_resources_are_null_for_whoever_may_not_read_them() -> None:
    link = {"note": "he was angry", "linked_by": "Ana", "stance": "supports"}
    fields = disclosure.LINK_FIELDS
    assert disclosure.withhold_fields(link, fields, Audience.DESK) == link
    assert disclosure.withhold_fields(link, fields, Audience.READER) == link | {"note": None}
    nulls = {"note": None, "linked_by": None}
    assert disclosure.withhold_fields(link, fields, Audience.PUBLIC) == link | nulls
