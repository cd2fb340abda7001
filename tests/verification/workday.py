"""A desk after a day's work: every kind of event there is, some with others waiting on them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from service.accounts import key_commands, policy, sign_in_commands, user_commands
from service.claims import (
    claim_commands,
    claim_corrections,
    correction_requests,
    deadlines,
    decision_commands,
    directory_merges,
    hold_commands,
    inquiry_commands,
    link_commands,
    note_commands,
    party_changes,
    proposal_commands,
    reversal_commands,
    separation_commands,
    source_corrections,
    statement_commands,
    statement_corrections,
    statement_reversals,
)
from service.claims.proposal_commands import Outcome
from service.directory import party_commands, source_commands, source_merges
from service.domain.access import SYSTEM, Actor, Role
from service.domain.changes import FindingRequest
from service.domain.claims import (
    Attribution,
    Basis,
    Figure,
    Finding,
    Kind,
    Override,
    Precision,
    Rendering,
    SetAside,
    Stance,
    Status,
)
from service.domain.correction_requests import RequestOutcome
from service.domain.guards import Move
from service.domain.inputs import NewClaim, NewLink, NewQuote, NewSource, NewSpeaker, NewStatement
from service.domain.inquiries import InquiryOutcome
from service.domain.inquiry_drafts import InquiryChange
from service.domain.proposals import LapseReason
from service.exchange import seeds
from service.store import states, tables
from service.uses import use_commands
from service.webhooks import webhook_commands

BEGIN = datetime(2023, 10, 5, 9, 0, tzinfo=UTC)
BEGIN_OF_MONTH, BEGIN_OF_YEAR = datetime(2023, 10, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)
"""As inputs are read of which only the month or the year is known."""
ANNA = Actor("anna", "Anna", Role.EDITOR)
BORIS = Actor("boris", "Boris", Role.EDITOR)
SOURCE = NewSource("https://example.org/paper")


class Day:
    """A clock that moves a minute at each reading, and commands by Anna at that time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
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
        return claim_commands.create_claim(self.connection, new, **self.by()).id

    def link(self, claim: str, party: str, stance: Stance, **rest: Any) -> str:
        new = NewLink(self.statement(party, **rest), stance, note=f"{party} {stance}")
        return link_commands.link_statement(
            self.connection, claim, new, four_eyes=True, **self.by()
        ).link_id

    def move(self, claim: str, to: Status, *cites: str, **rest: Any) -> str | None:
        move = Move(to, f"towards {to}", cites, **rest)
        return claim_commands.change_status(
            self.connection, claim, move, four_eyes=True, versions=None, **self.by()
        ).decision

    def decide(self, claim: str, to: Status, *cites: str, **rest: Any) -> None:
        decision = self.move(claim, to, *cites, **rest)
        assert decision is not None
        decision_commands.approve_decision(
            self.connection, decision, note="agreed", **self.by(BORIS)
        )

    def amend(self, claim: str, *, material: bool = False, **changes: Any) -> None:
        claim_commands.amend_claim(
            self.connection,
            claim,
            changes,
            material=material,
            four_eyes=True,
            versions=None,
            **self.by(),
        )

    def find(self, claim: str, finding: Finding | None, *cites: str) -> None:
        decision = claim_commands.change_finding(
            self.connection,
            claim,
            FindingRequest(finding, f"found {finding}", cites),
            four_eyes=True,
            versions=None,
            **self.by(),
        ).decision
        assert decision is not None
        decision_commands.approve_decision(self.connection, decision, note=None, **self.by(BORIS))

    def reverse(self, claim: str, plan: reversal_commands.PlanClaim) -> None:
        reversal_commands.change_claim(
            self.connection, claim, plan, reason="a mistake", four_eyes=True, **self.by()
        )

    def settle(self, outcome: Outcome) -> None:
        """Somebody else agrees to what was proposed."""
        assert outcome.decision is not None
        decision_commands.approve_decision(
            self.connection, outcome.decision, note=None, **self.by(BORIS)
        )


