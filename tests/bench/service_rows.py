"""A generated desk as rows of the service's tables: the record, and all that follows from it.

Every event is a draft of the rulebook, which so tries each generated history against its guards;
states are what `domain/history.py` makes of the events, documents what `claims/documents.py` makes
of the states, hashes those of `record/canonical.py`. `claimdesk verify` proves a desk loaded from
here. Only the SQL is left out, and ids are the generator's, so that two loads give the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from service.claims import claim_writer, documents, event_sequences, projections
from service.claims.statement_commands import EVENT_COLUMNS, EVENT_QUOTE_COLUMNS, EXCERPT_LENGTH
from service.directory.source_commands import compute_fingerprint
from service.domain import addresses, amendments, history, ids, lifecycle, plain_data
from service.domain.access import Actor, Role
from service.domain.claims import (
    Basis,
    ClaimState,
    Kind,
    Link,
    Precision,
    Scope,
    Speaker,
    Stance,
    Status,
    Voice,
    format_instant,
)
from service.domain.guards import Move
from service.domain.history import Draft, Event
from service.domain.inputs import NewClaim
from service.domain.instants import compute_end
from service.domain.names import normalize_speaker
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.record.canonical import GENESIS
from service.search.index import index_writer, searchable_fields
from service.search.index.searchable_fields import Quoted
from service.store import states, tables
from tests.bench import copies, shapes
from tests.bench.generate import CHUNK, START, World

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
"""Rows by table, their columns in the order of `columns`: ids are text, instants are datetimes."""

SHARED_EVENTS = 10_000
"""Numbers kept for the events of what all claims refer to."""
SETTINGS_EVENTS = 100
"""Those of them that are a new desk's own, for its settings."""
EVENTS_OF_A_CHUNK = 60 * CHUNK
"""Numbers kept for a chunk's events: chunks are written at once, each in its own range."""
STATEMENTS_OF_A_CHUNK = 10 * CHUNK
"""The same for its statements' rows in the search index."""
_NO_TIME = timedelta(0)


def _text(key: UUID) -> str:
    digits = f"{key.int:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _derive_id(key: UUID, number: int) -> str:
    """Another UUIDv7 of the same instant."""
    return _text(UUID(int=key.int ^ number << 20))


PEOPLE = tuple(
    Actor(f"018ae000-0000-7000-8000-00000000000{n}", name, role)
    for n, (name, role) in enumerate(
        (
            ("Ana Marić", Role.EDITOR),
            ("Ben Okoye", Role.CHECKER),
            ("Chloé Martin", Role.CHECKER),
            ("Dita Krasniqi", Role.EDITOR),
            ("Ed Nowak", Role.CHECKER),
        )
    )
)


def columns(table: str) -> tuple[str, ...]:
    """The columns of a table that rows have: the rest are null, or numbered by the database."""
    return _COLUMNS.get(table) or tuple(tables.metadata.tables[table].columns.keys())


_COLUMNS = {
    "sources": (
        "id",
        "url",
        "publisher",
        "title",
        "published_at",
        "language",
        "recorded_at",
        "fingerprint",
        "address_digest",
    ),
    "statements": (
        "id",
        "party",
        "speaker",
        "said_at",
        "said_end",
        "precision",
        "basis",
        "recorded_at",
        "recorded_by",
    ),
    "quotes": (
        "id",
        "statement",
        "position",
        "text",
        "language",
        "rendering",
        "source",
        "recorded_at",
    ),
    "claim_versions": (
        "claim",
        "version",
        "recorded_at",
        "superseded_at",
        "status",
        "lifecycle",
        "agrees",
        "assignee",
        "document",
    ),
    "state_links": ("claim", "place", "state"),
    "claim_tags": ("tag", "claim", "added_at"),
    "links": (
        "id",
        "claim",
        "statement",
        "party",
        "root",
        "stance",
        "scope",
        "conditional",
        "linked_by",
        "recorded_at",
        "retracted_at",
        "retraction_reason",
    ),
    "parties": (
        "slug",
        "name",
        "full_name",
        "kind",
        "country",
        "parent",
        "root",
        "created_at",
        "updated_at",
    ),
    "speakers": ("id", "party", "name", "role", "folded_name", "folded_role", "created_at"),
    "party_versions": ("slug", "recorded_at", "name", "parent", "root"),
    "users": ("id", "email", "name", "role", "created_at"),
}
SEARCHED = ("claim_search", "statement_search")
"""Tables whose rows are numbered here, and whose words are lines of terms."""
_LINE = columns("events")[1:]
_CLAIM = itemgetter(*columns("claims"))
_TABLES = (
    "sources",
    "statements",
    "quotes",
    "claims",
    "state_links",
    "claim_versions",
    "claim_tags",
    "links",
    "decisions",
    "events",
    *SEARCHED,
)


