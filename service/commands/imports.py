"""Claims from elsewhere, brought in with the status that others gave them (docs/exchange.md).

A claim's id is made of what it is known again by, so bringing the same data in again adds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import StatementError

from service.commands import claims, parties
from service.commands.import_fields import Incoming, Refused
from service.commands.import_mapping import Judgement, Mapping
from service.commands.inputs import NewClaim, NewQuote, NewSource, NewSpeaker, NewStatement, Verdict
from service.domain import ids
from service.domain.access import Actor
from service.domain.claims import Basis, Imported, Rendering, Status
from service.domain.errors import ClaimdeskError, Invalid
from service.domain.names import fold
from service.store import tables

NAMESPACE = "claimdesk import"
LONGEST_SLUG = 64


@dataclass(slots=True)
class Directory:
    """The parties and stories of the desk, by the names under which rows may have them."""

    parties: dict[str, str] = field(default_factory=dict)
    """Slugs by folded slug, name and full name."""
    slugs: set[str] = field(default_factory=set)
    stories: set[str] = field(default_factory=set)

    def copy(self) -> "Directory":
        return Directory(dict(self.parties), set(self.slugs), set(self.stories))

    def find(self, name: str) -> str | None:
        return self.parties.get(fold(name))

    def know(self, slug: str, *names: str | None) -> None:
        self.slugs.add(slug)
        for name in (slug, *names):
            if name:
                self.parties.setdefault(fold(name), slug)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: `refused` says why it is not in; `remarks`, what was made of it."""

    line: int
    new: bool
    refused: Refused | None = None
    remarks: tuple[str, ...] = ()


def directory(session: Connection) -> Directory:
    found = Directory()
    for row in session.execute(select(tables.parties).order_by(tables.parties.c.slug)):
        found.know(row.slug, row.name, row.full_name)
    found.stories.update(session.scalars(select(tables.stories.c.slug)))
    return found


def bring_in(
    session: Connection,
    rows: Sequence[Incoming],
    mapping: Mapping,
    known: Directory,
    *,
    actor: Actor,
    now: datetime,
) -> tuple[list[Outcome], Directory]:
    """Record the rows that are not here yet; gives what became of each, and the parties and
    stories there are now.  A row that is refused leaves nothing behind."""
    made = [claim_id(mapping, row) for row in rows]
    t = tables.claims
    here = set(session.scalars(select(t.c.id).where(t.c.id.in_(made))))
    # The caller's stays as it is: this may be done again, or undone.
    known = known.copy()
    meant = _Meant(mapping)
    outcomes = []
    for row, claim in zip(rows, made, strict=True):
        if claim in here:
            outcomes.append(Outcome(row.line, new=False))
            continue
        here.add(claim)
        trying = _Row(session, row, meant, known, actor, now)
        try:
            with session.begin_nested():
                trying.record(claim)
        except Refused as refused:
            outcomes.append(Outcome(row.line, new=False, refused=refused))
        except ClaimdeskError as error:
            outcomes.append(Outcome(row.line, new=False, refused=_refused(error)))
        except StatementError as error:
            if session.scalar(select(t.c.id).where(t.c.id == claim)) is not None:
                # Another import of the same data was faster.
                outcomes.append(Outcome(row.line, new=False))
                continue
            why = f"the database refuses it: {getattr(error, 'orig', None) or error}"
            outcomes.append(Outcome(row.line, new=False, refused=Refused(None, None, why)))
        else:
            trying.settle()
            outcomes.append(Outcome(row.line, new=True, remarks=tuple(trying.remarks)))
    return outcomes, known


