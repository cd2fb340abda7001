"""Load a seed file, a first desk in TOML, through the same commands as the API.

Everything in a file is found again by what it is (a party by its slug, a statement by who said it
when, in which words and where it was read), never by an id.  So loading a file twice changes
nothing, and loading one that was loaded in part adds the rest.  What the desk has changed since
stays as the desk has it.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, select
from typing_extensions import TypedDict

from service.claims import claim_commands, link_commands, statement_commands
from service.directory import party_commands, source_commands
from service.domain.access import Actor
from service.domain.guards import Move
from service.domain.inputs import (
    NewClaim,
    NewLink,
    NewQuote,
    NewSource,
    NewSpeaker,
    NewStatement,
    Selector,
)
from service.domain.names import normalize_spelling
from service.exchange import seed_files
from service.exchange.seed_files import parse_seed_file as parse_seed_file
from service.store import tables
from service.stories import story_commands

PACKAGE = Path(__file__).parent.parent
ARTICLE = "kosovo-2023-10.toml"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many entries of each kind (`parties`, `claims` …) were new, and how many were there."""

    created: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)


class Stamp(TypedDict):
    """Who acts and when: what every command takes."""

    actor: Actor
    now: datetime


def find_default_file() -> Path:
    """Return the article's file: in the package where it was installed, else in the checkout."""
    package_folder = PACKAGE / "_seeds"
    return (package_folder if package_folder.is_dir() else PACKAGE.parent / "seeds") / ARTICLE


def load_plan(
    connection: Connection, plan: seed_files.Plan, *, actor: Actor, now: datetime
) -> LoadReport:
    """Record what `plan` has and the desk has not, as known to the desk from `now` on.

    Raises what the commands raise, where the desk's own changes leave an entry no place.
    """
    # Two processes that start together must not both find a desk without the article.
    connection.execute(select(tables.installation).with_for_update()).all()
    loading = _Loading(connection, actor, now)
    for party in plan.parties:
        loading.load_party(party)
    for speaker in plan.speakers:
        loading.load_speaker(speaker)
    for source in plan.sources:
        loading.load_source(source)
    for story in plan.stories:
        loading.load_story(story)
    statements = {statement.key: statement for statement in plan.statements}
    for statement in plan.statements:
        loading.load_statement(statement)
    for claim in plan.claims:
        loading.load_claim(claim, statements[claim.origin])
    for link in plan.links:
        loading.load_link(link)
    for decision in plan.decisions:
        loading.load_decision(decision)
    return LoadReport(dict(loading.created), dict(loading.unchanged))


def is_empty(connection: Connection) -> bool:
    """Whether nobody has recorded a claim or a party yet; a new desk has settings, and no more."""
    return (
        connection.scalar(select(tables.claims.c.id).limit(1)) is None
        and connection.scalar(select(tables.parties.c.slug).limit(1)) is None
    )