def _first_event(kind: SubjectKind, key: str, type: str, data: Any, at: datetime, by: Actor) -> Row:
    """The row of the event with which the record of a thing begins."""
    line = writer.build_hashed_line(
        Subject(kind, key),
        id=ids.derive_id("first event", kind.value, key),
        number=1,
        type=type,
        recorded_at=at,
        actor={"id": by.id, "name": by.name},
        data=plain_data.make_plain(data),
        salts={},
        previous_hash=GENESIS,
    )
    return tuple(map(line.get, _LINE))


def _shared_events(world: World) -> list[Row]:
    field_names = ("name", "full_name", "kind", "country", "parent")
    by = PEOPLE[0]
    lines = [
        _first_event(
            SubjectKind.PARTY,
            p.slug,
            "party.created",
            {name: getattr(p, name) for name in field_names},
            START,
            by,
        )
        for p in sorted(world.parties, key=lambda p: p.parent is not None)
    ]
    lines += [
        _first_event(
            SubjectKind.SPEAKER,
            str(s.id),
            "speaker.created",
            {"party": s.party, "name": s.name, "role": s.role},
            START,
            by,
        )
        for s in world.speakers
    ]
    lines += [
        _first_event(
            SubjectKind.STORY,
            s.slug,
            "story.created",
            {"title": s.title, "description": None},
            START,
            by,
        )
        for s in world.stories
    ]
    lines += [
        _first_event(
            SubjectKind.PERSON,
            row[0],
            "person.created",
            dict(zip(columns("users")[1:], row[1:], strict=True)),
            START,
            by,
        )
        for row in _people()
    ]
    if len(lines) > SHARED_EVENTS - SETTINGS_EVENTS:
        raise ValueError("more is shared than there are numbers kept for its events")
    return [(seq, *line) for seq, line in enumerate(lines, SETTINGS_EVENTS + 1)]


def _people() -> list[Row]:
    return [(p.id, f"{n}@desk.example", p.name, p.role, START) for n, p in enumerate(PEOPLE)]


def shared(world: World) -> Rows:
    """What all claims refer to. Parents come before their children."""
    return {
        "events": _shared_events(world),
        "users": _people(),
        "parties": [
            (
                p.slug,
                p.name,
                p.full_name,
                p.kind,
                p.country,
                p.parent,
                p.root,
                START,
                START,
            )
            for p in sorted(world.parties, key=lambda p: p.parent is not None)
        ],
        "party_versions": [(p.slug, START, p.name, p.parent, p.root) for p in world.parties],
        "speakers": [
            (str(s.id), s.party, s.name, s.role, *normalize_speaker(s.name, s.role).values(), START)
            for s in world.speakers
        ],
        "stories": [(s.slug, s.title, None, START, START) for s in world.stories],
    }


