"""The rulebook's machine, with what stands beside the evidence: claims that supersede each other,
holds, the places where claims were printed, and parties that are merged and separated again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from service.domain import corrections, holds, print_line, printed, supersession, things, uses
from service.domain.claims import (
    UNLISTED,
    Cause,
    ClaimState,
    Lifecycle,
    format_instant,
)
from service.domain.errors import (
    AlreadySettled,
    ClaimMerged,
    ClaimVoid,
    ClaimWithdrawn,
    Invalid,
)
from service.domain.history import Draft, Event
from service.domain.subjects import SubjectKind
from service.domain.things import Row, SignedEvent
from service.domain.uses import Alteration, UseState
from tests.domain.builders import Record
from tests.domain.test_lifecycle_machine import PARTIES, Desk, choices, rarely

HELD = print_line.HOLD_LINE


@dataclass
class Use:
    """Where a claim was printed: its own record, and the row that was kept along with it."""

    number: int
    """Which of the claims."""
    printed: ClaimState
    events: list[SignedEvent]
    row: Row


class Newsroom(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.uses: list[Use] = []
        self.places: dict[str, str | None] = {}
        """Where merged parties stood before."""

    def act(
        self,
        number: int,
        *drafts: Draft,
        cause: Cause | None = None,
        since: ClaimState | None = None,
        restores: bool = False,
        agreed: bool = False,
    ) -> None:
        """As the writer does: what was printed becomes outdated, and claims that this one
        supersedes, or did, are told."""
        record = self.records[number]
        before, event_count = record.state, len(record.events)
        super().act(number, *drafts, cause=cause, since=since, restores=restores, agreed=agreed)
        self.outdate(number, record.events[event_count:])
        for older_claim, data in supersession.list_changes(before, record.state):
            older_number = self.find_claim(older_claim)
            printed_before = printed.read_printed(self.records[older_number].state)
            self.act(older_number, Draft("claim.superseded", {**data}, "supersession"))
            assert printed.read_printed(self.records[older_number].state) == printed_before

    def find_claim(self, claim_id: str) -> int:
        return next(n for n, record in enumerate(self.records) if record.claim_id == claim_id)

    def outdate(self, number: int, events: Sequence[Event]) -> None:
        """Let what was printed become outdated; never less gravely than it is already."""
        for alteration in list_alterations(events):
            for use in self.uses:
                if use.number != number:
                    continue
                before = use.row
                use.row = uses.outdate(before, alteration)
                if before["state"] == UseState.OUTDATED:
                    lesser = uses.list_lesser(uses.UseClass(str(before["class"])))
                    assert use.row["class"] not in lesser

    # Supersession.

    @rule(claim_choice=choices, former_choice=choices)
    def supersede(self, claim_choice: int, former_choice: int) -> None:
        """By a correction; what the command refuses, the machine leaves out."""
        number, older_number = self.claim(claim_choice), self.claim(former_choice)
        record, older = self.records[number], self.records[older_number]
        newer = older.state.superseded_by
        is_taken = newer is not None and newer.id != record.claim_id
        if older.state.lifecycle in UNLISTED or is_taken:
            return
        below: str | None = older.claim_id
        while below is not None:
            if below == record.claim_id:
                return
            below = self.records[self.find_claim(below)].state.supersedes
        self.set_former(number, older.claim_id)

    @rule(claim_choice=choices)
    def supersede_nothing(self, claim_choice: int) -> None:
        self.set_former(self.claim(claim_choice), None)

    def set_former(self, number: int, older: str | None) -> None:
        state = self.records[number].state
        try:
            drafts = corrections.correct_claim(state, {"supersedes": older}, reason="a newer one")
        except (ClaimMerged, ClaimVoid, Invalid):
            assert state.supersedes == older or state.lifecycle in UNLISTED
            return
        self.act(number, *drafts, cause=Cause.CORRECTION)
        assert self.records[number].state.status is state.status

    def may_open(self, record: Record) -> bool:
        """As `claim_references.require_none_newer`."""
        older = record.state.supersedes
        newer = self.records[self.find_claim(older)].state.superseded_by if older else None
        return newer is None or newer.id == record.claim_id

    @invariant()
    def the_newer_and_the_older_tell_of_each_other(self) -> None:
        newer: dict[str, str] = {}
        for record in self.records:
            state = record.state
            if state.supersedes is not None and state.lifecycle not in UNLISTED:
                assert state.supersedes not in newer, "two claims supersede the same"
                newer[state.supersedes] = record.claim_id
        for record in self.records:
            newer_claim = record.state.superseded_by
            assert (newer_claim.id if newer_claim else None) == newer.get(record.claim_id)

    # Holds.

    @rule(claim_choice=choices, hours=st.none() | st.integers(1, 30))
    def hold(self, claim_choice: int, hours: int | None) -> None:
        number = self.claim(claim_choice)
        state = self.records[number].state
        until = None if hours is None else self.clock + timedelta(hours=hours)
        try:
            draft = holds.draft_hold(state, reason="a doubt", until=until, now=self.clock)
        except (ClaimMerged, ClaimWithdrawn, ClaimVoid):
            assert state.lifecycle is not Lifecycle.ACTIVE
            return
        self.keep_beside(number, draft)

    @rule(claim_choice=choices)
    def release(self, claim_choice: int) -> None:
        number = claim_choice % len(self.records)
        state = self.records[number].state
        try:
            draft = holds.draft_end(state, now=self.clock)
        except AlreadySettled:
            assert state.hold is None or state.hold.has_ended(self.clock)
            return
        self.keep_beside(number, draft)

    @rule()
    def end_holds(self) -> None:
        """As the worker does, of those whose time has come."""
        for number, record in enumerate(self.records):
            state = holds.drop_due_hold(record.state, self.clock)
            for draft in holds.draft_due_end(record.state, now=self.clock):
                self.keep_beside(number, draft)
            assert record.state.hold == state.hold

    def keep_beside(self, number: int, draft: Draft) -> None:
        """Record a hold or its end: nothing else of the claim changes by it."""
        record = self.records[number]
        before = record.state
        self.act(number, draft)
        after = record.state
        assert after == replace(
            before, hold=after.hold, version=after.version, updated_at=after.updated_at
        )
        assert printed.read_printed(after) == printed.read_printed(before)

    @invariant()
    def what_is_on_hold_says_so_first(self) -> None:
        for number in self.changed:
            state = self.records[number].state
            line = print_line.build_print_line(state)
            is_held = state.hold is not None and state.lifecycle not in UNLISTED
            assert line.startswith(HELD) is is_held or state.lifecycle in UNLISTED

    # Parties.

    @rule(party=st.sampled_from(PARTIES), into=st.sampled_from(PARTIES), agreed=st.booleans())
    def merge_parties(self, party: str, into: str, agreed: bool) -> None:
        """As `directory_merges.merge_party`."""
        if party in self.merged or into in self.merged or self.is_below(into, party):
            return
        self.places[party] = self.parents[party]
        self.merged[party] = into
        if not self.place_party(party, into, agreed=agreed):
            del self.merged[party], self.places[party]

    @rule(party_choice=choices, agreed=st.booleans())
    def separate_parties(self, party_choice: int, agreed: bool) -> None:
        """As `directory_merges.separate_party`: where it stood, unless that is below it by now."""
        if not self.merged:
            return
        party = sorted(self.merged)[party_choice % len(self.merged)]
        parent = self.places[party]
        if self.is_below(parent, party):
            parent = None
        into = self.merged.pop(party)
        if self.place_party(party, parent, agreed=agreed):
            del self.places[party]
        else:
            self.merged[party] = into

    # Uses.

    @rule(claim_choice=choices, of_any=rarely)
    def print_claim(self, claim_choice: int, of_any: bool) -> None:
        number = claim_choice % len(self.records) if of_any else self.claim(claim_choice)
        record = self.records[number]
        state = record.state
        if state.lifecycle is Lifecycle.MERGED or len(self.uses) > 12:
            return
        at = format_instant(record.now)
        data = {"version": state.version, **uses.begin_use(state.lifecycle, state.version, at)}
        event = SignedEvent(Event(1, "use.recorded", record.now, data), {"name": "CMS"})
        row = things.fold(SubjectKind.USE, [event])
        self.uses.append(Use(number, state, [event], row))

    @rule(use_choice=choices)
    def acknowledge_use(self, use_choice: int) -> None:
        outdated_uses = [use for use in self.uses if use.row["state"] == UseState.OUTDATED]
        if outdated_uses:
            self.settle(outdated_uses[use_choice % len(outdated_uses)], "acknowledged")

    @rule(use_choice=choices, sure=rarely)
    def retire_use(self, use_choice: int, sure: bool) -> None:
        standing = [use for use in self.uses if use.row["state"] != UseState.RETIRED]
        if sure and standing:
            self.settle(standing[use_choice % len(standing)], "retired")

    def settle(self, use: Use, state: str) -> None:
        record = self.records[use.number]
        data = {"state": state, f"{state}_version": record.state.version}
        number = len(use.events) + 1
        event = Event(number, f"use.{state}", record.now, data)
        use.events.append(SignedEvent(event, {"name": "CMS"}))
        use.row = use.row | data
        use.printed = record.state

    @invariant()
    def uses_follow_from_two_records(self) -> None:
        """A use's row is what its own events and its claim's say, and what is printed otherwise by
        now is not current."""
        for use in self.uses:
            record = self.records[use.number]
            assert uses.fold_use(use.events, list_alterations(record.events)) == use.row
            if use.row["state"] == UseState.CURRENT:
                assert read_gist(record.state) == read_gist(use.printed)


def list_alterations(events: Sequence[Event]) -> list[Alteration]:
    return [
        Alteration(event.number, format_instant(event.recorded_at), grade)
        for event in events
        if (grade := uses.classify(event.type, event.data)) is not None
    ]


def read_gist(state: ClaimState) -> list[object]:
    """What a change of makes every use outdated."""
    newer_id = state.superseded_by.id if state.superseded_by else None
    return [state.status, state.finding, state.lifecycle, state.revision, state.hold, newer_id]


@pytest.mark.parametrize("party", ["nato"])
def test_merged_party_has_the_name_and_place_of_the_other(party: str) -> None:
    """The machine's own model of merges."""
    desk = Newsroom()
    desk.merge_parties(party, "washington", True)
    assert (desk.voice(party).name, desk.voice(party).root) == ("washington", "washington")
    desk.separate_parties(0, True)
    assert (desk.voice(party).name, desk.voice(party).root) == (party, party)


TestNewsroom = Newsroom.TestCase
TestNewsroom.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
