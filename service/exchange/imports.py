"""Claims from elsewhere, brought in with the status that others gave them (docs/exchange.md).

A claim's id is made of what it is known again by, so bringing the same data in again adds nothing.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import StatementError

from service.claims import claim_commands
from service.directory import party_commands
from service.domain import addresses, ids
from service.domain.access import Actor
from service.domain.claims import Basis, Imported, Rendering, Status
from service.domain.errors import AlreadyExists, ClaimdeskError, Invalid
from service.domain.inputs import NewClaim, NewQuote, NewSource, NewSpeaker, NewStatement, Verdict
from service.domain.names import fold_spelling, make_slug
from service.exchange.import_fields import Incoming, Refused
from service.exchange.import_labels import Judgement, fold_label
from service.exchange.import_mapping import Mapping
from service.store import tables
from service.stories import story_commands

NAMESPACE = "claimdesk import"
LONGEST_SLUG = 64


@dataclass(slots=True)
class Directory:
    """The parties and stories of the desk, by the names under which rows may have them."""

    parties: dict[str, str] = field(default_factory=dict)
    """Slugs by what the spellings of a slug, a name or a full name have in common."""
    speakers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Names by party and spelling."""
    slugs: set[str] = field(default_factory=set)
    stories: set[str] = field(default_factory=set)
    undone_parties: dict[str, str] = field(default_factory=dict)
    """Names by slug of parties that a dry run made: each batch undoes its own."""
    undone_stories: dict[str, str] = field(default_factory=dict)
    """Their titles, likewise."""

    def copy(self) -> "Directory":
        return Directory(
            dict(self.parties),
            dict(self.speakers),
            set(self.slugs),
            set(self.stories),
            dict(self.undone_parties),
            dict(self.undone_stories),
        )

    def find(self, name: str) -> str | None:
        return self.parties.get(fold_spelling(name))

    def find_speaker(self, party: str, name: str) -> str:
        """The name under which the party's speaker is known; `name` itself for somebody new."""
        return self.speakers.setdefault((party, fold_spelling(name)), name)

    def know(self, slug: str, *names: str | None) -> None:
        self.slugs.add(slug)
        for name in (slug, *names):
            if name:
                self.parties.setdefault(fold_spelling(name), slug)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: `refused` says why it is not in; `remarks`, what was made of it."""

    line: int
    new: bool
    refused: Refused | None = None
    remarks: tuple[str, ...] = ()
    made_parties: tuple[tuple[str, str], ...] = ()
    made_stories: tuple[tuple[str, str], ...] = ()


def directory(connection: Connection) -> Directory:
    found = Directory()
    for row in connection.execute(select(tables.parties).order_by(tables.parties.c.slug)):
        found.know(row.slug, row.name, row.full_name)
    t = tables.speakers
    for row in connection.execute(select(t.c.party, t.c.name).order_by(t.c.created_at)):
        found.find_speaker(row.party, row.name)
    found.stories.update(connection.scalars(select(tables.stories.c.slug)))
    return found


def bring_in(
    connection: Connection,
    rows: Sequence[Incoming],
    mapping: Mapping,
    known: Directory,
    *,
    actor: Actor,
    now: datetime,
) -> tuple[list[Outcome], Directory]:
    """Record the rows that are not here yet; gives what became of each, and the parties and
    stories there are now.  A row that is refused leaves nothing behind."""
    made = [claim_id(mapping, row.key) for row in rows]
    former = [row.former_key and claim_id(mapping, row.former_key) for row in rows]
    t = tables.claims
    wanted = [*made, *(claim for claim in former if claim is not None)]
    here = set(connection.scalars(select(t.c.id).where(t.c.id.in_(wanted))))
    # The caller's stays as it is: this may be done again, or undone.
    known = known.copy()
    meant = _Meant(mapping)
    outcomes = []
    for row, claim, before in zip(rows, made, former, strict=True):
        if claim in here or before in here:
            outcomes.append(Outcome(row.line, new=False))
            continue
        here.add(claim)
        trying = _Row(connection, row, meant, known, actor, now)
        try:
            with connection.begin_nested():
                trying.record(claim)
        except Refused as refused:
            outcomes.append(Outcome(row.line, new=False, refused=refused))
        except ClaimdeskError as error:
            outcomes.append(Outcome(row.line, new=False, refused=_refused(error)))
        except StatementError as error:
            if connection.scalar(select(t.c.id).where(t.c.id == claim)) is not None:
                # Another import of the same data was faster.
                outcomes.append(Outcome(row.line, new=False))
                continue
            why = f"the database refuses it: {getattr(error, 'orig', None) or error}"
            outcomes.append(Outcome(row.line, new=False, refused=Refused(None, None, why)))
        else:
            outcomes.append(trying.settle())
    return outcomes, known


class Rehearsed(Exception):
    """A dry run's end: it carries what became of each row, and undoes the transaction.

    `known` has the parties and stories that there would be by now.
    """

    def __init__(self, outcomes: list[Outcome], known: Directory) -> None:
        super().__init__("rehearsed")
        self.outcomes, self.known = outcomes, known


def rehearse(
    connection: Connection,
    rows: Sequence[Incoming],
    mapping: Mapping,
    known: Directory,
    *,
    actor: Actor,
    now: datetime,
) -> tuple[list[Outcome], Directory]:
    """`bring_in`, but nothing stays.  Raises Rehearsed."""
    outcomes, after = bring_in(connection, rows, mapping, known, actor=actor, now=now)
    for outcome in outcomes:
        after.undone_parties.update(outcome.made_parties)
        after.undone_stories.update(outcome.made_stories)
    raise Rehearsed(outcomes, after)


def claim_id(mapping: Mapping, key: Sequence[str]) -> str:
    return ids.named(NAMESPACE, mapping.name, *key)


def _refused(error: ClaimdeskError) -> Refused:
    faults = error.extras.get("errors", ()) if isinstance(error, Invalid) else ()
    where = next((".".join(map(str, one["loc"])) for one in faults), "").removeprefix("body.")
    return Refused(FIELDS.get(where, where) or None, None, error.detail)


FIELDS = {"claimed_at": "date", "origin.said_at": "date"}
"""What commands call what rows have."""


class _Meant:
    """A mapping, with what it is asked for every row in the form in which names are compared."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.labels = mapping.judgements()
        self.parties = {_fold_name(name): slug for name, slug in mapping.claimants.known.items()}

    def find_party(self, names: Iterable[str | None]) -> tuple[str, str] | None:
        """The first of `names` that the mapping has, and the slug of the party that it means."""
        for name in names:
            if name and (slug := self.parties.get(_fold_name(name))) is not None:
                return name, slug
        return None