class _Loading:
    """One run of `load_plan`: the ids that the file's keys stand for, and what was counted."""

    def __init__(self, connection: Connection, actor: Actor, now: datetime) -> None:
        self.connection = connection
        self.stamp: Stamp = {"actor": actor, "now": now}
        self.created: Counter[str] = Counter()
        self.unchanged: Counter[str] = Counter()
        self.ids: dict[tuple[str, str], str] = {}

    def load_party(self, entry: seed_files.PartyEntry) -> None:
        query = select(tables.parties.c.slug).where(tables.parties.c.slug == entry.slug)
        if self._is_new("parties", self.connection.scalar(query)):
            party_commands.create_party(self.connection, **entry.model_dump(), **self.stamp)

    def load_story(self, entry: seed_files.StoryEntry) -> None:
        query = select(tables.stories.c.slug).where(tables.stories.c.slug == entry.slug)
        if self._is_new("stories", self.connection.scalar(query)):
            story_commands.create_story(self.connection, **entry.model_dump(), **self.stamp)

    def load_speaker(self, entry: seed_files.SpeakerEntry) -> None:
        t = tables.speakers
        speaker = self.connection.scalar(
            select(t.c.id).where(
                t.c.party == entry.party,
                t.c.folded_name == normalize_spelling(entry.name),
                t.c.folded_role == normalize_spelling(entry.role or ""),
            )
        )
        if self._is_new("speakers", speaker):
            person = NewSpeaker(entry.name, entry.role)
            speaker, _ = party_commands.create_speaker(
                self.connection, party=entry.party, person=person, **self.stamp
            )
        self.ids["speakers", entry.key] = str(speaker)

    def load_source(self, entry: seed_files.SourceEntry) -> None:
        new = NewSource(**entry.model_dump(exclude={"key"}))
        source, is_created = source_commands.record_source(self.connection, new, **self.stamp)
        self._is_new("sources", None if is_created else source)
        self.ids["sources", entry.key] = source

    def load_statement(self, entry: seed_files.StatementEntry) -> None:
        first = entry.quotes[0]
        statement = self.connection.scalar(
            select(tables.statements.c.id)
            .join(tables.quotes, tables.quotes.c.statement == tables.statements.c.id)
            .where(
                tables.statements.c.said_at == entry.said_at,
                tables.statements.c.party == entry.party
                if entry.party
                else tables.statements.c.party.is_(None),
                tables.quotes.c.position == 1,
                tables.quotes.c.source == self.ids["sources", first.source],
                tables.quotes.c.text == first.text,
            )
        )
        if self._is_new("statements", statement):
            new = NewStatement(
                party=entry.party,
                speaker=self._find_speaker(entry),
                said_at=entry.said_at,
                precision=entry.precision,
                basis=entry.basis,
                quotes=tuple(self._build_quote(quote) for quote in entry.quotes),
            )
            statement = statement_commands.record_statement(self.connection, new, **self.stamp).id
        self.ids["statements", entry.key] = str(statement)

    def load_claim(self, entry: seed_files.ClaimEntry, origin: seed_files.StatementEntry) -> None:
        claim = self._find_claim(entry, origin.party)
        if self._is_new("claims", claim):
            new = NewClaim(
                text=entry.text,
                kind=entry.kind,
                claimant=origin.party,
                speaker=self._find_speaker(origin),
                claimed_at=origin.said_at,
                precision=origin.precision,
                origin=self.ids["statements", entry.origin],
                story=entry.story,
                tags=entry.tags,
                part_of=self.ids["claims", entry.part_of] if entry.part_of else None,
            )
            claim = claim_commands.create_claim(self.connection, new, **self.stamp).id
        self.ids["claims", entry.key] = str(claim)

    def load_link(self, entry: seed_files.LinkEntry) -> None:
        claim = self.ids["claims", entry.claim]
        if self._is_new("links", self._find_link(claim, entry.statement)):
            new = NewLink(
                statement=self.ids["statements", entry.statement],
                stance=entry.stance,
                scope=entry.scope,
                conditional=entry.conditional,
                note=entry.note,
            )
            link_commands.link_statement(self.connection, claim, new, four_eyes=True, **self.stamp)

    def load_decision(self, entry: seed_files.DecisionEntry) -> None:
        claim = self.ids["claims", entry.claim]
        t = tables.events
        decisions = select(t.c.data).where(t.c.claim == claim, t.c.type == "claim.status_changed")
        changes = [orjson.loads(data) for data in self.connection.scalars(decisions)]
        status = self.connection.scalar(
            select(tables.claims.c.status).where(tables.claims.c.id == claim)
        )
        # By this decision once, or, as with a contradiction, by a rule already.
        is_decided = status == entry.to.value or any(
            (data["status"], data["reason"]) == (entry.to.value, entry.reason) for data in changes
        )
        if self._is_new("decisions", is_decided or None):
            cites = tuple(str(self._find_link(claim, statement)) for statement in entry.cites)
            move = Move(entry.to, entry.reason, cites)
            claim_commands.change_status(
                self.connection, claim, move, four_eyes=True, versions=None, **self.stamp
            )

    def _is_new(self, kind: str, existing: object) -> bool:
        """Count an entry, and return whether the desk lacks it."""
        (self.created if existing is None else self.unchanged)[kind] += 1
        return existing is None

    def _find_claim(self, entry: seed_files.ClaimEntry, claimant: str | None) -> str | None:
        """Return the claim that began with this text, even if its wording was amended since."""
        t = tables.claims
        rows = self.connection.execute(
            select(tables.events.c.claim, tables.events.c.data)
            .join(t, t.c.id == tables.events.c.claim)
            .where(
                tables.events.c.number == 1,
                t.c.story == entry.story,
                t.c.claimant == claimant if claimant else t.c.claimant.is_(None),
            )
            .order_by(t.c.id)
        )
        return next(
            (row.claim for row in rows if orjson.loads(row.data)["text"] == entry.text), None
        )

    def _find_link(self, claim: str, statement: str) -> str | None:
        """Return the link, even a retracted one: what the desk retracted stays retracted."""
        return self.connection.scalar(
            select(tables.links.c.id)
            .where(
                tables.links.c.claim == claim,
                tables.links.c.statement == self.ids["statements", statement],
            )
            .limit(1)
        )

    def _find_speaker(self, entry: seed_files.StatementEntry) -> str | None:
        return self.ids["speakers", entry.speaker] if entry.speaker else None

    def _build_quote(self, entry: seed_files.QuoteEntry) -> NewQuote:
        return NewQuote(
            text=entry.text,
            language=entry.language,
            rendering=entry.rendering,
            source=self.ids["sources", entry.source],
            selector=Selector(entry.text, entry.prefix, entry.suffix),
        )