def work_a_day(connection: Connection) -> None:
    """Every kind of event there is, some with others waiting on them."""
    day = Day(connection)
    seeds.load_plan(
        connection, seeds.parse_seed_file(seeds.find_default_file().read_bytes()), **day.by(SYSTEM)
    )
    for slug in ("russia", "albania"):
        party_commands.create_party(
            connection,
            slug=slug,
            name=slug.title(),
            full_name=None,
            kind=None,
            country=None,
            parent=None,
            **day.by(),
        )
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
        for row in connection.execute(
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
        set_aside=tuple(SetAside(contradiction, "not about this") for contradiction in open_ones),
    )
    day.amend(part, text="a part, worded otherwise", material=True)
    link_commands.affirm_link(connection, support, four_eyes=True, **day.by())
    rows = connection.execute(select(tables.links).where(tables.links.c.id == support)).one()
    paraphrase = NewQuote("the same, in another paper", "en", Rendering.PARAPHRASE, SOURCE)
    statement_commands.add_quote(connection, rows.statement, paraphrase, **day.by())
    link_commands.retract_link(connection, second, reason="misread", four_eyes=True, **day.by())
    # Decisions that are rejected, withdrawn and superseded.
    other = day.claim("another", tags=("troops",))
    ground = day.link(other, "nato", Stance.SUPPORTS)
    waiting = day.move(other, Status.CONFIRMED, ground)
    decision_commands.reject_decision(
        connection, str(waiting), comment="too early", **day.by(BORIS)
    )
    waiting = day.move(other, Status.CONFIRMED, ground)
    decision_commands.withdraw_decision(connection, str(waiting), reason=None, **day.by())
    day.move(other, Status.CONFIRMED, ground)
    day.move(other, Status.AWAITING_CONFIRMATION)
    day.move(other, Status.CONFIRMED, ground)
    day.amend(other, text="another matter", material=True)
    day.decide(other, Status.CONFIRMED, ground, override=Override("sources", "seen by two of us"))
    day.amend(other, tags=["border"], assignee=None, due_at=BEGIN + timedelta(days=2))
    day.amend(other, tags=["border", "troops"])
    make_every_proposal(connection, day)
    # A confirmed claim, with a decision waiting, whose wording changes: one change, two events.
    third = day.claim("a third")
    ground = day.link(third, "nato", Stance.SUPPORTS)
    day.decide(third, Status.CONFIRMED, ground)
    doubt = day.link(third, "pristina", Stance.CONTRADICTS, basis=Basis.UNSTATED)
    day.move(third, Status.DISPUTED, doubt, override=Override("doubt", "we doubt it"))
    day.amend(third, text="a third, otherwise", material=True)
    # A merge moves links and parts; a withdrawn statement takes its claim with it.
    twin = day.claim("the whole, again")
    day.claim("part of the twin", part_of=twin)
    day.link(twin, "nato", Stance.COMMENTS)
    day.link(twin, "washington", Stance.REQUESTS_CONFIRMATION)
    claim_commands.merge_claims(
        connection, twin, into=whole, four_eyes=True, versions=None, **day.by()
    )
    statement_commands.withdraw_statement(
        connection,
        rows.statement,
        reason="an error",
        source=SOURCE,
        said_at=BEGIN,
        precision=Precision.DAY,
        four_eyes=True,
        **day.by(),
    )
    origin = connection.execute(
        select(tables.claims.c.origin_statement).where(tables.claims.c.id == part)
    ).scalar_one()
    statement_commands.withdraw_statement(
        connection, origin, reason="never said", source=None, four_eyes=True, **day.by()
    )
    # Who speaks is renamed, and moves under another.
    party_changes.change_party(connection, "nato", {"name": "The Alliance"}, **day.by())
    party_changes.change_party(connection, "nato", {"parent": "washington"}, **day.by())
    person = connection.execute(
        select(tables.speakers.c.id).where(tables.speakers.c.name == "A general")
    ).scalar_one()
    party_changes.change_speaker(connection, person, {"role": "spokesman"}, **day.by())
    take_back(connection, day)
    hear_unnamed_sources(connection, day, claim=whole)
    supersede(connection, day)
    ask_for_comment(connection, day, claim=whole)
    correct_mistakes(connection, day)
    answer_stranger(connection, day, claim=whole)
    merge_directory(connection, day)
    work_behind_the_desk(connection, day, claim=other)


