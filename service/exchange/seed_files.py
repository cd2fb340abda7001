"""The shape of a seed file: TOML, parsed and checked before anything is loaded.

Entries have a `key`, local to the file, by which later entries refer to them.
"""

import tomllib
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AwareDatetime, StringConstraints, ValidationError

from service.domain.claims import Basis, Kind, Precision, Rendering, Scope, Stance, Status
from service.domain.errors import Invalid
from service.exchange import toml_files
from service.exchange.toml_files import Place
from service.field_types import (
    ClaimText,
    Context,
    Country,
    Description,
    FullName,
    Headline,
    In,
    Label,
    Language,
    LongQuote,
    Name,
    PersonName,
    Reason,
    Sha256,
    Slug,
    Tag,
    Title,
    Url,
)

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class PartyEntry(In):
    slug: Slug
    name: Name
    full_name: FullName | None = None
    in_sentence: Name | None = None
    kind: Label | None = None
    country: Country | None = None
    parent: Slug | None = None


class SpeakerEntry(In):
    key: Key
    party: Slug
    name: PersonName
    role: PersonName | None = None


class SourceEntry(In):
    key: Key
    url: Url
    publisher: PersonName | None = None
    title: Headline | None = None
    published_at: AwareDatetime | None = None
    language: Language | None = None
    archive_url: Url | None = None
    sha256: Sha256 | None = None


class StoryEntry(In):
    slug: Slug
    title: Title
    description: Description | None = None


class QuoteEntry(In):
    """A quote stands in its source word for word: its text is the selector's `exact`."""

    text: LongQuote
    language: Language
    rendering: Rendering
    source: Key
    prefix: Context = ""
    suffix: Context = ""


class StatementEntry(In):
    """`party` is left out where nobody in particular said it."""

    key: Key
    party: Slug | None = None
    speaker: Key | None = None
    said_at: AwareDatetime
    precision: Precision
    basis: Basis
    quotes: tuple[QuoteEntry, ...]


class ClaimEntry(In):
    """Who claims it, and when, is who said the origin statement, and when."""

    key: Key
    text: ClaimText
    kind: Kind
    story: Slug
    origin: Key
    part_of: Key | None = None
    tags: tuple[Tag, ...] = ()


class LinkEntry(In):
    claim: Key
    statement: Key
    stance: Stance
    scope: Scope = Scope.FULL
    conditional: bool = False
    note: Reason | None = None


class DecisionEntry(In):
    """A decision that takes one person; `cites` names statements linked to the claim."""

    claim: Key
    to: Literal[Status.ASSERTED, Status.AWAITING_CONFIRMATION, Status.DISPUTED]
    reason: Reason
    cites: tuple[Key, ...] = ()


class Plan(In):
    """A seed file, its references checked."""

    parties: tuple[PartyEntry, ...] = ()
    speakers: tuple[SpeakerEntry, ...] = ()
    sources: tuple[SourceEntry, ...] = ()
    stories: tuple[StoryEntry, ...] = ()
    statements: tuple[StatementEntry, ...] = ()
    claims: tuple[ClaimEntry, ...] = ()
    links: tuple[LinkEntry, ...] = ()
    decisions: tuple[DecisionEntry, ...] = ()


def parse_seed_file(content: bytes | str) -> Plan:
    """Parse a seed file.  Raises Invalid, whose errors name every place at fault."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        entries = tomllib.loads(text)
    except ValueError as error:  # TOML's own errors say the line
        raise Invalid(f"the seed file is no TOML: {error}", loc=()) from error
    try:
        plan = Plan.model_validate(entries)
    except ValidationError as error:
        raise toml_files.build_error("the seed file", toml_files.list_faults(error)) from error
    if faults := list(_find_reference_faults(plan)):
        raise toml_files.build_error("the seed file", faults)
    return plan


def _find_reference_faults(plan: Plan) -> Iterator[tuple[Place, str]]:
    """Yield where the file repeats a key, or refers to what it does not have (or only further
    down)."""
    known_keys: dict[str, set[str]] = {
        kind: set()
        for kind in ("parties", "speakers", "sources", "stories", "statements", "claims")
    }

    def require(kind: str, key: str | None, place: Place) -> Iterator[tuple[Place, str]]:
        if key is not None and key not in known_keys[kind]:
            yield place, f"there is no '{key}' among the {kind} above"

    def add(kind: str, key: str, place: Place) -> Iterator[tuple[Place, str]]:
        if key in known_keys[kind]:
            yield place, f"'{key}' is there already"
        known_keys[kind].add(key)

    for n, party in enumerate(plan.parties):
        yield from require("parties", party.parent, ("parties", n, "parent"))
        yield from add("parties", party.slug, ("parties", n))
    for n, speaker in enumerate(plan.speakers):
        yield from require("parties", speaker.party, ("speakers", n, "party"))
        yield from add("speakers", speaker.key, ("speakers", n))
    for n, source in enumerate(plan.sources):
        yield from add("sources", source.key, ("sources", n))
    for n, story in enumerate(plan.stories):
        yield from add("stories", story.slug, ("stories", n))
    party_of_speaker = {speaker.key: speaker.party for speaker in plan.speakers}
    for n, statement in enumerate(plan.statements):
        yield from require("parties", statement.party, ("statements", n, "party"))
        yield from require("speakers", statement.speaker, ("statements", n, "speaker"))
        speaks_for = party_of_speaker.get(statement.speaker or "")
        if speaks_for is not None and speaks_for != statement.party:
            reason = f"'{statement.speaker}' speaks for '{speaks_for}'"
            yield ("statements", n, "speaker"), reason
        if not statement.quotes:
            yield ("statements", n, "quotes"), "a statement needs at least one quote"
        for m, quote in enumerate(statement.quotes):
            yield from require("sources", quote.source, ("statements", n, "quotes", m, "source"))
        yield from add("statements", statement.key, ("statements", n))
    for n, claim in enumerate(plan.claims):
        yield from require("stories", claim.story, ("claims", n, "story"))
        yield from require("statements", claim.origin, ("claims", n, "origin"))
        yield from require("claims", claim.part_of, ("claims", n, "part_of"))
        yield from add("claims", claim.key, ("claims", n))
    party_of = {statement.key: statement.party for statement in plan.statements}
    for n, link in enumerate(plan.links):
        yield from require("claims", link.claim, ("links", n, "claim"))
        yield from require("statements", link.statement, ("links", n, "statement"))
        if link.statement in party_of and not party_of[link.statement]:
            yield ("links", n, "statement"), "no party stands behind it, so it takes no stance"
    linked_pairs = {(link.claim, link.statement) for link in plan.links}
    for n, decision in enumerate(plan.decisions):
        yield from require("claims", decision.claim, ("decisions", n, "claim"))
        for m, key in enumerate(decision.cites):
            if (decision.claim, key) not in linked_pairs:
                reason = f"'{key}' is not linked to '{decision.claim}'"
                yield ("decisions", n, "cites", m), reason
