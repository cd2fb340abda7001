"""Builders for the rulebook's tests: voices, links, claims, moves, and a record kept in memory.

`Record` appends events the way `claims/claim_writer.py` does, without a database.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from service.domain import amendments, changes, corrections, guards, history, lifecycle
from service.domain.access import Actor, Role
from service.domain.changes import Change, FindingRequest
from service.domain.claims import (
    Basis,
    Cause,
    ClaimState,
    Finding,
    Kind,
    Link,
    Override,
    Precision,
    Scope,
    SetAside,
    Speaker,
    Stance,
    Status,
    Voice,
)
from service.domain.guards import Move
from service.domain.history import Draft, Event
from service.domain.inputs import NewClaim
from service.domain.inquiries import Inquiry

NOON = datetime(2023, 10, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

ANA = Actor("ana", "Ana", Role.CHECKER)
BORIS = Actor("boris", "Boris", Role.EDITOR)

ASSERTED, AWAITING = Status.ASSERTED, Status.AWAITING_CONFIRMATION
CONFIRMED, DISPUTED = Status.CONFIRMED, Status.DISPUTED

numbers = itertools.count(1)


def build_voice(party: str, *, speaker: str | None = None, root: str | None = None) -> Voice:
    """`party` by its slug, named by it; `root` is the slug of its topmost parent."""
    top = root or party
    person = Speaker(f"speaker-{speaker}", speaker, None) if speaker else None
    return Voice(party, _build_party(party), top, _build_party(top), person)


def _build_party(slug: str) -> str:
    return "NATO" if slug == "nato" else slug.replace("-", " ").title()


BELGRADE = build_voice("belgrade", speaker="Gen. Milan Mojsilović")
VUCEVIC = build_voice("belgrade", speaker="Vučević")
ARMY = build_voice("serbian-army", root="belgrade")
WASHINGTON = build_voice("washington")
MILLER = build_voice("state-department", speaker="Matthew Miller", root="washington")
PRISTINA = build_voice("pristina")
POLICE = build_voice("kosovo-police", root="pristina")
NATO = build_voice("nato")


def build_link(stance: Stance, speaking_voice: Voice = WASHINGTON, **changes: Any) -> Link:
    """A link that counts in full: own observation, whole claim, no condition."""
    number = next(numbers)
    link = Link(
        id=f"link-{number}",
        statement=f"statement-{number}",
        stance=stance,
        scope=Scope.FULL,
        conditional=False,
        basis=Basis.OWN_OBSERVATION,
        voice=speaking_voice,
        said_at=NOON,
        precision=Precision.DAY,
        quote="…",
        recorded_at=NOON,
    )
    return replace(link, **changes)


def get_voice(link: Link) -> Voice:
    """Whose voice a link gives, of a link whose source is named."""
    assert isinstance(link.voice, Voice)
    return link.voice


def build_support(who: Voice = WASHINGTON, **changes: Any) -> Link:
    return build_link(Stance.SUPPORTS, who, **changes)


def build_contradiction(who: Voice = WASHINGTON, **changes: Any) -> Link:
    return build_link(Stance.CONTRADICTS, who, **changes)


def build_request(who: Voice = WASHINGTON, **changes: Any) -> Link:
    return build_link(Stance.REQUESTS_CONFIRMATION, who, **changes)


def build_comment(who: Voice = WASHINGTON, **changes: Any) -> Link:
    return build_link(Stance.COMMENTS, who, **changes)


def build_claim(*links: Link, **changes: Any) -> ClaimState:
    """A claim of Belgrade's with `links`, asserted unless `changes` says otherwise."""
    claim = ClaimState(
        id="claim-1",
        text="Serbia has returned the operating regime of its units to normal",
        kind=Kind.EVENT,
        claimant=BELGRADE,
        claimed_at=datetime(2023, 10, 2, tzinfo=UTC),
        precision=Precision.DAY,
        story=None,
        origin_statement="origin",
        part_of=None,
        created_at=NOON,
        updated_at=NOON,
        status_since=NOON,
        version=1,
        links=links,
    )
    return replace(claim, **changes)


def move(to: Status, *cited: Link, reason: str = "read the report", **changes: Any) -> Move:
    return replace(Move(to, reason, tuple(link.id for link in cited)), **changes)


def set_aside(*links: Link, reason: str = "spoke of another unit") -> tuple[SetAside, ...]:
    return tuple(SetAside(link.id, reason) for link in links)


OVERRIDE = Override("public-interest", "The report is out; print tonight.", "source-1")


def build_inquiry(id: str, voice: Voice | None, *, hours: int = 4) -> Inquiry:
    """A request for comment that was made at noon."""
    return Inquiry(id, voice, None, "telephone", NOON, NOON + timedelta(hours=hours))


