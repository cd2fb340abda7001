"""Find the parties, speakers and stories that rows name, and make those that are missing."""

from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import Connection, select

from service.directory import party_commands
from service.domain import addresses
from service.domain.access import Actor
from service.domain.errors import AlreadyExists
from service.domain.names import LONGEST_SLUG, make_slug, normalize_spelling
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_labels import Judgement
from service.exchange.import_mapping import Mapping
from service.store import tables
from service.stories import story_commands

Names = tuple[str | None, ...]


@dataclass(slots=True)
class Directory:
    """The parties, speakers and stories of the desk, by the names that rows may use.

    A dry run undoes each batch.  What it made is kept in `undone_parties` and `undone_stories`
    (names and titles by slug), and made again by a later batch that needs it.
    """

    parties: dict[str, str] = field(default_factory=dict)
    """Slugs by normalized slug, name or full name."""
    speakers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Names by party and normalized name."""
    slugs: set[str] = field(default_factory=set)
    stories: set[str] = field(default_factory=set)
    undone_parties: dict[str, str] = field(default_factory=dict)
    undone_stories: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "Directory":
        return Directory(*(copy(getattr(self, part.name)) for part in fields(self)))

    def find_party(self, name: str) -> str | None:
        return self.parties.get(normalize_spelling(name))

    def find_speaker(self, party: str, name: str) -> str:
        """Return the name by which the party's speaker is known; `name` itself for a new one."""
        return self.speakers.setdefault((party, normalize_spelling(name)), name)

    def add_party(self, slug: str, *names: str | None) -> None:
        self.slugs.add(slug)
        for name in (slug, *names):
            if name:
                self.parties.setdefault(normalize_spelling(name), slug)


def read_directory(connection: Connection) -> Directory:
    directory = Directory()
    for row in connection.execute(select(tables.parties).order_by(tables.parties.c.slug)):
        directory.add_party(row.slug, row.name, row.full_name)
    t = tables.speakers
    for row in connection.execute(select(t.c.party, t.c.name).order_by(t.c.created_at)):
        directory.find_speaker(row.party, row.name)
    directory.stories.update(connection.scalars(select(tables.stories.c.slug)))
    return directory


class Rules:
    """A mapping, with its names and labels in the forms in which they are compared."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.labels: dict[str, Judgement] = mapping.list_judgements()
        self.parties = {
            _normalize_name(name): slug for name, slug in mapping.claimants.known.items()
        }

    def find_party(self, names: Iterable[str | None]) -> tuple[str, str] | None:
        """Return the first of `names` that the mapping has, and the slug of its party."""
        for name in names:
            if name and (slug := self.parties.get(_normalize_name(name))) is not None:
                return name, slug
        return None


def _normalize_name(name: str) -> str:
    """Return a name, or an address that stands for one, in the form in which they are compared."""
    if name.startswith(("http://", "https://")):
        return addresses.normalize_address(name)
    return normalize_spelling(name)


class NameFinder:
    """Finds what one row names; `party` and `story` are what was made for it."""

    def __init__(
        self,
        connection: Connection,
        row: ClaimRow,
        rules: Rules,
        directory: Directory,
        actor: Actor,
        now: datetime,
    ) -> None:
        self.connection, self.row, self.rules, self.directory = connection, row, rules, directory
        self.mapping, self.actor, self.now = rules.mapping, actor, now
        self.party: tuple[str, str] | None = None
        self.story: tuple[str, str] | None = None

    def find_claimant(self, remarks: list[str]) -> tuple[str | None, str | None]:
        """Return the slug of the party that claims, and the person who speaks for it."""
        row, policy = self.row, self.mapping.claimants
        name, person = row.claimant, row.speaker
        if row.role and person is None:
            remarks.append(f"in the role of {row.role}, without a name")
        slug = self._find_party()
        if slug is not None:
            is_party = person is not None and self.directory.find_party(person) == slug
            return slug, None if is_party else person
        if name is None and person is None:
            return None, None
        if policy.unknown == "refuse":
            raise RowRefusal("claimant", name or person, "there is no party of this name")
        if policy.unknown == "create":
            # A person whom nobody employs speaks for themselves.
            return (
                (self._create_party(name), person)
                if name
                else (self._create_party(person or ""), None)
            )
        if name is not None:
            speaker = f", by {person}" if person else ""
            remarks.append(f"claimed by {name}{speaker}, who is no party here")
        else:
            remarks.append(f"said by {person}{f', {row.role}' if row.role else ''}")
        return None, None

    def find_story(self) -> str | None:
        """Return the slug of the row's story, which is made where the mapping says so."""
        name = self.row.story
        if name is None:
            return None
        stories = self.directory.stories
        slug = name if name in stories else make_slug(name)
        if slug in stories:
            title = self.directory.undone_stories.get(slug)
            if title is not None:
                with suppress(AlreadyExists):
                    self._make_story(slug, title)
            return slug
        if not slug or self.mapping.unknown_story == "refuse":
            raise RowRefusal("story", name, "there is no such story")
        self._make_story(slug, name)
        self.story = (slug, name)
        return slug

    def keep(self) -> None:
        """Add what was made for the row to the directory, as the row is in."""
        if self.party is not None:
            self.directory.add_party(*self.party)
        if self.story is not None:
            self.directory.stories.add(self.story[0])

    def _find_party(self) -> str | None:
        """Return the party that the mapping or the desk has for the claimant.

        The mapping may name the speaker's party.  The desk is asked for the speaker only where the
        row does not say for whom they speak.
        """
        row = self.row
        names: Names = (row.claimant, *row.aliases)
        speaker_names: Names = (row.speaker, *row.speaker_aliases)
        party = self.rules.find_party(names) or self.rules.find_party(speaker_names)
        if party is not None:
            name, slug = party
            if slug not in self.directory.slugs:
                reason = f"the mapping names the party {slug!r}, which is not here"
                raise RowRefusal("claimant", name, reason)
            return self._ensure_party(slug)
        for name in filter(None, names if row.claimant is not None else names + speaker_names):
            known_slug = self.directory.find_party(name)
            if known_slug is not None:
                return self._ensure_party(known_slug)
        return None

    def _ensure_party(self, slug: str) -> str:
        """Make a party again that an earlier batch of a dry run made and undid."""
        name = self.directory.undone_parties.get(slug)
        if name is not None:
            with suppress(AlreadyExists):
                self._make_party(slug, name)
        return slug

    def _create_party(self, name: str) -> str:
        if name.startswith(("http://", "https://")):
            reason = "there is an address and no name: map it to a party"
            raise RowRefusal("claimant", name, reason)
        slug = make_slug(name)
        if not slug:
            reason = "no slug can be made of this name: map it to a party"
            raise RowRefusal("claimant", name, reason)
        free, number = slug, 2
        while free in self.directory.slugs:
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

    def _make_story(self, slug: str, title: str) -> None:
        story_commands.create_story(
            self.connection,
            slug=slug,
            title=title,
            description=None,
            actor=self.actor,
            now=self.now,
        )
