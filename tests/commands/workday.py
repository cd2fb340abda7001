"""A desk after a day's work: every kind of event there is, some with others waiting on them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from service.commands import claims, parties, seeds, statements
from service.commands.accounts import SYSTEM
from service.commands.inputs import NewClaim, NewLink, NewQuote, NewSource, NewSpeaker, NewStatement
from service.domain.access import Actor, Role
from service.domain.claims import (
    Basis,
    Kind,
    Override,
    Precision,
    Rendering,
    SetAside,
    Stance,
    Status,
)
from service.domain.guards import Move
from service.store import tables

BEGIN = datetime(2023, 10, 5, 9, 0, tzinfo=UTC)
ANNA = Actor("anna", "Anna", Role.EDITOR)
BORIS = Actor("boris", "Boris", Role.EDITOR)
SOURCE = NewSource("https://example.org/paper")


class Day:
    """A clock that moves a minute at each reading, and commands by Anna at that time."""

    def __init__(self, session: Connection) -> None:
        self.session = session
        self.time = BEGIN

    def by(self, actor: Actor = ANNA) -> dict[str, Any]:
        self.time += timedelta(minutes=1)
        return {"actor": actor, "now": self.time}

    def statement(
        self, party: str | None, speaker: str | None = None, basis: Basis = Basis.DOCUMENTS
    ) -> NewStatement:
        quote = NewQuote(f"words of {party}", "en", Rendering.VERBATIM, SOURCE)
        person = NewSpeaker(speaker) if speaker else None
        return NewStatement(party, person, BEGIN, Precision.DAY, basis, (quote,))

    def claim(
        self, text: str, *, kind: Kind = Kind.EVENT, speaker: str | None = None, **rest: Any
    ) -> str:
        new = NewClaim(
            text=text,
            kind=kind,
            claimant="belgrade",
            speaker=NewSpeaker(speaker) if speaker else None,
            claimed_at=BEGIN,
            precision=Precision.DAY,
            origin=self.statement("belgrade", speaker),
            **rest,
        )
        return claims.create(self.session, new, **self.by()).id

    def link(self, claim: str, party: str, stance: Stance, **rest: Any) -> str:
        new = NewLink(self.statement(party, **rest), stance, note=f"{party} {stance}")
        return statements.link(self.session, claim, new, **self.by())[1]

    def move(self, claim: str, to: Status, *cites: str, **rest: Any) -> str | None:
        move = Move(to, f"towards {to}", cites, **rest)
        return claims.change_status(
            self.session, claim, move, four_eyes=True, versions=None, **self.by()
        ).decision

    def decide(self, claim: str, to: Status, *cites: str, **rest: Any) -> None:
        decision = self.move(claim, to, *cites, **rest)
        assert decision is not None
        claims.approve(self.session, decision, note="agreed", **self.by(BORIS))

    def amend(self, claim: str, *, material: bool = False, **changes: Any) -> None:
        claims.amend(self.session, claim, changes, material=material, versions=None, **self.by())


def a_days_work(session: Connection) -> None:
    """Every kind of event there is, some with others waiting on them."""
    day = Day(session)
    seeds.load(session, seeds.parse(seeds.default_file().read_bytes()), **day.by(SYSTEM))
    whole = day.claim("the whole", tags=("troops", "border"), story="kosovo-border-2023")
    part = day.claim("a part", speaker="Someone", part_of=whole)
    support = day.link(part, "nato", Stance.SUPPORTS, speaker="A general")
    day.decide(part, Status.CONFIRMED, support)
    day.link(part, "pristina", Stance.CONTRADICTS, basis=Basis.UNSTATED)
    serious = day.link(part, "pristina", Stance.CONTRADICTS)
    day.move(part, Status.DISPUTED, serious)
    # Confirmed again, against contradictions set aside, which takes a second supporter.
    second = day.link(part, "washington", Stance.SUPPORTS)
    open_ones = [
        row.id
        for row in session.execute(
            select(tables.links).where(
                tables.links.c.claim == part, tables.links.c.stance == "contradicts"
            )
        )
    ]
    day.decide(
        part,
        Status.CONFIRMED,
        support,
        second,
        set_aside=tuple(SetAside(one, "not about this") for one in open_ones),
    )
    day.amend(part, text="a part, worded otherwise", material=True)
    statements.affirm_link(session, support, **day.by())
    statements.retract_link(session, second, reason="misread", **day.by())
    # Decisions that are rejected, withdrawn and superseded.
    other = day.claim("another", tags=("troops",))
    ground = day.link(other, "nato", Stance.SUPPORTS)
    waiting = day.move(other, Status.CONFIRMED, ground)
    claims.reject(session, str(waiting), comment="too early", **day.by(BORIS))
    waiting = day.move(other, Status.CONFIRMED, ground)
    claims.withdraw_decision(session, str(waiting), reason=None, **day.by())
    day.move(other, Status.CONFIRMED, ground)
    day.move(other, Status.AWAITING_CONFIRMATION)
    day.move(other, Status.CONFIRMED, ground)
    day.amend(other, text="another matter", material=True)
    day.decide(other, Status.CONFIRMED, override=Override("sources", "seen by two of us"))
    day.amend(other, tags=["border"], assignee=None, finding="conflicting")
    day.amend(other, tags=["border", "troops"])
    # A confirmed claim, with a decision waiting, whose wording changes: one change, two events.
    third = day.claim("a third")
    ground = day.link(third, "nato", Stance.SUPPORTS)
    day.decide(third, Status.CONFIRMED, ground)
    day.move(third, Status.DISPUTED, override=Override("doubt", "we doubt it"))
    day.amend(third, text="a third, otherwise", material=True)
    # A merge moves links and parts; a withdrawn statement takes its claim with it.
    twin = day.claim("the whole, again")
    day.claim("part of the twin", part_of=twin)
    day.link(twin, "nato", Stance.COMMENTS)
    day.link(twin, "washington", Stance.REQUESTS_CONFIRMATION)
    claims.merge(session, twin, into=whole, versions=None, **day.by())
    shown = session.execute(select(tables.links).where(tables.links.c.id == support)).one()
    statements.withdraw(session, shown.statement, reason="an error", source=SOURCE, **day.by())
    origin = session.execute(
        select(tables.claims.c.origin_statement).where(tables.claims.c.id == part)
    ).scalar_one()
    statements.withdraw(session, origin, reason="never said", source=None, **day.by())
    # Who speaks is renamed, and moves under another.
    parties.change(session, "nato", {"name": "The Alliance"}, **day.by())
    parties.change(session, "nato", {"parent": "washington"}, **day.by())
    person = session.execute(
        select(tables.speakers.c.id).where(tables.speakers.c.name == "A general")
    ).scalar_one()
    parties.change_speaker(session, person, {"role": "spokesman"}, **day.by())
