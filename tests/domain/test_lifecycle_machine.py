"""The rulebook under any sequence of acts.

A few claims share parties and statements.  The machine drives them as the commands do
(`Record.act` is the ledger's loop) and keeps its own, separate account of every link, statement
and party, from which it counts support and contradictions again after every step.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from service.domain import (
    amendments,
    changes,
    corrections,
    evidence,
    guards,
    history,
    inquiry_drafts,
    lifecycle,
    plain_data,
    printed,
    proposals,
    reversals,
)
from service.domain.access import Actor
from service.domain.changes import Change, FindingRequest
from service.domain.claims import (
    Basis,
    Cause,
    ClaimState,
    DecisionKind,
    Finding,
    Kind,
    Lifecycle,
    Link,
    Pending,
    Precision,
    Scope,
    SetAside,
    Stance,
    Status,
    Unnamed,
    Voice,
)
from service.domain.errors import (
    AlreadySettled,
    ClaimdeskError,
    ClaimMerged,
    ClaimVoid,
    ClaimWithdrawn,
    Conflict,
    DecisionPending,
    Invalid,
    MergeCycle,
    SecondPersonNeeded,
)
from service.domain.guards import Move
from service.domain.history import Draft, Event
from service.domain.inquiries import Inquiry, InquiryOutcome
from tests.domain.builders import (
    ANA,
    ASSERTED,
    AWAITING,
    BORIS,
    CONFIRMED,
    DISPUTED,
    NOON,
    OVERRIDE,
    Record,
    fold_until,
)

# Children stand below their parents at the start; `reparent` moves them about.
PARENTS: dict[str, str | None] = {
    "belgrade": None,
    "army": "belgrade",
    "washington": None,
    "state-department": "washington",
    "pristina": None,
    "police": "pristina",
    "nato": None,
}
PARTIES = tuple(PARENTS)
PEOPLE = (ANA, BORIS)
STANCES = (*Stance, Stance.SUPPORTS, Stance.SUPPORTS)
COUNTS = (Basis.OWN_OBSERVATION, Basis.DOCUMENTS)
CHANGE = "claim.status_changed"
CAUTIOUS = (
    Stance.COMMENTS,
    Stance.SUPPORTS,
    Stance.REQUESTS_CONFIRMATION,
    Stance.CONTRADICTS,
)

choices = st.integers(0, 11)
"""Which of the things there are is meant: the remainder is taken of their number."""
RESTORING = (DecisionKind.RESTORATION, DecisionKind.SEPARATION)
rarely = st.integers(0, 4).map(lambda claim_choice: claim_choice == 4)


@dataclass
class Account:
    """What the machine itself knows of a link."""

    statement: str
    party: str
    stance: Stance
    qualifies: bool
    """By basis, scope and condition alone."""
    retracted: bool = False
    withdrawn: bool = False
    affirmed: bool = True
    conflicting: bool = False
    aside: bool = False
    qualifies_by_basis: bool = True
    named: bool = True
    void: bool = False
    statement_void: bool = False

    @property
    def is_live(self) -> bool:
        return not (self.retracted or self.withdrawn or self.void or self.statement_void)


@dataclass
class Effect:
    """A proposed change: how it is worked out anew, and what it does to the accounts."""

    make_change: Callable[[ClaimState], Change | None]
    """None where nothing is left to approve."""
    take: Callable[[], None]


class Desk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = NOON
        self.parents = dict(PARENTS)
        self.merged: dict[str, str] = {}
        """The parties that are merged, with what took their place."""
        self.records: list[Record] = []
        self.accounts: list[dict[str, Account]] = []
        self.spoken: dict[str, tuple[str, Basis]] = {}
        self.taken_back: set[str] = set()
        self.mistaken: set[str] = set()
        """The statements that are void."""
        self.given_back: set[int] = set()
        """The claims to which a request may have been given back in spite of a decision since."""
        self.seen: list[list[tuple[datetime, ClaimState]]] = []
        self.changed: set[int] = set()
        """The records with events that no invariant has seen."""
        self.made = 0
        self.eyes = True
        """Whether the desk asks for a second person."""
        self.effects: dict[str, Effect] = {}
        """What an approval changes in the accounts, by decision."""
        self.vouched: dict[int, tuple[set[str], set[str]]] = {}
        """Who supported and who contradicted a claim after its last event."""
        self.denied: dict[int, set[str]] = {}
        """Which links contradicted a claim after its last event."""

    # The machine's own account.

    def root(self, party: str) -> str:
        above = self.parents[party]
        return party if above is None else self.root(above)

    def voice(self, party: str) -> Voice:
        root = self.root(party)
        return Voice(party, self.find_name(party), root, self.find_name(root))

    def find_name(self, party: str) -> str:
        into = self.merged.get(party)
        return party if into is None else self.find_name(into)

    def list_live_accounts(self, number: int, stance: Stance) -> list[Account]:
        """The accounts of links by other roots than the claimant's that nobody took back."""
        claimant = self.records[number].claimant
        own = None if claimant is None else self.root(claimant.party)
        return [
            value
            for value in self.accounts[number].values()
            if value.stance is stance
            and value.named
            and value.is_live
            and self.root(value.party) != own
        ]

    def support(self, number: int) -> set[str]:
        return {
            self.root(link.party)
            for link in self.list_live_accounts(number, Stance.SUPPORTS)
            if link.qualifies and link.affirmed and not link.conflicting
        }

    def count_needed(self, number: int) -> int:
        aside = any(link.aside for link in self.list_live_accounts(number, Stance.CONTRADICTS))
        return 2 if aside or self.records[number].kind is Kind.FIGURE else 1

    def open_denials(self, number: int) -> list[Account]:
        return [
            link for link in self.list_live_accounts(number, Stance.CONTRADICTS) if not link.aside
        ]

    def are_open(self, number: int, denials: set[str]) -> bool:
        """Whether one of these links is not set aside: what was once, with a reason, stays so."""
        return any(not self.accounts[number][link_id].aside for link_id in denials)

    def list_denial_ids(self, number: int) -> set[str]:
        """The ids of the links by which other parties contradict a claim, set aside or not."""
        live = self.list_live_accounts(number, Stance.CONTRADICTS)
        return {
            link_id
            for link_id, account in self.accounts[number].items()
            if any(account is denial for denial in live)
        }

    # Acting.

    def new_id(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made}"

    def claim(self, claim_choice: int) -> int:
        """Mostly a claim that is active, for in the others little can happen."""
        active = self.list_open()
        if claim_choice < 2 or not active:
            return claim_choice % len(self.records)
        return active[claim_choice % len(active)]

    def list_open(self) -> list[int]:
        return [
            number
            for number, record in enumerate(self.records)
            if record.state.lifecycle is Lifecycle.ACTIVE
        ]

    def submit(self, number: int, change: Change, effect: Effect, *, actor: Actor = ANA) -> bool:
        """As `commands.proposals.submit`: carry a change out, or propose it."""
        state = self.records[number].state
        decision = self.new_id("decision")
        try:
            drafts = changes.submit_change(
                state, change, four_eyes=self.eyes, actor=actor, decision_id=decision
            )
        except DecisionPending:
            assert state.pending is not None
            return False
        if drafts and drafts[-1].type == "decision.proposed":
            hypothesis.event(f"proposed {change.kind}")
            self.effects[decision] = effect
            self.act(number, *drafts)
            assert self.records[number].state.status is state.status
            return False
        effect.take()
        self.act(
            number,
            *drafts,
            cause=change.cause,
            since=change.since,
            restores=change.kind in RESTORING,
        )
        return True

    def check_what_two_vouch_for(
        self, number: int, before: ClaimState, events: Sequence[Event], agreed: bool
    ) -> None:
        """What is printed of a confirmed claim never changes by one person's word, but to be more
        cautious, or to be confirmed no longer."""
        after = self.records[number].state
        support = {
            self.root(link.party) for link in self.list_live_accounts(number, Stance.SUPPORTS)
        }
        support &= self.support(number)
        denials = {self.root(link.party) for link in self.open_denials(number)}
        had, deniers = self.vouched.get(number, (set(), set()))
        self.vouched[number] = (support, denials)
        agreed = agreed or any(
            event.type == "decision.approved" or event.data.get("approved_by") for event in events
        )
        if not self.eyes or agreed:
            return
        if before.finding is not after.finding:
            # By itself a finding only ends: with the wording that it was about, or by a newer
            # confirmation, which one person may give where four eyes were off.
            assert after.finding is None
        if not before.status is after.status is CONFIRMED:
            return
        if before.lifecycle is after.lifecycle is Lifecycle.MERGED:
            # Nothing of it prints; a separation takes two people.
            return
        if Lifecycle.VOID in (before.lifecycle, after.lifecycle):
            # All that prints of a void claim is that nobody may use it.
            assert after.lifecycle is Lifecycle.VOID, "it takes two to print a confirmation again"
            return
        assert after.text == before.text
        assert after.finding is before.finding
        assert printed.read_printed(after)["claimant"] == printed.read_printed(before)["claimant"]
        assert after.override == before.override
        assert support <= had, "nobody is printed as a supporter by one person's word"
        assert deniers <= denials, "no denial goes unprinted by one person's word"

    def act(
        self,
        number: int,
        *drafts: Draft,
        cause: Cause | None = None,
        since: ClaimState | None = None,
        restores: bool = False,
        agreed: bool = False,
    ) -> None:
        """Append to the record, keep the account up, and check what the new events say.

        `agreed`: two people have agreed to what concerns many claims at once; `restores`: what is
        recorded gives back what there was.
        """
        record = self.records[number]
        before, event_count = record.state, len(record.events)
        record.act(*drafts, at=self.clock, cause=cause, since=since)
        for event, rule_of_event in zip(
            record.events[event_count:], record.rules[event_count:], strict=True
        ):
            if event.type != CHANGE:
                continue
            data = event.data
            hypothesis.event(f"{data['previous_status']} → {data['status']}, {data['cause']}")
            change = (Status(data["previous_status"]), Status(data["status"]))
            assert change in lifecycle.TRANSITIONS
            assert change != (CONFIRMED, ASSERTED)
            assert (rule_of_event is None) == (data["decided_by"] is not None)
            if rule_of_event is not None:
                assert change[1] in (AWAITING, DISPUTED), "no rule confirms"
                assert change[1] is AWAITING or self.open_denials(number)
                assert data["override"] is None
            if change[1] is CONFIRMED:
                self.check_confirmation(number, data)
            for entry in data["set_aside"]:
                self.accounts[number][entry["link"]].aside = True
            assert record.state.pending is None
        state = record.state
        denials = self.list_denial_ids(number)
        new_denials = denials - self.denied.get(number, set())
        self.denied[number] = denials
        if restores:
            self.given_back.add(number)
            assert state.status is before.status or state.status in (AWAITING, DISPUTED), (
                "no way back confirms"
            )
        elif before.lifecycle is not Lifecycle.ACTIVE or state.lifecycle is not Lifecycle.ACTIVE:
            # What is withdrawn prints still: a correction may take its confirmation away.
            is_corrected = cause is Cause.CORRECTION and before.lifecycle is Lifecycle.WITHDRAWN
            assert state.status is before.status or (is_corrected and state.status is AWAITING), (
                "a closed claim keeps its last status"
            )
        elif self.are_open(number, new_denials) and before.status in (ASSERTED, AWAITING):
            assert state.status is DISPUTED, "another party's new contradiction disputes a claim"
        if state.status is not before.status or state.lifecycle is not before.lifecycle:
            assert state.pending is None
        self.check_what_two_vouch_for(number, before, record.events[event_count:], agreed)
        self.seen[number].append((record.now, state))
        self.changed.add(number)

    def check_confirmation(self, number: int, data: dict[str, Any]) -> None:
        """Nothing is confirmed without a marked override or enough independent support now."""
        assert data["decided_by"] in {person.name for person in PEOPLE}
        assert data["approved_by"] != data["decided_by"]
        if data["override"] is not None:
            assert self.records[number].state.override
            return
        assert data["reason"]
        aside = {entry["link"] for entry in data["set_aside"]}
        asks = 2 if aside else self.count_needed(number)
        assert len(self.support(number)) >= asks
        open_now = [
            link_id
            for link_id, account in self.accounts[number].items()
            if any(account is denial for denial in self.open_denials(number))
        ]
        assert set(open_now) <= aside

    @initialize(
        kind=st.sampled_from((Kind.EVENT, Kind.FIGURE)),
        links=st.lists(
            st.tuples(choices, st.sampled_from(PARTIES), st.sampled_from(STANCES)), max_size=8
        ),
        confirm=st.booleans(),
        is_four_eyes=st.sampled_from((True, True, True, False)),
    )
    def start(
        self, kind: Kind, links: list[tuple[int, str, Stance]], confirm: bool, is_four_eyes: bool
    ) -> None:
        """One of Belgrade's claims and one of Washington's, with something said of them."""
        self.eyes = is_four_eyes
        for number, each in ((0, Kind.EVENT), (2, kind)):
            self.add_claim(PARTIES[number], each)
        for claim_choice, party, stance in links:
            self.link_new(claim_choice, party, stance, Basis.DOCUMENTS)
        # One utterance on both claims, supporting one alone: a merge has to settle that.
        self.link_new(2, "nato", Stance.SUPPORTS, Basis.DOCUMENTS)
        self.link_new(
            3, "nato", Stance.COMMENTS, Basis.DOCUMENTS, known_statement=len(self.spoken) - 1
        )
        if confirm:
            for claim_choice in (2, 3):
                self.link_new(claim_choice, "nato", Stance.SUPPORTS, Basis.DOCUMENTS)
                self.link_new(claim_choice, "pristina", Stance.SUPPORTS, Basis.DOCUMENTS)
                self.follow_the_suggestion(claim_choice, four_eyes=False, actor=ANA, aside=False)

    @precondition(lambda self: len(self.list_open()) < 2)
    @rule(claim_choice=choices, kind=st.sampled_from((Kind.EVENT, Kind.FIGURE)))
    def record_claim(self, claim_choice: int, kind: Kind) -> None:
        """By a party, or by nobody in particular."""
        self.add_claim((*PARTIES, None)[claim_choice % (len(PARTIES) + 1)], kind)

    def add_claim(self, party: str | None, kind: Kind) -> None:
        origin = self.new_id("statement")
        if party is not None:
            self.spoken[origin] = (party, Basis.UNSTATED)
        record = Record(
            self.new_id("claim"),
            claimant=None if party is None else self.voice(party),
            kind=kind,
            origin=origin,
            now=self.clock,
        )
        self.records.append(record)
        self.accounts.append({})
        self.seen.append([(record.now, record.state)])

    @rule(
        claim_choice=choices,
        party=st.sampled_from(PARTIES),
        stance=st.sampled_from(STANCES),
        basis=st.sampled_from((*Basis, *COUNTS, *COUNTS)),
        partial=rarely,
        conditional=rarely,
        known_statement=st.none() | st.none() | choices,
    )
    def link(
        self,
        claim_choice: int,
        party: str,
        stance: Stance,
        basis: Basis,
        partial: bool,
        conditional: bool,
        known_statement: int | None,
    ) -> None:
        """A new statement, or one that was recorded before, takes a stance."""
        self.link_new(
            claim_choice,
            party,
            stance,
            basis,
            partial or conditional,
            known_statement,
            partial=partial,
        )

    def link_new(
        self,
        claim_choice: int,
        party: str,
        stance: Stance,
        basis: Basis,
        hedged: bool = False,
        known_statement: int | None = None,
        *,
        partial: bool = False,
    ) -> None:
        """`hedged`: partial, or else conditional."""
        number = self.claim(claim_choice)
        record = self.records[number]
        standing = [
            statement
            for statement in self.spoken
            if statement not in self.taken_back | self.mistaken
        ]
        if known_statement is not None and standing:
            statement = standing[known_statement % len(standing)]
            party, basis = self.spoken[statement]
        else:
            statement = self.new_id("statement")
            self.spoken[statement] = (party, basis)
        new = Link(
            id=self.new_id("link"),
            statement=statement,
            stance=stance,
            scope=Scope.PARTIAL if partial else Scope.FULL,
            conditional=hedged and not partial,
            basis=basis,
            voice=self.voice(party),
            said_at=NOON - timedelta(days=3),
            precision=Precision.DAY,
            quote="…",
            recorded_at=self.clock,
        )
        active = {value.statement for value in self.accounts[number].values() if value.is_live}
        if record.state.lifecycle is not Lifecycle.ACTIVE:
            refusal: type[ClaimdeskError] | None = {
                Lifecycle.MERGED: ClaimMerged,
                Lifecycle.WITHDRAWN: ClaimWithdrawn,
                Lifecycle.VOID: ClaimVoid,
            }[record.state.lifecycle]
        else:
            refusal = Invalid if statement in active | {record.origin} else None
        if refusal is not None:
            with pytest.raises(refusal):
                amendments.draft_link(record.state, new, note=None)
            return

        def take() -> None:
            counts = basis in COUNTS and not hedged
            self.accounts[number][new.id] = Account(
                statement, party, stance, counts, qualifies_by_basis=basis in COUNTS
            )

        def make_change(state: ClaimState) -> Change | None:
            if statement in self.taken_back | self.mistaken:
                return None
            return amendments.add_link(state, replace(new, voice=self.voice(party)), note=None)

        change = amendments.add_link(record.state, new, note=None)
        self.submit(number, change, Effect(make_change, take))

    @rule(
        claim_choice=choices,
        party=st.none() | st.sampled_from(PARTIES),
        stance=st.sampled_from(STANCES),
    )
    def link_unnamed(self, claim_choice: int, party: str | None, stance: Stance) -> None:
        """A source that is not named takes a stance, which moves nothing."""
        number = self.claim(claim_choice)
        state = self.records[number].state
        if state.lifecycle is not Lifecycle.ACTIVE:
            return
        new = Link(
            id=self.new_id("link"),
            statement=self.new_id("statement"),
            stance=stance,
            scope=Scope.FULL,
            conditional=False,
            basis=Basis.DOCUMENTS,
            voice=Unnamed("an official", self.voice(party) if party else None),
            said_at=NOON - timedelta(days=3),
            precision=Precision.MONTH,
            quote="…",
            recorded_at=self.clock,
        )

        def make_change(state: ClaimState) -> Change:
            voice = Unnamed("an official", self.voice(party) if party else None)
            return amendments.add_link(state, replace(new, voice=voice), note=None)

        def take() -> None:
            self.accounts[number][new.id] = Account(
                new.statement, party or "nato", stance, False, named=False
            )

        change = amendments.add_link(state, new, note=None)
        self.submit(number, change, Effect(make_change, take))
        after = self.records[number].state
        assert after.status is state.status
        if (
            after.find_link(new.id)
            and stance is Stance.CONTRADICTS
            and state.status is not DISPUTED
        ):
            assert evidence.is_challenged(after)

    @rule(
        claim_choice=choices,
        party=st.sampled_from(PARTIES),
        confirm=st.booleans(),
        is_four_eyes=st.booleans(),
    )
    def link_good_support(
        self, claim_choice: int, party: str, confirm: bool, is_four_eyes: bool
    ) -> None:
        """What moves a desk along: support that counts, if the party is independent, and the
        decision it allows."""
        self.link_new(claim_choice, party, Stance.SUPPORTS, Basis.DOCUMENTS)
        if confirm:
            self.follow_the_suggestion(claim_choice, four_eyes=is_four_eyes, actor=ANA, aside=False)
            if is_four_eyes:
                self.approve_waiting(claim_choice, BORIS)

    @precondition(lambda self: any(self.accounts))
    @rule(claim_choice=choices, link_choice=choices)
    def retract(self, claim_choice: int, link_choice: int) -> None:
        number = self.claim(claim_choice)
        links = list(self.accounts[number])
        if not links:
            return
        link_id = links[link_choice % len(links)]
        account = self.accounts[number][link_id]

        def make_change(state: ClaimState) -> Change:
            return amendments.retract_link(state, link_id, reason="mistake")

        def take() -> None:
            account.retracted = True

        try:
            change = make_change(self.records[number].state)
        except AlreadySettled:
            assert account.retracted
            return
        self.submit(number, change, Effect(make_change, take))

    def is_for_two(self, number: int, *drafts: Draft) -> bool:
        """Whether what would happen to many claims changes what two vouch for on this one."""
        state = self.records[number].state
        after = lifecycle.predict_outcome(state, drafts)
        return self.eyes and bool(printed.list_fields_to_agree_on(state, after))

    @rule(link_choice=choices, origin=rarely)
    def withdraw_statement(self, link_choice: int, origin: bool) -> None:
        """As `commands.statements.withdraw`: every claim it is linked to, or comes from."""
        origins = {record.origin for record in self.records}
        standing = [
            statement
            for statement in self.spoken
            if statement not in self.taken_back and (origin or statement not in origins)
        ]
        statement = standing[link_choice % len(standing)] if standing else None
        if statement is None:
            return
        drafts_of_claims: list[tuple[int, list[Draft]]] = []
        for number, record in enumerate(self.records):
            drafts = []
            if any(link.statement == statement for link in record.state.links):
                drafts.append(
                    amendments.draft_statement_withdrawal(
                        statement, reason="corrected", source=None
                    )
                )
            if record.origin == statement and record.state.lifecycle is Lifecycle.ACTIVE:
                drafts.append(
                    amendments.draft_claim_withdrawal(record.state, reason="corrected", source=None)
                )
            if drafts:
                drafts_of_claims.append((number, drafts))
        about: amendments.Withdrawal = {
            "reason": "corrected",
            "source": None,
            "said_at": None,
            "precision": None,
        }
        plans = [
            (number, amendments.withdraw_linked_statement(statement, drafts, about))
            for number, drafts in drafts_of_claims
        ]
        if any(
            self.is_for_two(number, *change.drafts) and self.records[number].state.pending
            for number, change in plans
        ):
            return
        for number, change in plans:

            def make_change(state: ClaimState) -> Change:
                draft = amendments.draft_statement_withdrawal(
                    statement, reason="corrected", source=None
                )
                return amendments.withdraw_linked_statement(statement, [draft], about)

            def take(number: int = number) -> None:
                for value in self.accounts[number].values():
                    value.withdrawn = value.withdrawn or value.statement == statement

            self.submit(number, change, Effect(make_change, take))
        self.taken_back.add(statement)

    @rule(
        claim_choice=choices,
        to=st.sampled_from(Status),
        cited=st.none() | choices,
        override=rarely,
        four_eyes=st.booleans(),
        actor=st.sampled_from(PEOPLE),
        reason=st.sampled_from(("seen", "seen", "")),
    )
    def decide(
        self,
        claim_choice: int,
        to: Status,
        cited: int | None,
        override: bool,
        four_eyes: bool,
        actor: Actor,
        reason: str,
    ) -> None:
        """Any status whatever, on any link or none."""
        number = self.claim(claim_choice)
        links = list(self.accounts[number])
        cites = (links[cited % len(links)],) if links and cited is not None else ()
        move = Move(to, reason, cites, (), OVERRIDE if override else None)
        self.change_status(number, move, four_eyes=four_eyes, actor=actor)

    @rule(
        claim_choice=choices, four_eyes=st.booleans(), actor=st.sampled_from(PEOPLE), aside=rarely
    )
    def follow_the_suggestion(
        self, claim_choice: int, four_eyes: bool, actor: Actor, aside: bool
    ) -> None:
        """What a diligent checker does; or, for once, sets every contradiction aside."""
        number = self.claim(claim_choice)
        state = self.records[number].state
        status = evidence.suggest_status(state).status
        set_aside: tuple[SetAside, ...] = ()
        if aside and state.status is DISPUTED:
            status = CONFIRMED
            set_aside = tuple(
                SetAside(link.id, "of another unit")
                for link in evidence.list_open_contradictions(state)
            )
        cites = tuple(link.id for link in guards.list_citable_links(state, status))
        move = Move(status, "as the links suggest", cites, set_aside)
        has_changed = self.change_status(number, move, four_eyes=four_eyes, actor=actor)
        if state.lifecycle is Lifecycle.ACTIVE and state.status in (ASSERTED, AWAITING):
            assert has_changed or state.pending or status is state.status, (
                "guards allow the suggestion"
            )

    def change_status(self, number: int, move: Move, *, four_eyes: bool, actor: Actor) -> bool:
        record = self.records[number]
        before = record.state
        try:
            draft = lifecycle.change_status(
                before,
                move,
                actor=actor,
                decision_id=self.new_id("decision"),
                four_eyes=four_eyes,
            )
        except ClaimdeskError:
            return False
        asks = four_eyes and (move.to is CONFIRMED or move.override is not None)
        assert draft.type == ("decision.proposed" if asks else CHANGE)
        if asks:
            assert before.pending is None, "one proposal at a time"
        self.act(number, draft)
        if asks:
            assert record.state.status is before.status
            assert record.state.pending is not None
        return True

    def waiting(self, claim_choice: int) -> tuple[int, Any] | None:
        numbers = [n for n, record in enumerate(self.records) if record.state.pending]
        if not numbers:
            return None
        number = numbers[claim_choice % len(numbers)]
        return number, self.records[number].state.pending

    @precondition(lambda self: any(record.state.pending for record in self.records))
    @rule(claim_choice=choices, actor=st.sampled_from(PEOPLE))
    def approve(self, claim_choice: int, actor: Actor) -> None:
        self.approve_waiting(claim_choice, actor)

    def approve_waiting(self, claim_choice: int, actor: Actor) -> None:
        proposal = self.waiting(claim_choice)
        if proposal is None:
            return
        number, pending = proposal
        state = self.records[number].state
        if pending.kind is not DecisionKind.STATUS:
            self.approve_change(number, pending, actor)
            return
        try:
            draft = lifecycle.approve_status_change(state, pending.id, actor=actor, note=None)
        except SecondPersonNeeded:
            assert pending.proposed_by == actor.id
            return
        except ClaimdeskError:
            return
        assert pending.proposed_by != actor.id
        self.act(number, draft)

    def approve_change(self, number: int, pending: Pending, actor: Actor) -> None:
        """As `commands.approvals.approve`."""
        state, effect = self.records[number].state, self.effects[pending.id]
        try:
            proposals.require_approvable_proposal(state, pending.id, actor=actor)
            change = effect.make_change(state)
            if change is None:
                return
            drafts = changes.approve_change(state, pending.id, change, actor=actor, note=None)
        except SecondPersonNeeded:
            assert pending.proposed_by == actor.id
            return
        except ClaimdeskError as refusal:
            hypothesis.event(f"{pending.kind} refused: {type(refusal).__name__}")
            return
        assert pending.proposed_by != actor.id
        hypothesis.event(f"approved {pending.kind}")
        effect.take()
        self.act(
            number,
            *drafts,
            cause=change.cause,
            since=change.since,
            restores=change.kind in RESTORING,
        )
        after = self.records[number].state
        assert after.pending is None
        assert printed.read_printed(after) == pending.prints, "what was approved is what prints"

    @rule(actor=st.sampled_from(PEOPLE), sure=rarely)
    def disable(self, actor: Actor, sure: bool) -> None:
        """Somebody's proposals lapse; what they proposed stays as it was."""
        for number, record in enumerate(self.records):
            pending = record.state.pending
            if sure and pending is not None and pending.proposed_by == actor.id:
                reason = proposals.LapseReason.PROPOSER_DISABLED
                self.act(number, proposals.draft_lapse(record.state, pending.id, reason=reason))
                assert record.state.pending is None

    @rule(
        claim_choice=choices,
        finding=st.sampled_from((None, *Finding)),
        actor=st.sampled_from(PEOPLE),
        approve=st.booleans(),
    )
    def find(self, claim_choice: int, finding: Finding | None, actor: Actor, approve: bool) -> None:
        number = self.claim(claim_choice)
        state = self.records[number].state
        stances = (Stance.CONTRADICTS, Stance.SUPPORTS)[
            : 2 if finding is Finding.CONFLICTING else 1
        ]
        cites = [link.id for link in state.links if link.is_active and link.stance in stances]
        ask = FindingRequest(finding, "weighed", tuple(cites))

        def make_change(state: ClaimState) -> Change:
            return changes.change_finding(state, ask)

        try:
            change = changes.change_finding(state, ask, decided_by=actor.name)
        except ClaimdeskError:
            return
        if finding is Finding.REFUTED:
            assert any(link.qualifies_by_basis for link in self.open_denials(number)), (
                "somebody else knows better at first hand"
            )
        if (
            not self.submit(number, change, Effect(make_change, lambda: None), actor=actor)
            and approve
        ):
            self.approve_waiting(claim_choice, BORIS if actor is ANA else ANA)

    @precondition(lambda self: any(record.state.pending for record in self.records))
    @rule(claim_choice=choices, own=st.booleans())
    def turn_down(self, claim_choice: int, own: bool) -> None:
        """Rejected by somebody, or withdrawn by whoever proposed it."""
        proposal = self.waiting(claim_choice)
        assert proposal is not None
        number, pending = proposal
        state = self.records[number].state
        proposer = next(person for person in PEOPLE if person.id == pending.proposed_by)
        draft = (
            proposals.draft_withdrawal(state, pending.id, actor=proposer, reason=None)
            if own
            else proposals.draft_rejection(state, pending.id, comment="not yet")
        )
        self.act(number, draft)
        assert self.records[number].state.status is state.status
        assert self.records[number].state.pending is None

    @rule(claim_choice=choices, material=st.booleans(), actor=st.sampled_from(PEOPLE))
    def amend(self, claim_choice: int, material: bool, actor: Actor) -> None:
        number = self.claim(claim_choice)
        state = self.records[number].state
        text = self.new_id("text")

        def make_change(state: ClaimState) -> Change:
            return amendments.reword_claim(state, text, material=material)

        def take() -> None:
            if material:
                for value in self.accounts[number].values():
                    value.affirmed = value.aside = False

        try:
            change = make_change(state)
        except (ClaimMerged, ClaimWithdrawn, ClaimVoid):
            assert state.lifecycle is not Lifecycle.ACTIVE
            return
        if not self.submit(number, change, Effect(make_change, take), actor=actor):
            assert not material, "a wording that is another claim takes the confirmation away"
            return
        after = self.records[number].state
        assert after.revision == state.revision + material
        if material:
            assert after.finding is None
            assert after.status is (AWAITING if state.status is CONFIRMED else state.status)

    @rule(claim_choice=choices, link_choice=choices)
    def affirm(self, claim_choice: int, link_choice: int) -> None:
        number = self.claim(claim_choice)
        state = self.records[number].state
        open_links = [link for link in state.links if not link.affirmed or link.conflicting]
        if not open_links:
            return
        link = open_links[link_choice % len(open_links)]
        account = self.accounts[number][link.id]

        def make_change(state: ClaimState) -> Change:
            return amendments.affirm_link(state, link.id)

        def take() -> None:
            account.affirmed, account.conflicting = True, False

        try:
            change = make_change(state)
        except (ClaimMerged, ClaimWithdrawn, ClaimVoid, AlreadySettled):
            assert state.lifecycle is not Lifecycle.ACTIVE or not link.is_active
            return
        self.submit(number, change, Effect(make_change, take))
        assert self.records[number].state.status is state.status

    @rule(claim_choice=choices, into=choices, sure=st.booleans(), actor=st.sampled_from(PEOPLE))
    def merge(self, claim_choice: int, into: int, sure: bool, actor: Actor) -> None:
        """As `commands.claims.merge`; none of these claims is part of another."""
        number, survivor = self.claim(claim_choice), self.claim(into)
        if not sure:
            return
        loser, winner = self.records[number], self.records[survivor]
        new_ids = {link.id: self.new_id("link") for link in loser.state.links}
        origin_id = self.new_id("link")

        def make_change(state: ClaimState) -> Change | None:
            amendments.require_mergeable(loser.state, state, set())
            if set(new_ids) < {link.id for link in loser.state.links}:
                return None
            return amendments.absorb_claim(
                state, loser.state, new_ids, self.origin(loser, origin_id)
            )

        try:
            change = make_change(winner.state)
        except (MergeCycle, ClaimMerged, ClaimWithdrawn, ClaimVoid):
            assert number == survivor or not (
                loser.state.lifecycle is winner.state.lifecycle is Lifecycle.ACTIVE
            )
            return
        assert change is not None
        status = winner.state.status
        utterances = {link.statement for link in loser.state.links if link.is_active}
        utterances |= {loser.origin} if loser.claimant else set()

        def take() -> None:
            self.act(number, Draft("claim.merged", {"into": winner.claim_id}))
            self.absorb_accounts(number, survivor, new_ids, origin_id)

        if not self.submit(survivor, change, Effect(make_change, take), actor=actor):
            return
        assert winner.state.status in (status, AWAITING, DISPUTED)
        statements = [link.statement for link in winner.state.links if link.is_active]
        assert len(statements) == len(set(statements))
        assert utterances <= {*statements, winner.origin}, "no voice disappears in a merge"

    def origin(self, record: Record, link_id: str) -> Link | None:
        """What the record was begun with, as a link; None where no party stands behind it."""
        if record.claimant is None:
            return None
        party, basis = self.spoken[record.origin]
        return Link(
            id=link_id,
            statement=record.origin,
            stance=Stance.SUPPORTS,
            scope=Scope.FULL,
            conditional=False,
            basis=basis,
            voice=self.voice(party),
            said_at=NOON - timedelta(days=3),
            precision=Precision.DAY,
            quote="…",
            recorded_at=NOON,
        )

    def absorb_accounts(
        self, number: int, survivor: int, new_ids: dict[str, str], origin_id: str
    ) -> None:
        """What a merge does to the account of the claim that remains."""
        loser, winner = self.records[number], self.records[survivor]
        values = {
            value.statement: value for value in self.accounts[survivor].values() if value.is_live
        }
        moving = {
            new_ids[link_id]: replace(account, aside=False)
            for link_id, account in self.accounts[number].items()
            if account.is_live
        }
        if loser.claimant is not None:
            party, basis = self.spoken[loser.origin]
            origin = Account(loser.origin, party, Stance.SUPPORTS, basis in COUNTS)
            own = winner.claimant is not None and self.root(winner.claimant.party) == self.root(
                party
            )
            origin.conflicting = origin.qualifies and not own
            moving[origin_id] = origin
        for link_id, each in moving.items():
            if each.statement == winner.origin:
                continue
            own_account = values.get(each.statement)
            if own_account is None:
                self.accounts[survivor][link_id] = each
            elif CAUTIOUS.index(each.stance) > CAUTIOUS.index(own_account.stance):
                own_account.retracted = True
                self.accounts[survivor][link_id] = replace(each, conflicting=True)
            elif own_account.stance is not each.stance:
                own_account.conflicting = True

    @rule(claim_choice=choices, sure=rarely)
    def withdraw_claim(self, claim_choice: int, sure: bool) -> None:
        record = self.records[self.claim(claim_choice)]
        if not sure or record.state.lifecycle is not Lifecycle.ACTIVE:
            return
        status = record.state.status
        self.act(
            self.claim(claim_choice),
            amendments.draft_claim_withdrawal(record.state, reason="error", source=None),
        )
        assert record.state.status is status

    # Voids and ways back.

    def may_open(self, record: Record) -> bool:
        """Whether nothing has taken the place of this closed claim."""
        return True

    def read_before_last(self, number: int, type: str) -> ClaimState:
        """What a claim was before its last event of this type."""
        record = self.records[number]
        last = max(n for n, event in enumerate(record.events) if event.type == type)
        before = history.fold(record.claim_id, record.events[:last])
        assert before is not None
        return before

    @rule(claim_choice=choices, sure=rarely)
    def void_claim(self, claim_choice: int, sure: bool) -> None:
        number = self.claim(claim_choice)
        state = self.records[number].state
        if not sure:
            return
        try:
            change = reversals.void_claim(state, reason="a mistake")
        except (AlreadySettled, ClaimMerged):
            assert state.lifecycle in (Lifecycle.VOID, Lifecycle.MERGED)
            return
        assert self.submit(number, change, Effect(lambda _: change, lambda: None))

    @rule(claim_choice=choices)
    def open_claim(self, claim_choice: int) -> None:
        """Restore what is void, reinstate what was withdrawn."""
        closed_claims = [
            number
            for number, record in enumerate(self.records)
            if record.state.lifecycle in (Lifecycle.VOID, Lifecycle.WITHDRAWN)
            and record.origin not in self.taken_back | self.mistaken
            and self.may_open(record)
        ]
        if not closed_claims:
            return
        number = closed_claims[claim_choice % len(closed_claims)]

        def make_change(state: ClaimState) -> Change:
            if state.lifecycle is Lifecycle.VOID:
                since = self.read_before_last(number, "claim.voided")
                return reversals.restore_claim(state, reason="none", since=since)
            since = self.read_before_last(number, "claim.withdrawn")
            return reversals.reinstate_claim(state, reason="none", since=since)

        change = make_change(self.records[number].state)
        self.submit(number, change, Effect(make_change, lambda: None))

    @rule(claim_choice=choices)
    def void_and_restore_at_once(self, claim_choice: int) -> None:
        """The identity, but for the record and for what waited."""
        number = self.claim(claim_choice)
        record = self.records[number]
        before = record.state
        if before.lifecycle in (Lifecycle.VOID, Lifecycle.MERGED):
            return
        self.act(number, *reversals.void_claim(before, reason="a mistake").drafts)
        change = reversals.restore_claim(record.state, reason="none", since=before)
        self.act(number, *change.drafts, since=change.since, restores=True, agreed=True)
        after = record.state
        assert after == replace(
            before, version=after.version, updated_at=after.updated_at, pending=None
        )

    @rule(claim_choice=choices, link_choice=choices, back=st.booleans())
    def void_or_restore_link(self, claim_choice: int, link_choice: int, back: bool) -> None:
        number = self.claim(claim_choice)
        links = list(self.accounts[number])
        if not links:
            return
        link_id = links[link_choice % len(links)]
        account = self.accounts[number][link_id]
        plan = reversals.restore_link if back else reversals.void_link

        def make_change(state: ClaimState) -> Change:
            return plan(state, link_id, reason="a mistake")

        def take() -> None:
            if not back or account.void:
                account.void = not back
            else:
                account.retracted = False

        try:
            change = make_change(self.records[number].state)
        except AlreadySettled:
            assert (not account.void and not account.retracted) if back else account.void
            return
        except Conflict:
            assert back
            return
        status = self.records[number].state.status
        if self.submit(number, change, Effect(make_change, take)) and back:
            has_fallen = (CONFIRMED, self.records[number].state.status) == (status, AWAITING)
            assert has_fallen or self.records[number].state.status is status

    @rule(link_choice=choices, back=st.booleans())
    def void_or_restore_statement(self, link_choice: int, back: bool) -> None:
        """As the commands do: on every claim that it is linked to, or is the origin of."""
        live = {
            record.origin
            for record in self.records
            if record.state.lifecycle in (Lifecycle.ACTIVE, Lifecycle.WITHDRAWN)
        }
        standing = [
            statement
            for statement in self.spoken
            if (statement in self.mistaken) is back and (back or statement not in live)
        ]
        if not standing:
            return
        statement = standing[link_choice % len(standing)]

        def make_change(state: ClaimState) -> Change | None:
            if (statement in self.mistaken) is back:
                return None
            if back:
                return reversals.restore_statement(state, statement, "void", reason="none")
            return reversals.void_statement(statement, reason="a mistake")

        claims = [
            number
            for number, record in enumerate(self.records)
            if record.origin == statement
            or any(link.statement == statement for link in record.state.links)
        ]
        (self.mistaken.discard if back else self.mistaken.add)(statement)
        plans = [
            (number, change)
            for number in claims
            if (change := make_change(self.records[number].state)) is not None
        ]
        if any(
            self.eyes
            and changes.needs_second_person(self.records[number].state, change)
            and self.records[number].state.pending
            for number, change in plans
        ):
            (self.mistaken.add if back else self.mistaken.discard)(statement)
            return
        for number, change in plans:

            def take(number: int = number) -> None:
                for value in self.accounts[number].values():
                    if value.statement == statement:
                        value.statement_void = not back

            self.submit(number, change, Effect(make_change, take))

    @rule(claim_choice=choices, actor=st.sampled_from(PEOPLE))
    def separate(self, claim_choice: int, actor: Actor) -> None:
        """As `commands.separations`; none of these claims is part of another."""
        merged_claims = [
            number
            for number, record in enumerate(self.records)
            if record.state.lifecycle is Lifecycle.MERGED
            and record.origin not in self.taken_back | self.mistaken
            and self.may_open(record)
        ]
        if not merged_claims:
            return
        number = merged_claims[claim_choice % len(merged_claims)]
        loser = self.records[number]
        survivor = next(
            n for n, record in enumerate(self.records) if record.claim_id == loser.state.merged_into
        )
        winner = self.records[survivor]
        release: dict[str, Any] = {}

        def make_change(state: ClaimState) -> Change | None:
            if loser.state.merged_into != winner.claim_id:
                return None
            opening = reversals.draft_separation(loser.state, reason="two days")
            since = self.read_before_last(number, "claim.merged")
            outcome = lifecycle.predict_outcome(loser.state, [opening], since=since)
            change = reversals.release_claim(
                state,
                loser.state,
                winner.events,
                reason="two days",
                prints_elsewhere=printed.has_agreement(outcome),
            )
            release.update(change.drafts[0].data)
            return change

        def take() -> None:
            for link_id, account in self.accounts[survivor].items():
                account.retracted |= link_id in release["links"]
                account.retracted &= link_id not in release["restored"]
                account.conflicting &= link_id not in release["weighed"]
            opening = reversals.draft_separation(loser.state, reason="two days")
            since = self.read_before_last(number, "claim.merged")
            # Two people agree where it prints again what two people agreed to.
            self.act(number, opening, since=since, restores=True, agreed=True)

        try:
            change = make_change(winner.state)
        except Conflict:
            assert winner.state.lifecycle is Lifecycle.MERGED
            return
        assert change is not None
        if self.submit(survivor, change, Effect(make_change, take), actor=actor):
            statements = [link.statement for link in winner.state.links if link.is_active]
            assert len(statements) == len(set(statements)), "a statement takes one stance"

    @rule(
        party=st.sampled_from(PARTIES),
        parent=st.sampled_from((None, *PARTIES[:3])),
        agreed=st.booleans(),
    )
    def reparent(self, party: str, parent: str | None, agreed: bool) -> None:
        """As `commands.parties.change`: every claim that shows the party, or one below it."""
        above = parent
        while above is not None:
            if above == party:
                return
            above = self.parents[above]
        if self.parents[party] != parent and party not in self.merged:
            self.place_party(party, parent, agreed=agreed)

    def place_party(self, party: str, parent: str | None, *, agreed: bool) -> bool:
        """Give a party another place, and its name, unless two people have to agree to that and did
        not."""
        former_parent = self.parents[party]
        self.parents[party] = parent
        below = {slug for slug in PARTIES if self.is_below(slug, party)}
        voices = {
            entry: {"name": voice.name, "root": voice.root, "root_name": voice.root_name}
            for entry in sorted(below)
            for voice in (self.voice(entry),)
        }
        draft = Draft("party.changed", {"party": party, "parties": voices})
        claims = []
        for number, record in enumerate(self.records):
            parties = {value.party for value in self.accounts[number].values()}
            if record.claimant is not None:
                parties.add(record.claimant.party)
            if parties & below:
                claims.append(number)
        if not agreed and any(self.is_for_two(number, draft) for number in claims):
            self.parents[party] = former_parent
            return False
        for number in claims:
            self.act(number, draft, agreed=agreed)
        return True

    def is_below(self, party: str | None, above: str) -> bool:
        return party is not None and (party == above or self.is_below(self.parents[party], above))

    @rule(claim_choice=choices, party=st.sampled_from(PARTIES), hours=st.integers(-3, 30))
    def ask_for_comment(self, claim_choice: int, party: str, hours: int) -> None:
        """As `inquiry_commands.create_inquiry`: it moves nothing and counts for nothing."""
        number = self.claim(claim_choice)
        new = Inquiry(
            id=self.new_id("inquiry"),
            voice=self.voice(party),
            whom=None,
            way="telephone",
            asked_at=self.clock - timedelta(hours=4),
            until=self.clock + timedelta(hours=hours),
        )
        state = self.records[number].state
        if state.lifecycle is not Lifecycle.ACTIVE:
            with pytest.raises((ClaimWithdrawn, ClaimMerged, ClaimVoid)):
                inquiry_drafts.draft_inquiry(state, new, now=self.clock)
            return
        self.stand_beside(number, inquiry_drafts.draft_inquiry(state, new, now=self.clock))

    @rule(
        claim_choice=choices,
        inquiry_choice=choices,
        outcome=st.sampled_from((None, *InquiryOutcome)),
        hours=st.none() | st.integers(-3, 30),
    )
    def hear_of_comment(
        self,
        claim_choice: int,
        inquiry_choice: int,
        outcome: InquiryOutcome | None,
        hours: int | None,
    ) -> None:
        """Something came of a request, or there is another deadline; also on closed claims."""
        number = claim_choice % len(self.records)
        state = self.records[number].state
        if not state.inquiries:
            return
        inquiry = state.inquiries[inquiry_choice % len(state.inquiries)]
        changes: inquiry_drafts.InquiryChange = {"outcome": outcome}
        if hours is not None:
            changes["until"] = self.clock + timedelta(hours=hours)
        try:
            drafts = inquiry_drafts.draft_inquiry_change(state, inquiry.id, changes, now=self.clock)
        except Invalid:
            until = changes.get("until", inquiry.until)
            is_early = outcome is InquiryOutcome.NO_ANSWER and until > self.clock
            assert until <= inquiry.asked_at or inquiry.asked_at > self.clock or is_early
            return
        self.stand_beside(number, drafts)

    @rule(
        link_choice=choices,
        party=st.sampled_from(PARTIES),
        basis=st.sampled_from(tuple(Basis)),
        material=st.booleans(),
    )
    def correct_statement(self, link_choice: int, party: str, basis: Basis, material: bool) -> None:
        """As the command does: on every claim that it is linked to, or is the origin of."""
        unnamed_statements = {
            value.statement
            for accounts in self.accounts
            for value in accounts.values()
            if not value.named
        }
        standing = [
            statement
            for statement in self.spoken
            if statement not in self.mistaken | unnamed_statements
        ]
        if any(record.state.pending for record in self.records) or not standing:
            return
        statement = standing[link_choice % len(standing)]
        self.spoken[statement] = (party, basis)
        difference: corrections.Difference = {
            "before": {"party": "another"},
            "after": {"party": party},
            "reason": "taken down wrongly",
            "material": material,
        }
        speech: corrections.Spoken = {
            "voice": self.voice(party),
            "basis": basis,
            "said_at": NOON - timedelta(days=2),
            "precision": Precision.DAY,
            "quote": "…",
        }
        for number, record in enumerate(self.records):
            links = [link for link in record.state.links if link.statement == statement]
            if not links and record.origin != statement:
                continue
            drafts = corrections.correct_statement(record.state, statement, difference, speech)
            for link in links:
                account = self.accounts[number][link.id]
                account.party = party
                account.qualifies_by_basis = basis in COUNTS
                account.qualifies = (
                    basis in COUNTS and link.scope is Scope.FULL and not link.conditional
                )
                if material:
                    account.affirmed = account.aside = False
            self.correct(number, drafts)

    @rule(
        claim_choice=choices,
        party=st.sampled_from((*PARTIES, None)),
        kind=st.sampled_from((Kind.EVENT, Kind.FIGURE)),
    )
    def correct_claim(self, claim_choice: int, party: str | None, kind: Kind) -> None:
        number = self.claim(claim_choice)
        record = self.records[number]
        claimant = None if party is None else self.voice(party)
        fields = {"claimant": claimant, "kind": kind}
        try:
            drafts = corrections.correct_claim(record.state, fields, reason="taken down wrongly")
        except (ClaimMerged, ClaimVoid, Invalid):
            is_same = (record.state.claimant, record.state.kind) == (claimant, kind)
            assert is_same or record.state.lifecycle in (Lifecycle.MERGED, Lifecycle.VOID)
            return
        record.claimant, record.kind = claimant, kind
        self.correct(number, drafts)

    def correct(self, number: int, drafts: Sequence[Draft]) -> None:
        """Record a correction, which one person makes: it never confirms."""
        before = self.records[number].state
        self.act(number, *drafts, cause=Cause.CORRECTION)
        after = self.records[number].state
        if after.status is not before.status:
            assert after.status in (AWAITING, DISPUTED)
            assert self.records[number].events[-1].data["cause"] == Cause.CORRECTION
        assert after.finding in (None, before.finding)

    @rule()
    def pass_deadlines(self) -> None:
        """As the worker does, on every claim; a second look finds nothing."""
        for number, record in enumerate(self.records):
            self.stand_beside(
                number, inquiry_drafts.draft_passed_deadlines(record.state, now=self.clock)
            )
            assert not inquiry_drafts.draft_passed_deadlines(record.state, now=self.clock)

    def stand_beside(self, number: int, drafts: Sequence[Draft]) -> None:
        """Record what is shown beside the evidence: nothing else of the claim changes by it."""
        record = self.records[number]
        before = record.state
        self.act(number, *drafts)
        after = record.state
        assert after == replace(
            before,
            inquiries=after.inquiries,
            version=after.version,
            updated_at=after.updated_at,
        )
        assert printed.read_printed(after) == printed.read_printed(before)
        assert not any(inquiry.lapsed and inquiry.outcome for inquiry in after.inquiries)

    @rule(seconds=st.sampled_from((1, 60, 86_400, -30)))
    def let_time_pass(self, seconds: int) -> None:
        """The clock jumps, now and then backwards; without this, acts share an instant."""
        self.clock += timedelta(seconds=seconds)

    @rule(claim_choice=choices, back=st.integers(-2, 200_000))
    def ask_as_of(self, claim_choice: int, back: int) -> None:
        """What the record says of any past instant is the state that was current at it."""
        number = self.claim(claim_choice)
        record, answers = self.records[number], self.seen[number]
        moments = [moment for moment, _ in answers]
        for moment in (record.now - timedelta(seconds=back), moments[back % len(moments)]):
            position = bisect.bisect_right(moments, moment)
            expected = answers[position - 1][1] if position else None
            assert fold_until(record.claim_id, record.events, moment) == expected

    # What holds after every step.

    @invariant()
    def the_record_folds_to_the_state(self) -> None:
        for record in map(self.records.__getitem__, self.changed):
            state = record.state
            assert history.fold(record.claim_id, record.events) == state
            assert plain_data.read_state(orjson.loads(orjson.dumps(state))) == state

        self.numbers_have_no_gaps()
        self.changed.clear()

    def numbers_have_no_gaps(self) -> None:
        for record in map(self.records.__getitem__, self.changed):
            state = record.state
            numbers = [event.number for event in record.events]
            assert numbers == list(range(1, state.version + 1))
            instants = [event.recorded_at for event in record.events]
            assert instants == sorted(instants)
            assert all(instant.tzinfo is UTC for instant in instants)
            changes = [event.data for event in record.events if event.type == CHANGE]
            assert [change["sequence"] for change in changes] == list(range(1, state.sequence + 1))
            statuses = ["asserted", *(change["status"] for change in changes)]
            assert [change["previous_status"] for change in changes] == statuses[:-1]
            assert statuses[-1] == state.status

    @invariant()
    def the_state_agrees_with_the_machines_account(self) -> None:
        for number, record in enumerate(self.records):
            state = record.state
            suggestion = evidence.suggest_status(state)
            assert suggestion == evidence.suggest_status(state)
            assert set(suggestion.support) == self.support(number)
            assert suggestion.needed_parties == self.count_needed(number)
            assert len(suggestion.contradictions) == len(self.open_denials(number))
            assert len(suggestion.confirmation_requests) == len(
                self.list_live_accounts(number, Stance.REQUESTS_CONFIRMATION)
            )
            assert {line.link.id for line in suggestion.trace} == set(self.accounts[number])

    @invariant()
    def confirmations_keep_their_support(self) -> None:
        for number, record in enumerate(self.records):
            state = record.state
            if state.lifecycle is not Lifecycle.ACTIVE or state.override:
                continue
            if state.status is CONFIRMED:
                assert len(self.support(number)) >= self.count_needed(number)
            if state.status is ASSERTED and number not in self.given_back:
                assert not self.list_live_accounts(number, Stance.REQUESTS_CONFIRMATION)

    @invariant()
    def what_waits_is_still_possible(self) -> None:
        for record in self.records:
            pending = record.state.pending
            if pending is not None:
                is_open = record.state.lifecycle is Lifecycle.ACTIVE
                assert is_open or pending.kind in proposals.FOR_CLOSED_CLAIMS
                if pending.kind is DecisionKind.STATUS:
                    assert (record.state.status, pending.to) in lifecycle.TRANSITIONS


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