@dataclass
class Record:
    """One claim's record: what the ledger does with drafts, in memory.

    Every act takes a minute unless told when.
    """

    claim_id: str = "claim-1"
    claimant: Voice | None = BELGRADE
    kind: Kind = Kind.EVENT
    origin: str = "origin"
    now: datetime = NOON
    part_of: str | None = None
    events: list[Event] = field(default_factory=list)
    rules: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        new = NewClaim(
            text="Serbia has returned the operating regime of its units to normal",
            kind=self.kind,
            claimant=self.claimant.party if self.claimant else None,
            speaker=None,
            claimed_at=datetime(2023, 10, 2, tzinfo=UTC),
            precision=Precision.DAY,
            origin=self.origin,
            part_of=self.part_of,
        )
        draft = amendments.draft_creation(new, claimant=self.claimant, origin_statement=self.origin)
        self.state: ClaimState
        self._append(None, draft)

    def _append(self, state: ClaimState | None, draft: Draft) -> ClaimState:
        number = len(self.events) + 1
        event = Event(number, draft.type, self.now, draft.data)
        self.state = history.apply_event(state, event, claim_id=self.claim_id)
        self.events.append(event)
        self.rules.append(draft.rule)
        return self.state

    def act(
        self,
        *drafts: Draft,
        at: datetime | None = None,
        cause: Cause | None = None,
        since: ClaimState | None = None,
    ) -> ClaimState:
        """Append `drafts`, then the automatic move that follows from what is new beside `since`."""
        if not drafts:
            return self.state
        before = self.state
        # As store.engine.now_after: a record never runs backwards.
        self.now = max(self.now, at or self.now + MINUTE)
        for draft in drafts:
            self._append(self.state, draft)
        automatic = lifecycle.find_automatic_move(since or before, self.state, cause=cause)
        if automatic is not None:
            self._append(self.state, automatic)
        return self.state

    # The acts that tests repeat most.

    def link(self, new: Link, **times: Any) -> Link:
        self.act(amendments.draft_link(self.state, new, note=None), **times)
        link = self.state.find_link(new.id)
        assert link is not None
        return link

    def retract(self, target: Link) -> ClaimState:
        return self.act(
            amendments.draft_retraction(self.state, target.id, reason="linked by mistake")
        )

    def correct_statement(
        self,
        statement: str,
        voice: Voice,
        *,
        reason: str,
        basis: Basis = Basis.DOCUMENTS,
        material: bool = False,
    ) -> ClaimState:
        """Record that the statement is another's."""
        difference: corrections.Difference = {
            "before": {"party": "another"},
            "after": {"party": voice.party},
            "reason": reason,
            "material": material,
        }
        speech: corrections.Spoken = {
            "voice": voice,
            "basis": basis,
            "said_at": NOON,
            "precision": Precision.HOUR,
            "quote": "as it was said",
        }
        drafts = corrections.correct_statement(self.state, statement, difference, speech)
        return self.act(*drafts, cause=Cause.CORRECTION)

    def withdraw(self, target: Link) -> ClaimState:
        return self.act(
            amendments.draft_statement_withdrawal(target.statement, reason="corrected", source=None)
        )

    def decide(
        self,
        to: Status,
        *cited: Link,
        four_eyes: bool = False,
        actor: Actor = ANA,
        decision_id: str = "decision-1",
        **changes: Any,
    ) -> ClaimState:
        if not cited and to in (DISPUTED, AWAITING):
            # What a checker would tick: everything that speaks for it.
            cited = tuple(guards.list_citable_links(self.state, to))
        decision = move(to, *cited, **changes)
        return self.act(
            lifecycle.change_status(
                self.state, decision, actor=actor, decision_id=decision_id, four_eyes=four_eyes
            )
        )

    def approve(self, decision_id: str = "decision-1", actor: Actor = BORIS) -> ClaimState:
        return self.act(
            lifecycle.approve_status_change(self.state, decision_id, actor=actor, note=None)
        )

    def find(
        self,
        finding: Finding | None,
        *cited: Link,
        four_eyes: bool = False,
        actor: Actor = ANA,
        decision_id: str = "decision-1",
        reason: str = "counted again",
    ) -> ClaimState:
        ask = FindingRequest(finding, reason, tuple(link.id for link in cited))
        change = changes.change_finding(self.state, ask, decided_by=actor.name)
        return self.submit(change, four_eyes=four_eyes, actor=actor, decision_id=decision_id)

    def submit(
        self,
        change: Change,
        *,
        four_eyes: bool = True,
        actor: Actor = ANA,
        decision_id: str = "decision-1",
    ) -> ClaimState:
        drafts = changes.submit_change(
            self.state, change, four_eyes=four_eyes, actor=actor, decision_id=decision_id
        )
        return self.act(*drafts, cause=change.cause, since=change.since)

    def last(self) -> Event:
        return self.events[-1]


def fold_until(claim_id: str, events: Iterable[Event], moment: datetime) -> ClaimState | None:
    """Return the claim as the desk knew it at `moment`, events of that very instant included."""
    return history.fold(claim_id, (event for event in events if event.recorded_at <= moment))
