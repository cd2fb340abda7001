"""The shape of a seed file: TOML, read and checked before anything is loaded.

Entries have a `key`, local to the file, by which later entries refer to them.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from service.domain import texts
from service.domain.claims import Basis, Kind, Precision, Rendering, Scope, Stance, Status
from service.domain.errors import Invalid

Place = tuple[str | int, ...]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
# What is loaded goes through the same policy as what the API is sent.
Name = Annotated[str, StringConstraints(max_length=120), AfterValidator(texts.clean_name)]
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


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


def parse(content: bytes | str) -> Plan:
    """Read a seed file.  Raises Invalid, whose errors name every place at fault."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        entries = tomllib.loads(text)
    except ValueError as error:  # TOML's own errors say the line
        raise Invalid(f"the seed file is no TOML: {error}", loc=()) from error
    try:
        plan = Plan.model_validate(entries)
    except ValidationError as error:
        faults = [
            (fault["loc"], fault["msg"].removeprefix("Value error, ")) for fault in error.errors()
        ]
        raise _invalid(faults) from error
    if dangling := list(_dangling(plan)):
        raise _invalid(dangling)
    return plan


def _invalid(faults: Iterable[tuple[Place, str]]) -> Invalid:
    errors = [{"loc": list(loc), "msg": msg} for loc, msg in faults]
    where = ".".join(str(part) for part in errors[0]["loc"])
    return Invalid(f"the seed file is not valid: {where}: {errors[0]['msg']}", errors=errors)


def _dangling(plan: Plan) -> Iterator[tuple[Place, str]]:
    """Where the file repeats a key, or refers to what it does not have (or only further down)."""
    known: Mapping[str, dict[str, Any]] = {
        "parties": {}, "speakers": {}, "sources": {}, "stories": {}, "statements": {}, "claims": {}
    }  # fmt: skip

    def missing(kind: str, key: str | None, place: Place) -> Iterator[tuple[Place, str]]:
        if key is not None and key not in known[kind]:
            yield place, f"there is no '{key}' among the {kind} above"

    for kind, entries in known.items():
        for n, entry in enumerate(getattr(plan, kind)):
            if isinstance(entry, PartyEntry):
                yield from missing("parties", entry.parent, (kind, n, "parent"))
            elif isinstance(entry, SpeakerEntry):
                yield from missing("parties", entry.party, (kind, n, "party"))
            elif isinstance(entry, StatementEntry):
                yield from missing("parties", entry.party, (kind, n, "party"))
                yield from missing("speakers", entry.speaker, (kind, n, "speaker"))
                if entry.speaker in known["speakers"]:
                    speaks_for = known["speakers"][entry.speaker].party
                    if speaks_for != entry.party:
                        yield (kind, n, "speaker"), f"'{entry.speaker}' speaks for '{speaks_for}'"
                if not entry.quotes:
                    yield (kind, n, "quotes"), "a statement needs at least one quote"
                for m, quote in enumerate(entry.quotes):
                    yield from missing("sources", quote.source, (kind, n, "quotes", m, "source"))
            elif isinstance(entry, ClaimEntry):
                yield from missing("stories", entry.story, (kind, n, "story"))
                yield from missing("statements", entry.origin, (kind, n, "origin"))
                yield from missing("claims", entry.part_of, (kind, n, "part_of"))
            key = getattr(entry, "key", None) or entry.slug
            if key in entries:
                yield (kind, n), f"'{key}' is there already"
            entries[key] = entry
    linked = set()
    for n, link in enumerate(plan.links):
        yield from missing("claims", link.claim, ("links", n, "claim"))
        yield from missing("statements", link.statement, ("links", n, "statement"))
        if link.statement in known["statements"] and not known["statements"][link.statement].party:
            yield ("links", n, "statement"), "no party stands behind it, so it takes no stance"
        linked.add((link.claim, link.statement))
    for n, decision in enumerate(plan.decisions):
        yield from missing("claims", decision.claim, ("decisions", n, "claim"))
        for m, cited in enumerate(decision.cites):
            if (decision.claim, cited) not in linked:
                place = ("decisions", n, "cites", m)
                yield place, f"'{cited}' is not linked to '{decision.claim}'"
