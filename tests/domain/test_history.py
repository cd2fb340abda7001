"""The record: events fold to the state, at any instant, and the same bytes hash to the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import (
    amendments,
    changes,
    claims,
    correction_requests,
    corrections,
    history,
    holds,
    ids,
    inquiry_drafts,
    plain_data,
    proposals,
    reversals,
    supersession,
)
from service.domain.claims import Finding, Kind, Lifecycle, Precision, Status
from service.domain.correction_requests import RequestOutcome
from service.domain.history import Draft, Event
from service.domain.inquiries import InquiryOutcome
from service.record import canonical
from tests.domain.builders import (
    ANA,
    ASSERTED,
    AWAITING,
    BELGRADE,
    BORIS,
    CONFIRMED,
    MILLER,
    MINUTE,
    NATO,
    NOON,
    OVERRIDE,
    PRISTINA,
    Record,
    build_claim,
    build_comment,
    build_contradiction,
    build_inquiry,
    build_request,
    build_support,
    fold_until,
    get_voice,
    set_aside,
)
from tests.support import hashes


def build_full_record() -> Record:
    """A record in which every type of event occurs, and every field has had a value."""
    record = Record(part_of="parent")
    request = record.link(build_request(MILLER, conditional=True))
    first, second = record.link(build_support()), record.link(build_support(NATO))
    denial = record.link(build_contradiction(PRISTINA))
    record.decide(CONFIRMED, first, set_aside=set_aside(denial), four_eyes=True)
    record.act(proposals.draft_rejection(record.state, "decision-1", comment="ask them first"))
    record.decide(CONFIRMED, first, override=OVERRIDE, four_eyes=True, decision_id="decision-2")
    record.act(proposals.draft_withdrawal(record.state, "decision-2", actor=ANA, reason=None))
    record.decide(CONFIRMED, first, set_aside=set_aside(denial), four_eyes=True)
    record.approve()
    amendment = {"text": "other words", "tags": ["kosovo", "army"], "assignee": "ana"}
    record.act(*amendments.draft_amendment(record.state, amendment, material=True))
    record.find(Finding.UNPROVABLE, four_eyes=True, decision_id="decision-4")
    change = changes.change_finding(
        record.state, changes.FindingRequest(Finding.UNPROVABLE, "counted again")
    )
    record.act(*changes.approve_change(record.state, "decision-4", change, actor=BORIS, note=None))
    record.act(amendments.draft_affirmation(record.state, first.id))
    record.act(Draft("statement.quoted", {"statement": first.statement, "quote": {"text": "x"}}))
    record.withdraw(second)
    record.retract(request)
    record.act(Draft("claim.moved", {"part_of": "survivor"}))
    record.act(amendments.draft_component_change(build_claim(id="part"), is_removed=False))
    newer = build_claim(id="newer", text="17 dead", supersedes=record.claim_id)
    for before, after in ((None, newer), (newer, replace(newer, text="17 people dead"))):
        ((_, supersession_data),) = supersession.list_changes(before, after)
        record.act(Draft("claim.superseded", {**supersession_data}))
    record.act(
        Draft(
            "party.changed",
            {
                "party": "washington",
                "parties": {
                    slug: {"name": f"New {slug}", "root": "usa", "root_name": "USA"}
                    for slug in ("washington", "state-department")
                },
            },
        )
    )
    miller = MILLER.speaker
    assert miller is not None
    data = {"speaker": miller.id, "name": "Matt Miller", "role": "spokesman"}
    record.act(Draft("speaker.changed", data))
    loser = Record("loser", claimant=None, kind=Kind.FIGURE)
    loser.link(build_comment(statement=first.statement))
    loser.link(build_comment(BELGRADE))
    new_ids = {link.id: f"{link.id}-moved" for link in loser.state.links}
    origin = build_support(BELGRADE, id="link-origin", statement="loser-origin")
    record.act(
        *amendments.draft_absorption(record.state, loser.state, new_ids, origin),
        cause=claims.Cause.MERGE,
    )
    record.correct_statement(second.statement, NATO, reason="said by another")
    record.act(
        *corrections.correct_source("source", {"before": {}, "after": {}, "reason": "an agency's"})
    )
    correction = {"kind": Kind.ATTRIBUTION, "story": "border"}
    record.act(*corrections.correct_claim(record.state, correction, reason="a slip"))
    record.act(holds.draft_hold(record.state, reason="a correction is near", until=None, now=NOON))
    record.act(holds.draft_end(record.state, now=NOON))
    release = {"separated": "loser", "links": [], "restored": [], "weighed": [], "reason": "x"}
    record.act(Draft("claim.released", release))
    comment = record.link(build_comment(BELGRADE))
    for change in (
        reversals.void_link(record.state, comment.id, reason="another claim"),
        reversals.void_statement(comment.statement, reason="never said"),
    ):
        record.submit(change, four_eyes=False)
    record.submit(reversals.restore_link(record.state, comment.id, reason="x"), four_eyes=False)
    back = reversals.restore_statement(record.state, comment.statement, "void", reason="said")
    assert back is not None
    record.submit(back, four_eyes=False)
    record.act(
        correction_requests.draft_public_answer(
            "request", outcome=RequestOutcome.CORRECTED, answer="It was 17.", received_at=NOON
        )
    )
    inquiry = build_inquiry("inquiry", BELGRADE)
    record.act(*inquiry_drafts.draft_inquiry(record.state, inquiry, now=NOON))
    record.act(*inquiry_drafts.draft_passed_deadlines(record.state, now=inquiry.until))
    inquiry_change: inquiry_drafts.InquiryChange = {
        "outcome": InquiryOutcome.ANSWERED,
        "note": "late",
    }
    record.act(
        *inquiry_drafts.draft_inquiry_change(
            record.state, inquiry.id, inquiry_change, now=inquiry.until
        )
    )
    record.decide(CONFIRMED, override=OVERRIDE, four_eyes=True, decision_id="decision-5")
    record.act(
        proposals.draft_lapse(
            record.state, "decision-5", reason=proposals.LapseReason.PROPOSER_DISABLED
        )
    )
    record.decide(CONFIRMED, override=OVERRIDE, four_eyes=True, decision_id="decision-3")
    return record


CLOSING = {"claim.merged", "claim.withdrawn", "claim.voided", "claim.restored", "claim.separated"}


def test_every_type_of_event_is_in_the_full_record() -> None:
    """Each type folds: those that close a claim are tried after it, on their own."""
    record = build_full_record()
    types = {event.type for event in record.events}
    missing = set(history.EVENT_TYPES) - types - CLOSING
    assert not missing, "let these happen in build_full_record"
    void = {"before": {"lifecycle": "active"}, "after": {"lifecycle": "void"}, "reason": "an error"}
    restoration = {
        "before": void["after"],
        "after": {"lifecycle": "withdrawn"},
        "reason": "no error",
    }
    closing: tuple[tuple[str, dict[str, Any], Lifecycle], ...] = (
        ("claim.voided", void, Lifecycle.VOID),
        ("claim.separated", restoration, Lifecycle.WITHDRAWN),
        ("claim.restored", restoration, Lifecycle.WITHDRAWN),
        ("claim.merged", {"into": "survivor"}, Lifecycle.MERGED),
        ("claim.withdrawn", {"reason": "an error", "source": None}, Lifecycle.WITHDRAWN),
    )
    for kind, data, expected in closing:
        event = Event(record.state.version + 1, kind, record.now, data)
        state = history.apply_event(record.state, event, claim_id=record.claim_id)
        assert state.lifecycle is expected
        assert state.pending is None
        assert state.status is record.state.status


def test_the_fold_of_the_record_is_the_state() -> None:
    """Folded from the start, or from JSON and back, the events give the state that was kept."""
    record = build_full_record()
    assert history.fold(record.claim_id, record.events) == record.state
    stored_events = [
        Event(event.number, event.type, event.recorded_at, orjson.loads(orjson.dumps(event.data)))
        for event in record.events
    ]
    assert history.fold(record.claim_id, stored_events) == record.state


def test_full_record_folds_to_the_expected_state() -> None:
    """What each event is for, read off the end state."""
    state = build_full_record().state
    assert (state.text, state.revision, state.tags) == ("other words", 2, ("kosovo", "army"))
    assert (state.assignee, state.finding) == ("ana", Finding.UNPROVABLE)
    assert (state.status, state.sequence, state.part_of) == (AWAITING, 4, "survivor")
    assert [(component.id, component.status) for component in state.components] == [
        ("part", ASSERTED)
    ]
    assert state.pending is not None
    assert state.pending.override == OVERRIDE
    request, first, second, denial, moved_link, origin, comment = state.links
    assert comment.is_active
    assert request.retracted
    assert get_voice(request).speaker == claims.Speaker(
        "speaker-Matthew Miller", "Matt Miller", "spokesman"
    )
    assert (get_voice(request).name, get_voice(request).root_name) == (
        "New state-department",
        "USA",
    )
    assert (first.affirmed, first.conflicting, first.root) == (True, True, "usa")
    assert second.withdrawn
    assert not second.affirmed
    assert not denial.set_aside
    assert moved_link.voice == BELGRADE
    assert (origin.statement, origin.stance) == ("loser-origin", claims.Stance.SUPPORTS)
    assert not origin.conflicting, "it is the claimant's own voice, which counts for nothing"
    assert state.claimant == BELGRADE
    assert state.superseded_by is not None
    assert (state.superseded_by.id, state.superseded_by.text) == ("newer", "17 people dead")


def test_no_events_fold_to_no_claim() -> None:
    """A claim without events is no claim."""
    assert history.fold("claim-1", []) is None
    assert fold_until("claim-1", build_full_record().events, NOON - MINUTE) is None


def test_as_of_gives_the_state_of_that_instant() -> None:
    """At every event's own instant, and just before the next, the state is what it was then;
    events of one instant (an act and what follows from it) are seen together."""
    record = build_full_record()
    for position, event in enumerate(record.events):
        following = record.events[position + 1 :]
        if following and following[0].recorded_at == event.recorded_at:
            continue
        state = history.fold(record.claim_id, record.events[: position + 1])
        assert fold_until(record.claim_id, record.events, event.recorded_at) == state
        later = event.recorded_at + MINUTE - timedelta(microseconds=1)
        assert fold_until(record.claim_id, record.events, later) == state


def test_the_state_survives_json() -> None:
    """The stored JSON of a state reads back equal, at every step of the record."""
    record = build_full_record()
    for count in range(1, len(record.events) + 1):
        state = history.fold(record.claim_id, record.events[:count])
        assert plain_data.read_state(orjson.loads(orjson.dumps(state))) == state
    bare = build_claim(claimant=None, story="kosovo-border-2023")
    assert plain_data.read_state(orjson.loads(orjson.dumps(bare))) == bare


def test_event_data_survives_json() -> None:
    """Event data is plain already: the same as its JSON read back, with instants as `…Z`."""
    record = build_full_record()
    for event in record.events:
        assert json.loads(json.dumps(event.data)) == event.data
    link = record.state.links[0]
    data = plain_data.make_plain(link)
    assert data["said_at"] == "2023-10-02T12:00:00Z"
    assert type(data["stance"]) is str
    assert plain_data.read_link(data) == link
    assert plain_data.make_plain((1, True, None, "x", [Status.ASSERTED])) == [
        1,
        True,
        None,
        "x",
        ["asserted"],
    ]


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (1, "claim.withdrawn", "event 1 cannot follow event 1"),
        (3, "claim.withdrawn", "event 3 cannot follow event 1"),
        (2, "claim.vanished", "unknown event type 'claim.vanished'"),
        (2, "claim.created", "claim claim-1 was created already"),
    ],
)
def test_an_event_that_cannot_follow_is_an_error(number: int, kind: str, message: str) -> None:
    """Gaps, repeats, unknown types and a second beginning are never folded over."""
    record = Record()
    with pytest.raises(ValueError, match=message):
        history.apply_event(record.state, Event(number, kind, NOON, {}), claim_id="claim-1")


@pytest.mark.parametrize(("number", "kind"), [(1, "claim.withdrawn"), (2, "claim.created")])
def test_record_begins_with_creation_as_number_1(number: int, kind: str) -> None:
    """With claim.created, as number 1."""
    data = Record().events[0].data
    with pytest.raises(ValueError, match=r"a record begins with claim\.created"):
        history.apply_event(None, Event(number, kind, NOON, data), claim_id="claim-1")


def test_status_since_changes_with_the_status_only() -> None:
    """status_since is the change's instant; other events move updated_at and version alone."""
    record = Record()
    record.decide(AWAITING)
    assert record.state.verification_opened
    record.link(build_comment(), at=NOON + 5 * MINUTE)
    assert record.state.status_since == NOON + MINUTE
    assert record.state.updated_at == NOON + 5 * MINUTE
    assert record.state.created_at == NOON
    record.decide(ASSERTED)
    assert not record.state.verification_opened