def correct_mistakes(connection: Connection, day: Day) -> None:
    """A claim, the statement that confirms it and its source were taken down wrongly."""
    claim = day.claim("what was taken down in haste")
    link = day.link(claim, "nato", Stance.SUPPORTS)
    day.decide(claim, Status.CONFIRMED, link)
    row = connection.execute(
        select(tables.quotes.c.id, tables.quotes.c.statement)
        .join(tables.links, tables.links.c.statement == tables.quotes.c.statement)
        .where(tables.links.c.id == link)
    ).one()
    quote: statement_corrections.QuoteCorrection = {
        "id": row.id,
        "text": "what was said",
        "language": "sq",
        "source": NewSource("https://example.org/misread"),
    }
    statement_corrections.correct_statement(
        connection,
        row.statement,
        {"party": "russia", "basis": Basis.DOCUMENTS, "quotes": [quote]},
        reason="another party said it",
        material=True,
        **day.by(),
    )
    statement_corrections.correct_statement(
        connection,
        row.statement,
        {
            "attribution": Attribution.UNNAMED,
            "description": "an official",
            "withheld_reason": "as agreed",
        },
        reason="nobody is named",
        material=False,
        **day.by(),
    )
    claim_corrections.correct_claim(
        connection,
        claim,
        {
            "kind": Kind.PREDICTION,
            "claimant": "albania",
            "claimed_at": BEGIN,
            "precision": Precision.YEAR,
        },
        reason="a slip",
        **day.by(),
    )
    source = connection.execute(
        select(tables.quotes.c.source).where(tables.quotes.c.id == row.id)
    ).scalar_one()
    source_corrections.correct_source(
        connection,
        source,
        {"publisher": "An agency", "url": "https://example.org/as-it-is"},
        reason="a slip",
        **day.by(),
    )


def answer_stranger(connection: Connection, day: Day, *, claim: str) -> None:
    """A stranger asks for a correction and gets an answer that everybody reads."""
    new = correction_requests.NewRequest("It was 17", None, None, wants_publication=True)
    correction_requests.receive_request(connection, claim, new, now=day.by()["now"])
    ((request,), _) = correction_requests.list_waiting_requests(connection)
    correction_requests.answer_request(
        connection,
        request.id,
        outcome=RequestOutcome.NOT_CORRECTED,
        sentence="It was 12 that day.",
        publish=True,
        **day.by(),
    )


def ask_for_comment(connection: Connection, day: Day, *, claim: str) -> None:
    """Somebody is asked and does not answer, somebody in words only does; one has time left."""
    new: inquiry_commands.NewInquiry = {
        "party": "nato",
        "whom": None,
        "way": "telephone",
        "asked_at": None,
        "until": day.time + timedelta(minutes=4),
        "note": None,
    }
    inquiry_commands.create_inquiry(connection, claim, new, **day.by())
    new_inquiry: inquiry_commands.NewInquiry = {**new, "party": None, "whom": "a colonel"}
    inquiry_view = inquiry_commands.create_inquiry(connection, claim, new_inquiry, **day.by())
    answer: InquiryChange = {"outcome": InquiryOutcome.ANSWERED}
    inquiry_commands.change_inquiry(connection, inquiry_view.inquiry.id, answer, **day.by())
    until = day.time + timedelta(days=900)
    later: inquiry_commands.NewInquiry = {**new, "party": "russia", "until": until}
    inquiry_commands.create_inquiry(connection, claim, later, **day.by())
    day.by()
    deadlines.pass_deadlines(connection, most=5, now=day.by()["now"])


def link_to_many_statements(connection: Connection) -> None:
    """A claim with more links than its own row holds."""
    day = Day(connection)
    claim = day.claim("what everybody has something to say about")
    for _ in range(states.FIRST + 1):
        day.link(claim, "nato", Stance.COMMENTS)