def _fold_name(name: str) -> str:
    """A name, or an address that stands for one, in the form in which they are compared."""
    if name.startswith(("http://", "https://")):
        return addresses.canonical(name)
    return fold_spelling(name)


class _Row:
    """One row on its way in: what it adds to the directory, and what there is to say of it."""

    def __init__(
        self,
        connection: Connection,
        row: Incoming,
        meant: _Meant,
        known: Directory,
        actor: Actor,
        now: datetime,
    ) -> None:
        self.connection, self.row, self.meant, self.known = connection, row, meant, known
        self.mapping, self.actor, self.now = meant.mapping, actor, now
        self.remarks: list[str] = list(row.remarks)
        self.party: tuple[str, str] | None = None
        self.story: tuple[str, str] | None = None

    def settle(self) -> Outcome:
        """The row is in: so are the party and the story that it took."""
        if self.party is not None:
            self.known.know(*self.party)
        if self.story is not None:
            self.known.stories.add(self.story[0])
        return Outcome(
            self.row.line,
            new=True,
            remarks=tuple(self.remarks),
            made_parties=() if self.party is None else (self.party,),
            made_stories=() if self.story is None else (self.story,),
        )

    def record(self, claim: str) -> None:
        row = self.row
        party, person = self._claimant()
        speaker = None
        if party and person:
            speaker = NewSpeaker(self.known.find_speaker(party, person), row.role)
        source = NewSource(row.url, row.publisher, row.title, row.published_at)
        rendering = self.mapping.defaults.rendering if row.quote else Rendering.PARAPHRASE
        quote = NewQuote(row.quote or row.text, row.language, rendering, source)
        origin = NewStatement(
            party, speaker, row.claimed_at, row.precision, Basis.UNSTATED, (quote,)
        )
        new = NewClaim(
            text=row.text,
            kind=row.kind,
            claimant=party,
            speaker=speaker,
            claimed_at=row.claimed_at,
            precision=row.precision,
            origin=origin,
            story=self._story(),
            tags=row.tags,
        )
        verdict = self._verdict()
        claim_commands.bring_in(
            self.connection, new, verdict, claim_id=claim, actor=self.actor, now=self.now
        )
        if self.remarks:
            text = f"Imported from {self.mapping.name}: {'; '.join(self.remarks)}."
            claim_commands.add_note(
                self.connection, claim, text=text, actor=self.actor, now=self.now
            )

    def _verdict(self) -> Verdict | None:
        row, label = self.row, self.row.label
        if label is None:
            if row.explanation:
                self.remarks.append(f"explained: “{row.explanation}”")
            return None
        by = row.rated_by or self.mapping.name
        meaning: Judgement | None = self.meant.labels.get(fold_label(label))
        why = f": {row.explanation}" if row.explanation else ""
        if meaning is None:
            if self.mapping.unknown_label == "refuse":
                raise Refused("label", label, "the mapping does not say what this label means")
            self.remarks.append(f"rated “{label}” by {by}, a label that means nothing here{why}")
            return None
        if meaning.status is Status.ASSERTED:
            self.remarks.append(f"rated “{label}” by {by}{why}")
            return None
        where = f" ({row.review_url})" if row.review_url and len(row.review_url) < 500 else ""
        reason = f"Imported: rated “{label}” by {by}{where}{why}"
        return Verdict(meaning.status, reason, Imported(by, label, meaning.finding))

    def _claimant(self) -> tuple[str | None, str | None]:
        """The party's slug and the person who speaks for it."""
        row, policy = self.row, self.mapping.claimants
        name, person = row.claimant, row.speaker
        if row.role and person is None:
            self.remarks.append(f"in the role of {row.role}, without a name")
        slug = self._find_party()
        if slug is not None:
            return slug, None if self._names_party(person, slug) else person
        if name is None and person is None:
            return None, None
        if policy.unknown == "refuse":
            raise Refused("claimant", name or person, "there is no party of this name")
        if policy.unknown == "create":
            # A person whom nobody employs speaks for themselves.
            return (self._create(name), person) if name else (self._create(person or ""), None)
        said = f", by {person}" if person else ""
        if name is not None:
            self.remarks.append(f"claimed by {name}{said}, who is no party here")
        else:
            self.remarks.append(f"said by {person}{f', {row.role}' if row.role else ''}")
        return None, None

    def _find_party(self) -> str | None:
        """The party that the mapping or the desk has for who claims it.

        A person is asked for where nobody is named for whom they speak, and by the mapping always.
        """
        row = self.row
        mapped = self.meant.find_party((row.claimant, *row.aliases)) or self.meant.find_party(
            (row.speaker, *row.speaker_aliases)
        )
        if mapped is not None:
            mapped_name, slug = mapped
            if slug not in self.known.slugs:
                raise Refused(
                    "claimant",
                    mapped_name,
                    f"the mapping names the party {slug!r}, which is not here",
                )
            return self._present(slug)
        names: tuple[str | None, ...] = (row.claimant, *row.aliases)
        if row.claimant is None:
            names = (*names, row.speaker, *row.speaker_aliases)
        for name in filter(None, names):
            found = self.known.find(name)
            if found is not None:
                return self._present(found)
        return None

    def _names_party(self, person: str | None, slug: str) -> bool:
        """Whether who is given as a person is the party itself."""
        return person is not None and self.known.find(person) == slug

    def _present(self, slug: str) -> str:
        """Make a party again that an earlier batch of a dry run made and undid."""
        name = self.known.undone_parties.get(slug)
        if name is not None:
            with suppress(AlreadyExists):
                self._make_party(slug, name)
        return slug

    def _create(self, name: str) -> str:
        if name.startswith(("http://", "https://")):
            raise Refused("claimant", name, "there is an address and no name: map it to a party")
        slug = slugged(name)
        if slug is None:
            raise Refused("claimant", name, "no slug can be made of this name: map it to a party")
        free, number = slug, 2
        while free in self.known.slugs:
            free = f"{slug[: LONGEST_SLUG - 6].rstrip('-')}-{number}"
            number += 1
        self._make_party(free, name)
        self.party = (free, name)
        return free

    def _make_party(self, slug: str, name: str) -> None:
        party_commands.create_party(
            self.connection,
            slug=slug,
            name=name,
            full_name=None,
            kind=None,
            country=None,
            parent=None,
            actor=self.actor,
            now=self.now,
        )

    def _story(self) -> str | None:
        given = self.row.story
        if given is None:
            return None
        slug = given if given in self.known.stories else slugged(given)
        if slug in self.known.stories:
            title = self.known.undone_stories.get(slug)
            if title is not None:
                with suppress(AlreadyExists):
                    self._make_story(slug, title)
            return slug
        if slug is None or self.mapping.unknown_story == "refuse":
            raise Refused("story", given, "there is no such story")
        self._make_story(slug, given)
        self.story = (slug, given)
        return slug

    def _make_story(self, slug: str, title: str) -> None:
        story_commands.create_story(
            self.connection,
            slug=slug,
            title=title,
            description=None,
            actor=self.actor,
            now=self.now,
        )


def slugged(name: str) -> str | None:
    """A slug that reads like `name`; None where none of its letters can stand in one."""
    slug = make_slug(name)[:LONGEST_SLUG].rstrip("-")
    return slug if len(slug) >= 2 else None