class Rehearsed(Exception):
    """A dry run's end: it carries what became of each row, and undoes the transaction."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__("rehearsed")
        self.outcomes = outcomes


def rehearse(
    session: Connection,
    rows: Sequence[Incoming],
    mapping: Mapping,
    known: Directory,
    *,
    actor: Actor,
    now: datetime,
) -> tuple[list[Outcome], Directory]:
    """`bring_in`, but nothing stays.  Raises Rehearsed."""
    outcomes, _ = bring_in(session, rows, mapping, known, actor=actor, now=now)
    raise Rehearsed(outcomes)


def claim_id(mapping: Mapping, row: Incoming) -> str:
    return ids.named(NAMESPACE, mapping.name, *row.key)


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
        self.parties = {fold(name): slug for name, slug in mapping.claimants.known.items()}


class _Row:
    """One row on its way in: what it adds to the directory, and what there is to say of it."""

    def __init__(
        self,
        session: Connection,
        row: Incoming,
        meant: _Meant,
        known: Directory,
        actor: Actor,
        now: datetime,
    ) -> None:
        self.session, self.row, self.meant, self.known = session, row, meant, known
        self.mapping, self.actor, self.now = meant.mapping, actor, now
        self.remarks: list[str] = []
        self.party: tuple[str, str] | None = None
        self.story: str | None = None

    def settle(self) -> None:
        """The row is in: so are the party and the story that it took."""
        if self.party is not None:
            self.known.know(*self.party)
        if self.story is not None:
            self.known.stories.add(self.story)

    def record(self, claim: str) -> None:
        row = self.row
        party, person = self._claimant()
        speaker = NewSpeaker(person, row.role) if party and person else None
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
        claims.bring_in(self.session, new, verdict, claim_id=claim, actor=self.actor, now=self.now)
        if self.remarks:
            text = f"Imported from {self.mapping.name}: {'; '.join(self.remarks)}."
            claims.add_note(self.session, claim, text=text, actor=self.actor, now=self.now)

    def _verdict(self) -> Verdict | None:
        row, label = self.row, self.row.label
        if label is None:
            return None
        by = row.rated_by or self.mapping.name
        meaning: Judgement | None = self.meant.labels.get(fold(label))
        if meaning is None:
            if self.mapping.unknown_label == "refuse":
                raise Refused("label", label, "the mapping does not say what this label means")
            self.remarks.append(f"rated “{label}” by {by}, a label that means nothing here")
            return None
        if meaning.status is Status.ASSERTED:
            self.remarks.append(f"rated “{label}” by {by}")
            return None
        where = f" ({row.review_url})" if row.review_url and len(row.review_url) < 500 else ""
        why = f": {row.explanation}" if row.explanation else ""
        reason = f"Imported: rated “{label}” by {by}{where}{why}"
        return Verdict(meaning.status, reason, Imported(by, label, meaning.finding))

    def _claimant(self) -> tuple[str | None, str | None]:
        """The party's slug and the person who speaks for it."""
        row, policy = self.row, self.mapping.claimants
        name, person = row.claimant, row.speaker
        if name is None and person is not None and policy.unknown == "create":
            name, person = person, None
        if name is None:
            if person is not None:
                self.remarks.append(f"said by {person}{f', {row.role}' if row.role else ''}")
            return None, None
        slug = self._known_party(name)
        if slug is not None:
            return slug, person
        if policy.unknown == "refuse":
            raise Refused("claimant", name, "there is no party of this name")
        if policy.unknown == "unattributed":
            said = f", by {person}" if person else ""
            self.remarks.append(f"claimed by {name}{said}, who is no party here")
            return None, None
        return self._create(name), person

    def _known_party(self, name: str) -> str | None:
        slug = self.meant.parties.get(fold(name))
        if slug is not None and slug not in self.known.slugs:
            raise Refused(
                "claimant", name, f"the mapping names the party {slug!r}, which is not here"
            )
        return slug or self.known.find(name)

    def _create(self, name: str) -> str:
        slug = slugged(name)
        if slug is None:
            raise Refused("claimant", name, "no slug can be made of this name: map it to a party")
        free, number = slug, 2
        while free in self.known.slugs:
            free = f"{slug[: LONGEST_SLUG - 6].rstrip('-')}-{number}"
            number += 1
        parties.create(
            self.session,
            slug=free,
            name=name,
            full_name=None,
            kind=None,
            country=None,
            parent=None,
            actor=self.actor,
            now=self.now,
        )
        self.party = (free, name)
        return free

    def _story(self) -> str | None:
        given = self.row.story
        if given is None:
            return None
        slug = given if given in self.known.stories else slugged(given)
        if slug in self.known.stories:
            return slug
        if slug is None or self.mapping.unknown_story == "refuse":
            raise Refused("story", given, "there is no such story")
        parties.create_story(
            self.session,
            slug=slug,
            title=given,
            description=None,
            actor=self.actor,
            now=self.now,
        )
        self.story = slug
        return slug


def slugged(name: str) -> str | None:
    """A slug that reads like `name`; None where none of its letters can stand in one."""
    letters = "".join(one if one.isascii() and one.isalnum() else "-" for one in fold(name))
    slug = "-".join(filter(None, letters.split("-")))[:LONGEST_SLUG].rstrip("-")
    return slug if len(slug) >= 2 else None