class Teller:
    """Makes the rows of one chunk of claims."""

    def __init__(self, world: World, number: int, made_copies: int = 1) -> None:
        self.world = world
        self.copies = made_copies
        self.speakers = {s.id: s for s in world.speakers}
        self.voices: dict[tuple[str, UUID | None], Voice] = {}
        self.plain_voices: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.statements: dict[UUID, shapes.Statement] = {}
        self.rows: Rows = {table: [] for table in _TABLES}
        self.first_event = SHARED_EVENTS + number * EVENTS_OF_A_CHUNK + 1
        self.first_claim = number * CHUNK + 1
        self.first_statement = number * STATEMENTS_OF_A_CHUNK + 1
        self.known = searchable_fields.FieldSources()
        self.known.full_names = {party.slug: party.full_name for party in world.parties}

    def tell(self, claims: Sequence[shapes.Claim]) -> Rows:
        """Return the rows of claims; of copies of one another (`copies.py`), the first comes
        first."""
        for claim in claims[:: self.copies]:
            self._claim(claim)
        record_lists = {table: list(records) for table, records in self.rows.items()}
        for number in range(1, self.copies):
            for table, records in copies.copy_rows(record_lists, number, columns).items():
                self.rows[table].extend(records)
        lines = self.rows["events"]
        if len(lines) > EVENTS_OF_A_CHUNK:
            raise ValueError("a chunk has more events than there are numbers kept for it")
        lines.sort(key=itemgetter(6))  # as a desk writes them: by when they were recorded
        self.rows["events"] = [(seq, *line) for seq, line in enumerate(lines, self.first_event)]
        if len(self.rows["statements"]) > STATEMENTS_OF_A_CHUNK:
            raise ValueError("a chunk has more statements than there are numbers kept for it")
        for table, first in zip(SEARCHED, (self.first_claim, self.first_statement), strict=True):
            self.rows[table] = [(n, *row) for n, row in enumerate(self.rows[table], first)]
        return self.rows

    def _voice(self, party: str, speaker: UUID | None) -> Voice:
        voice = self.voices.get((party, speaker))
        if voice is None:
            party_row = self.world.by_slug[party]
            who = self.speakers[speaker] if speaker else None
            voice = self.voices[party, speaker] = Voice(
                party_row.slug,
                party_row.name,
                party_row.root,
                self.world.by_slug[party_row.root].name,
                Speaker(str(who.id), who.name, who.role) if who else None,
            )
        return voice

    def _record_statements(self, claim: shapes.Claim, by: Actor) -> None:
        """Statements, quotes and sources that were first met with this claim."""
        first_uses: dict[UUID, datetime] = {}
        for statement in claim.statements:
            self.statements[statement.id] = statement
            key, at = _text(statement.id), statement.recorded_at
            self.rows["statements"].append(
                (
                    key,
                    statement.party,
                    _text(statement.speaker) if statement.speaker else None,
                    statement.said_at,
                    compute_end(statement.said_at, Precision(statement.precision)),
                    statement.precision,
                    statement.basis,
                    at,
                    by.name,
                )
            )
            for position, quote in enumerate(statement.quotes, 1):
                first_uses.setdefault(quote.source, at)
                self.rows["quotes"].append(
                    (
                        _text(quote.id),
                        key,
                        position,
                        quote.text,
                        quote.language,
                        quote.rendering,
                        _text(quote.source),
                        at,
                    )
                )
            of_statement = dict(
                zip(columns("statements"), self.rows["statements"][-1], strict=True)
            )
            of_quotes = [
                dict.fromkeys(EVENT_QUOTE_COLUMNS) | dict(zip(columns("quotes"), row, strict=True))
                for row in self.rows["quotes"][-len(statement.quotes) :]
            ]
            data = {name: of_statement[name] for name in EVENT_COLUMNS} | {
                "quotes": [{name: row[name] for name in EVENT_QUOTE_COLUMNS} for row in of_quotes]
            }
            self.rows["events"].append(
                _first_event(SubjectKind.STATEMENT, key, "statement.recorded", data, at, by)
            )
            quotes = [Quoted(quote.text, quote.language) for quote in statement.quotes]
            voice = self._voice(statement.party, statement.speaker) if statement.party else None
            full_name = self.world.by_slug[statement.party].full_name if statement.party else None
            self.known.quotes[key] = quotes
            self.rows["statement_search"].append(
                (key, index_writer.build_statement_line(quotes, voice, full_name))
            )
        for source in claim.sources:
            self.rows["sources"].append(
                (
                    _text(source.id),
                    source.url,
                    source.publisher,
                    source.title,
                    source.published_at,
                    source.language,
                    first_uses[source.id],
                    compute_fingerprint(source.url, None),
                    addresses.compute_address_digest(source.url),
                )
            )
            said_of = {
                "url": source.url,
                "publisher": source.publisher,
                "title": source.title,
                "published_at": source.published_at,
                "language": source.language,
                "archive_url": None,
                "sha256": None,
            }
            self.rows["events"].append(
                _first_event(
                    SubjectKind.SOURCE,
                    _text(source.id),
                    "source.recorded",
                    said_of,
                    first_uses[source.id],
                    by,
                )
            )

    def _claim(self, claim: shapes.Claim) -> None:
        number = claim.id.int % len(PEOPLE)
        by, other = PEOPLE[number], PEOPLE[number - 1]
        self._record_statements(claim, by)
        record = _Record(_text(claim.id), self.rows, self.known)
        record.append(
            amendments.draft_creation(
                NewClaim(
                    text=claim.text,
                    kind=Kind(claim.kind),
                    claimant=claim.claimant,
                    speaker=None,
                    claimed_at=claim.claimed_at,
                    precision=Precision(claim.precision),
                    origin=_text(claim.origin.id),
                    story=claim.story,
                    tags=claim.tags,
                ),
                claimant=self._voice(claim.claimant, claim.speaker) if claim.claimant else None,
                origin_statement=_text(claim.origin.id),
            ),
            claim.changes[0].id,
            claim.created_at,
            by,
        )
        steps: list[tuple[datetime, int, Any]] = []
        for link in claim.links:
            steps.append((link.recorded_at, 0, link))
            if link.retracted_at is not None:
                steps.append((link.retracted_at, 1, link))
        steps += [(x.recorded_at, 2, x) for x in claim.changes[1:] if x.actor == "person"]
        steps.sort(key=itemgetter(0, 1))
        for at, what, thing in steps:
            if what == 0:
                self._link(record, thing, at, by)
            elif what == 1:
                draft = amendments.draft_retraction(
                    record.state, _text(thing.id), reason="misattributed"
                )
                record.append(draft, UUID(int=thing.id.int ^ 1), at, by)
            else:
                self._decide(record, thing, at, by, other)
        record.finish()
        assert record.state.status == claim.status, f"{claim.id}: {record.state.status}"
        self.rows["claim_tags"].extend((tag, record.id, claim.created_at) for tag in claim.tags)

    def _link(self, record: _Record, link: shapes.Link, at: datetime, by: Actor) -> None:
        statement = self.statements[link.statement]
        assert statement.party is not None
        text = statement.quotes[0].text
        link_state = Link(
            id=_text(link.id),
            statement=_text(link.statement),
            stance=Stance(link.stance),
            scope=Scope(link.scope),
            conditional=link.conditional,
            basis=Basis(statement.basis),
            voice=self._voice(statement.party, statement.speaker),
            said_at=statement.said_at,
            precision=Precision(statement.precision),
            quote=text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 1] + "…",
            recorded_at=at,
        )
        record.append(self.draft_link(link_state), link.id, at, by)
        self.rows["links"].append(
            (
                link_state.id,
                record.id,
                link_state.statement,
                link.party,
                link.root,
                link.stance,
                link.scope,
                link.conditional,
                by.name,
                at,
                link.retracted_at,
                "misattributed" if link.retracted_at else None,
            )
        )

    def draft_link(self, link: Link) -> Draft:
        """What `amendments.draft_link` gives; this one knows the voice's plain form already."""
        voice = link.voice
        assert isinstance(voice, Voice), "every source of a generated desk is named"
        voice_key = voice.party, voice.speaker.id if voice.speaker else None
        plain = self.plain_voices.get(voice_key)
        if plain is None:
            plain = self.plain_voices[voice_key] = plain_data.make_plain(voice)
        data = {
            "id": link.id,
            "statement": link.statement,
            "stance": link.stance.value,
            "scope": link.scope.value,
            "conditional": link.conditional,
            "basis": link.basis.value,
            "voice": plain,
            "said_at": format_instant(link.said_at),
            "precision": link.precision.value,
            "quote": link.quote,
            "note": None,
        }
        return Draft("link.created", {"link": data})

    def _decide(
        self, record: _Record, change: shapes.Change, at: datetime, by: Actor, other: Actor
    ) -> None:
        """A status change, by two people where four eyes are asked for."""
        move = Move(Status(change.status), change.reason, tuple(map(_text, change.cites)))
        proposal = _derive_id(change.id, 1)
        draft = lifecycle.change_status(
            record.state, move, actor=by, decision_id=proposal, four_eyes=True
        )
        if draft.type != "decision.proposed":
            record.append(draft, change.id, at, by)
            return
        before = record.state
        proposed_at = before.updated_at + (at - before.updated_at) / 2
        record.append(draft, UUID(int=change.id.int ^ 2), proposed_at, by)
        after = record.state
        event = Event(after.version, draft.type, after.updated_at, draft.data)
        row = projections.build_decision_row(after, event, before) | {
            "state": "approved",
            "settled_by": other.id,
            "settled_by_name": other.name,
            "settled_at": at,
        }
        draft = lifecycle.approve_status_change(record.state, proposal, actor=other, note=None)
        record.append(draft, change.id, at, other)
        self.rows["decisions"].append(tuple(map(row.get, columns("decisions"))))