def hear_unnamed_sources(connection: Connection, day: Day, *, claim: str) -> None:
    """Sources that are not named take a stance; a claim is made of what one said; a party that one
    belongs to is renamed."""
    for party, stance in ((None, Stance.SUPPORTS), ("albania", Stance.CONTRADICTS)):
        quote = NewQuote("so we were told", "en", Rendering.VERBATIM, SOURCE)
        statement = NewStatement(
            party,
            None,
            BEGIN_OF_MONTH,
            Precision.MONTH,
            Basis.OWN_OBSERVATION,
            (quote,),
            attribution=Attribution.UNNAMED,
            description="a senior security official",
            reason="he would lose his post",
        )
        link_commands.link_statement(
            connection, claim, NewLink(statement, stance), four_eyes=True, **day.by()
        )
    claim_commands.create_claim(
        connection,
        NewClaim(
            text="what nobody says by name",
            kind=Kind.EVENT,
            claimant=None,
            speaker=None,
            claimed_at=BEGIN_OF_YEAR,
            precision=Precision.YEAR,
            origin=statement,
        ),
        **day.by(),
    )
    changes = {"name": "Tirana", "in_sentence": "the government in Tirana"}
    party_changes.change_party(connection, "albania", changes, **day.by())


def supersede(connection: Connection, day: Day) -> None:
    """Figures that replace each other; one of them is worded anew, one was a mistake."""
    figures = Figure("12", what="dead"), Figure(low="15", high="17"), Figure("9.5", unit="%")
    former_claim: str | None = None
    for number, figure in enumerate(figures):
        former_claim = day.claim(
            f"figure {number}",
            kind=Kind.FIGURE,
            story="kosovo-border-2023",
            supersedes=former_claim,
            figure=figure,
        )
        if number == 1:
            day.amend(former_claim, text="figure one, better worded", material=False)
    assert former_claim is not None
    day.reverse(former_claim, reversal_commands.plan_void)


def take_back(connection: Connection, day: Day) -> None:
    """Mistakes, and ways back from them."""
    held_claim, freed_claim = day.claim("under a hold"), day.claim("under a hold that has ended")
    for claim, until in (
        (held_claim, None),
        (held_claim, day.time + timedelta(days=1)),
        (freed_claim, None),
    ):
        hold_commands.place_hold(connection, claim, reason="a check", until=until, **day.by())
    hold_commands.end_hold(connection, freed_claim, **day.by())
    print_claims(connection, day)
    kept_claim, void = day.claim("recorded by mistake, it seemed"), day.claim("recorded by mistake")
    for claim in (kept_claim, void):
        day.reverse(claim, reversal_commands.plan_void)
    day.reverse(kept_claim, reversal_commands.plan_restoration)
    claim_commands.withdraw_claim(
        connection, kept_claim, reason="so it seemed", source=None, **day.by()
    )
    day.reverse(kept_claim, reversal_commands.plan_reinstatement)
    link = day.link(kept_claim, "nato", Stance.COMMENTS)
    why: dict[str, Any] = {"reason": "a mistake", "four_eyes": True}
    reversal_commands.void_link(connection, link, **why, **day.by())
    reversal_commands.restore_link(connection, link, **why, **day.by())
    link_commands.retract_link(connection, link, **why, **day.by())
    reversal_commands.restore_link(connection, link, **why, **day.by())
    reversal_commands.void_link(
        connection, day.link(kept_claim, "russia", Stance.COMMENTS), **why, **day.by()
    )
    statement = connection.execute(
        select(tables.links.c.statement).where(tables.links.c.id == link)
    ).scalar_one()
    statement_reversals.void_statement(connection, statement, **why, **day.by())
    statement_reversals.restore_statement(connection, statement, undoes="void", **why, **day.by())
    paraphrase = NewQuote("the same, in a third paper", "en", Rendering.PARAPHRASE, SOURCE)
    statement_commands.add_quote(connection, statement, paraphrase, **day.by())
    origin = connection.execute(
        select(tables.claims.c.origin_statement).where(tables.claims.c.id == kept_claim)
    ).scalar_one()
    statement_commands.withdraw_statement(connection, origin, source=None, **why, **day.by())
    statement_reversals.restore_statement(
        connection, origin, undoes="withdrawal", **why, **day.by()
    )
    twin = day.claim("recorded twice, it seemed")
    day.claim("a component of it", part_of=twin)
    day.link(twin, "albania", Stance.REQUESTS_CONFIRMATION)
    claim_commands.merge_claims(
        connection, twin, into=kept_claim, four_eyes=True, versions=None, **day.by()
    )
    separation_commands.separate_claim(connection, twin, **why, **day.by())
    mistaken = connection.execute(
        select(tables.claims.c.origin_statement).where(tables.claims.c.id == void)
    ).scalar_one()
    statement_reversals.void_statement(connection, mistaken, **why, **day.by())