# Instants and ids.


def test_naive_instants_are_refused() -> None:
    """An hour without a zone is a guess: neither reading nor writing makes it."""
    naive = datetime(2023, 10, 2, 12)  # noqa: DTZ001
    with pytest.raises(ValueError, match="offset"):
        claims.to_utc(naive)
    with pytest.raises(ValueError, match="offset"):
        claims.format_instant(naive)
    with pytest.raises(ValueError, match="offset"):
        plain_data.make_plain({"at": naive}["at"])


def test_instants_are_written_in_utc() -> None:
    """Whatever offset they came with, to the microsecond, and read back equal."""
    belgrade = datetime(2023, 10, 2, 14, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert claims.to_utc(belgrade).tzinfo is UTC
    assert claims.format_instant(belgrade) == "2023-10-02T12:30:00.000005Z"
    assert claims.parse_instant(claims.format_instant(belgrade)) == belgrade


def test_ids_are_uuid_7_and_have_one_spelling() -> None:
    """Version 7, variant 10, unique, in lower case; other spellings are read, nonsense is not."""
    made_ids = [ids.make_id() for _ in range(200)]
    assert len(set(made_ids)) == 200
    for item in made_ids:
        assert item[14] == "7"
        assert item[19] in "89ab"
        assert ids.parse_id(item.upper()) == item
    stamps = [made_id[:13] for made_id in made_ids]
    assert stamps == sorted(stamps)
    for nonsense in ("", "1", "x" * 36, made_ids[0] + "0", made_ids[0][:-1]):
        assert ids.parse_id(nonsense) is None


# The hash, against the standard library's JSON.

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def encode_independently(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@settings(max_examples=150, deadline=None)
@given(PLAIN)
def test_the_canonical_form_is_sorted_compact_json(value: Any) -> None:
    """Byte for byte what an independent implementation writes, and it reads back equal."""
    assert canonical.render_canonical(value) == encode_independently(value)
    assert json.loads(canonical.render_canonical(value)) == value


@settings(max_examples=100, deadline=None)
@given(
    data=st.dictionaries(st.text('abč"\\\n', max_size=4), PLAIN, max_size=4),
    actor=st.sampled_from([{"id": "ana", "name": 'Ana "A" Ilić'}, {"rule": "request"}]),
    number=st.integers(1, 10_000),
)
def test_the_hash_is_of_the_whole_line(
    data: dict[str, Any], actor: dict[str, str], number: int
) -> None:
    """SHA-256 of the canonical JSON of the seven fields, made by the standard library alone."""
    line: dict[str, Any] = {
        "claim": "0192f7a0-0000-7000-8000-000000000001",
        "number": number,
        "type": "claim.amended",
        "recorded_at": "2023-10-02T12:00:00Z",
        "previous_hash": canonical.GENESIS,
    }
    expected = sha256(
        encode_independently(line | {"actor": actor, "data": data}).encode()
    ).hexdigest()
    assert expected == hashes.hash_claim_event(
        **line, actor=canonical.render_canonical(actor), data=canonical.render_canonical(data)
    )


def test_hash_equals_a_known_value() -> None:
    """The form is a promise to whoever verifies an export: these bytes, this hash."""
    body = (
        '{"actor":{"id":"ana","name":"Ana"},"claim":"c","data":{"reason":"čekamo"},"number":2,'
        '"previous_hash":"' + "0" * 64 + '","recorded_at":"2023-10-02T12:00:00Z",'
        '"type":"claim.withdrawn"}'
    )
    assert sha256(body.encode()).hexdigest() == hashes.hash_claim_event(
        claim="c",
        number=2,
        type="claim.withdrawn",
        recorded_at="2023-10-02T12:00:00Z",
        actor='{"id":"ana","name":"Ana"}',
        data='{"reason":"čekamo"}',
        previous_hash=canonical.GENESIS,
    )


def test_every_line_of_a_record_can_be_hashed() -> None:
    """No event's data holds anything but plain JSON without floats; a chain differs if one
    letter does."""
    record = build_full_record()

    def chain(events: list[Event]) -> str:
        last = canonical.GENESIS
        for event in events:
            data = canonical.render_canonical(event.data)
            assert data == encode_independently(event.data)
            last = hashes.hash_claim_event(
                claim=record.claim_id,
                number=event.number,
                type=event.type,
                recorded_at=claims.format_instant(event.recorded_at),
                actor=canonical.render_canonical({"id": BORIS.id, "name": BORIS.name}),
                data=data,
                previous_hash=last,
            )
        return last

    first = record.events[0]
    forgery = Event(
        1, first.type, first.recorded_at, first.data | {"precision": Precision.HOUR.value}
    )
    assert chain(record.events) == chain(list(record.events))
    assert chain(record.events) != chain([forgery, *record.events[1:]])
