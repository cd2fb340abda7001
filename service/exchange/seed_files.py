"""The shape of a seed file: TOML, parsed and checked before anything is loaded.

Entries have a `key`, local to the file, by which later entries refer to them.
"""

import tomllib
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, StringConstraints, ValidationError

from service.domain import texts
from service.domain.account_bounds import LONGEST_NAME
from service.domain.claims import Basis, Kind, Precision, Rendering, Scope, Stance, Status
from service.domain.errors import Invalid
from service.exchange import toml_files
from service.exchange.toml_files import Entry, Place, Slug

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
# What is loaded goes through the same policy as what the API is sent.
Name = Annotated[str, StringConstraints(max_length=LONGEST_NAME), AfterValidator(texts.clean_name)]
FullName = Annotated[str, StringConstraints(max_length=300), AfterValidator(texts.clean_name)]
Word = Annotated[str, StringConstraints(max_length=40), AfterValidator(texts.clean_line)]
Tag = Annotated[str, StringConstraints(max_length=50), AfterValidator(texts.clean_line)]
Phrase = Annotated[str, StringConstraints(max_length=300), AfterValidator(texts.clean_line)]
Prose = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(texts.clean_prose)]
Context = Annotated[str, StringConstraints(max_length=300), AfterValidator(texts.clean_context)]
Address = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s\x00/]", max_length=2048),
    AfterValidator(texts.check_address),
]
Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PartyEntry(Entry):
    slug: Slug
    name: Name
    full_name: FullName | None = None
    kind: Word | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    parent: Slug | None = None


class SpeakerEntry(Entry):
    key: Key
    party: Slug
    name: Name
    role: Name | None = None


class SourceEntry(Entry):
    key: Key
    url: Address
    publisher: Name | None = None
    title: Phrase | None = None
    published_at: AwareDatetime | None = None
    language: Language | None = None
    archive_url: Address | None = None
    sha256: Digest | None = None


class StoryEntry(Entry):
    slug: Slug
    title: Phrase
    description: Prose | None = None


class QuoteEntry(Entry):
    """A quote stands in its source word for word: its text is the selector's `exact`."""

    text: Prose
    language: Language
    rendering: Rendering
    source: Key
    prefix: Context = ""
    suffix: Context = ""


class StatementEntry(Entry):
    """`party` is left out where nobody in particular said it."""

    key: Key
    party: Slug | None = None
    speaker: Key | None = None
    said_at: AwareDatetime
    precision: Precision
    basis: Basis
    quotes: tuple[QuoteEntry, ...]


class ClaimEntry(Entry):
    """Who claims it, and when, is who said the origin statement, and when."""

    key: Key
    text: Prose
    kind: Kind
    story: Slug
    origin: Key
    part_of: Key | None = None
    tags: tuple[Tag, ...] = ()


class LinkEntry(Entry):
    claim: Key
    statement: Key
    stance: Stance
    scope: Scope = Scope.FULL
    conditional: bool = False
    note: Prose | None = None


class DecisionEntry(Entry):
    """A decision that takes one person; `cites` names statements linked to the claim."""

    claim: Key
    to: Literal[Status.ASSERTED, Status.AWAITING_CONFIRMATION, Status.DISPUTED]
    reason: Prose
    cites: tuple[Key, ...] = ()


class Plan(Entry):
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
    linked = {(link.claim, link.statement) for link in plan.links}
    for n, decision in enumerate(plan.decisions):
        yield from require("claims", decision.claim, ("decisions", n, "claim"))
        for m, cited in enumerate(decision.cites):
            if (decision.claim, cited) not in linked:
                reason = f"'{cited}' is not linked to '{decision.claim}'"
                yield ("decisions", n, "cites", m), reason