def merge_directory(connection: Connection, day: Day) -> None:
    """Parties, speakers and sources that are one, some of which were not."""
    why: dict[str, Any] = {"reason": "they are one", "four_eyes": True}
    for slug in ("uk", "great-britain", "russian-federation"):
        party_commands.create_party(
            connection,
            slug=slug,
            name=slug.title(),
            full_name=None,
            kind=None,
            country=None,
            parent=None,
            **day.by(),
        )
    claim = day.claim("what two parties say, who are one")
    day.link(claim, "great-britain", Stance.COMMENTS, speaker="A minister")
    day.link(claim, "uk", Stance.COMMENTS, speaker="The minister")
    day.link(claim, "russian-federation", Stance.COMMENTS)
    for slug, into in (("uk", "great-britain"), ("russian-federation", "russia")):
        directory_merges.merge_party(connection, slug, into=into, **why, **day.by())
    party_changes.change_party(connection, "great-britain", {"name": "Britain"}, **day.by())
    directory_merges.separate_party(connection, "russian-federation", **why, **day.by())
    query = select(tables.speakers.c.id).where(tables.speakers.c.name.like("%minister"))
    first, second = connection.scalars(query.order_by(tables.speakers.c.id)).all()
    directory_merges.merge_speaker(connection, second, into=first, **why, **day.by())
    party_changes.change_speaker(connection, first, {"role": "minister"}, **day.by())
    directory_merges.separate_speaker(connection, second, **why, **day.by())
    directory_merges.merge_speaker(connection, second, into=first, **why, **day.by())
    new = NewSource("https://example.org/other-address", title="The same paper")
    source, _ = source_commands.record_source(connection, new, **day.by())
    kept_source = connection.scalars(select(tables.sources.c.id).limit(1)).one()
    by: dict[str, Any] = {"reason": "one page", **day.by()}
    source_merges.merge_source(connection, source, into=kept_source, **by)
    source_merges.separate_source(connection, source, **by)
    source_merges.merge_source(connection, source, into=kept_source, **by)


def print_claims(connection: Connection, day: Day) -> None:
    """Uses in every state, of each class, and one that was acknowledged and outdated again."""
    claim = day.claim("printed by several")
    new = use_commands.NewUse(
        "https://paper.example/1",
        "page 1",
        "A headline",
        BEGIN,
        "as printed",
        "desk@paper.example",
        "en",
    )

    def record() -> str:
        return use_commands.record_use(connection, claim, new, **day.by())

    acknowledged_use, second_use, outdated_use, retired_use = record(), record(), record(), record()
    use_commands.retire_use(connection, retired_use, **day.by())
    hold_commands.place_hold(connection, claim, reason="a check", until=None, **day.by())
    for use in (acknowledged_use, second_use):
        use_commands.acknowledge_use(
            connection, use, note="changed", corrected_url="https://paper.example/2", **day.by()
        )
    day.reverse(claim, reversal_commands.plan_void)
    use_commands.acknowledge_use(
        connection, acknowledged_use, note="taken back", corrected_url=None, **day.by()
    )
    assert outdated_use != record(), "one that is outdated from the first"
    other = day.claim("printed by one")
    use_commands.record_use(connection, other, new, **day.by())