class _Record:
    """One claim's events: what `claim_writer.record_events` writes, in lists instead of tables."""

    state: ClaimState

    def __init__(self, claim: str, rows: Rows, sources: searchable_fields.FieldSources) -> None:
        self.id = claim
        self.rows = rows
        self.known = sources
        self.former: set[str] = set()
        self.last_hash = GENESIS
        self.current: ClaimState | None = None

    def append(self, draft: Draft, key: UUID, at: datetime, by: Actor) -> None:
        before = self.current
        if before is not None:
            assert at - before.updated_at >= _NO_TIME, "a record never runs backwards"
        after = self._event(before, draft, _text(key), at, by)
        if before is not None:
            automatic = lifecycle.find_automatic_move(before, after)
            if automatic is not None:
                after = self._event(after, automatic, _derive_id(key, 2), at, by)
            self._supersede(before, at)
        self.state = self.current = after

    def _event(
        self, before: ClaimState | None, draft: Draft, key: str, at: datetime, by: Actor
    ) -> ClaimState:
        number = before.version + 1 if before else 1
        who = {"rule": draft.rule} if draft.rule else {"id": by.id, "name": by.name}
        line = writer.build_hashed_line(
            Subject(SubjectKind.CLAIM, self.id),
            id=key,
            number=number,
            type=draft.type,
            recorded_at=at,
            actor=who,
            data=draft.data,
            salts={},
            previous_hash=self.last_hash,
        )
        self.last_hash = line["hash"]
        event = Event(number, draft.type, at, draft.data)
        after = history.apply_event(before, event, claim_id=self.id)
        columns = {**line, **event_sequences.build_event_columns(after, event)}
        self.rows["events"].append(tuple(map(columns.get, _LINE)))
        self.former |= index_writer.list_lost_terms((before, after, event), self.known)
        return after

    def _supersede(self, state: ClaimState, at: datetime) -> None:
        if at == state.updated_at:
            return  # it held for no time at all
        document = documents.render_document(state)
        self.rows["claim_versions"].append(
            (
                self.id,
                state.version,
                state.updated_at,
                at,
                state.status.value,
                state.lifecycle.value,
                '"agrees":true' in document,  # quotes within its texts are escaped
                state.assignee,
                document,
            )
        )

    def finish(self) -> None:
        row = claim_writer.build_row(self.state, self.last_hash)
        self.rows["claims"].append(
            _CLAIM(row | {"id": self.id, "created_at": self.state.created_at})
        )
        self.rows["state_links"].extend(
            (self.id, place, link) for place, link in states.list_further_links(self.state).items()
        )
        search_row = index_writer.build_claim_row(self.state, self.known, self.former)
        self.rows["claim_search"].append(
            tuple(search_row[f"search_{name}"] for name in columns("claim_search")[1:])
        )