def work_behind_the_desk(connection: Connection, day: Day, *, claim: str) -> None:
    """A note, an account with a key, an endpoint for one party, and another policy."""
    note = note_commands.add_note(connection, claim, text="seen by two of us", **day.by())
    email, admin = "eva@example.org", day.by(SYSTEM)
    eva = user_commands.create_user(connection, email=email, name="Eva", role=Role.EDITOR, **admin)
    user_commands.change_user(connection, eva, {"role": Role.CHECKER}, **day.by(SYSTEM))
    reply = note_commands.add_note(
        connection, claim, text="@eva: by whom?", reply_to=note, **day.by()
    )
    note_commands.change_note(connection, reply, text="@Eva, who saw it?", **day.by())
    sign_in_commands.create_sign_in_link(connection, eva, **day.by(SYSTEM))
    key = key_commands.create_key(
        connection, name="robot", role=Role.READER, user=eva, **day.by(SYSTEM)
    )
    key_commands.revoke_key(connection, key.id, **day.by(SYSTEM))
    endpoint = {
        "url": "https://cms.example/hook",
        "description": "the CMS",
        "event_types": ["claim.status_changed"],
        "story": "kosovo-border-2023",
        "claim": None,
        "parties": ["nato"],
        "tags": ["border"],
        "ordering": "claim",
        "max_in_flight": 4,
        "timeout_s": 5.0,
        "headers": {"x-desk": "secret"},
    }
    webhook, _ = webhook_commands.create_webhook(connection, endpoint, **day.by(SYSTEM))
    webhook_commands.rotate_secret(connection, webhook, overlap_hours=1, **day.by(SYSTEM))
    policy.change_four_eyes(connection, on=False, **day.by(SYSTEM))


def make_every_proposal(connection: Connection, day: Day) -> None:
    """A confirmed claim that two people change in every way, and a proposal that lapses."""
    claim = day.claim("a fourth")
    day.decide(claim, Status.CONFIRMED, day.link(claim, "nato", Stance.SUPPORTS))
    eyes: dict[str, Any] = {"four_eyes": True, "versions": None}
    change = {"text": "a fourth, better written", "tags": ["border"]}
    day.settle(
        claim_commands.amend_claim(connection, claim, change, material=False, **eyes, **day.by())
    )
    support = NewLink(day.statement("washington"), Stance.SUPPORTS, note="a second one")
    day.settle(link_commands.link_statement(connection, claim, support, four_eyes=True, **day.by()))
    twin = claim_commands.create_claim(
        connection,
        NewClaim(
            text="a fourth, again",
            kind=Kind.EVENT,
            claimant="pristina",
            speaker=None,
            claimed_at=BEGIN,
            precision=Precision.DAY,
            origin=day.statement("pristina"),
        ),
        **day.by(),
    ).id
    claim_commands.merge_claims(connection, twin, into=claim, **eyes, **day.by())
    (voice,) = connection.scalars(
        select(tables.links.c.id).where(
            tables.links.c.claim == claim, tables.links.c.party == "pristina"
        )
    )
    day.settle(link_commands.affirm_link(connection, voice, four_eyes=True, **day.by()))
    twin = day.claim("a fourth, once more")
    day.link(twin, "russia", Stance.SUPPORTS)
    day.settle(claim_commands.merge_claims(connection, twin, into=claim, **eyes, **day.by()))
    first = day.link(claim, "albania", Stance.CONTRADICTS, basis=Basis.UNSTATED)
    day.settle(
        link_commands.retract_link(connection, first, reason="misread", four_eyes=True, **day.by())
    )
    second = day.link(claim, "albania", Stance.CONTRADICTS)
    values = connection.scalars(
        select(tables.links.c.statement).where(tables.links.c.id == second)
    ).one()
    (waiting,) = statement_commands.withdraw_statement(
        connection, values, reason="an error", source=None, four_eyes=True, **day.by()
    )
    decision_commands.approve_decision(connection, waiting, note=None, **day.by(BORIS))
    denial = day.link(claim, "albania", Stance.CONTRADICTS)
    day.find(claim, Finding.REFUTED, denial)
    day.amend(claim, text="a fifth", material=True)
    day.find(claim, Finding.UNPROVABLE)
    day.amend(claim, text="a fifth, proposed")
    proposal_commands.lapse_proposals(
        connection, ANNA.id, reason=LapseReason.PROPOSER_DISABLED, **day.by(SYSTEM)
    )
    day.find(claim, None)
