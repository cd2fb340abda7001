"""Takes in articles: a source and its text, and what is recorded from its passages.

The text is kept while somebody works on it; the quotes and their places in it stay.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from service.claims import claim_commands, link_commands, statement_commands
from service.directory import source_commands
from service.domain import access, ids
from service.domain.access import Action, Actor
from service.domain.claims import Rendering
from service.domain.errors import Invalid, NotFound
from service.domain.inputs import (
    NewClaim,
    NewLink,
    NewQuote,
    NewSource,
    NewStatement,
    Selector,
)
from service.store.tables import intakes, quotes, stories

RETENTION = timedelta(days=30)
"""A text that nobody has finished with goes after this."""
BATCH = 100
ELLIPSIS = re.compile(r" ?(?:\[…\]|\[\.\.\.\]|…|\.\.\.) ?")
CONTEXT_LENGTH = 32
"""Characters before and after a quote that say which of several like it is meant."""


@dataclass(frozen=True, slots=True)
class PassageLink:
    """What a passage says about a claim that is already recorded."""

    claim: str
    link: NewLink
    """Its statement is the passage's, whatever it says."""


@dataclass(frozen=True, slots=True)
class KnownStatement:
    """A statement that is recorded already, and the article's words for it: they are added as
    another rendering, unless they are recorded from this source."""

    id: str
    quotes: tuple[NewQuote, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of an article, whose they are, and what they do.

    `claim` is a claim that they make, with the statement as its origin; `near` is about where in
    the text they were selected, in characters, if known.
    """

    statement: NewStatement | KnownStatement
    near: int | None
    claim: NewClaim | None
    stands: tuple[PassageLink, ...]


@dataclass(frozen=True, slots=True)
class RecordedPassage:
    """The statement, claim and links that a passage was recorded as."""

    statement: str
    claim: str | None


def begin_intake(
    connection: Connection,
    *,
    source: NewSource,
    text: str,
    language: str,
    story: str | None,
    actor: Actor,
    now: datetime,
) -> str:
    """Record the source, with the hash of its text, and keep the text to work on.

    Returns an id.  Raises Invalid for an unknown story.
    """
    access.require_permission(actor, Action.RECORD)
    _require_story(connection, story)
    hashed_source = replace(source, sha256=sha256(text.encode()).hexdigest())
    source_id, _ = source_commands.record_source(connection, hashed_source, actor=actor, now=now)
    row = {
        "id": ids.make_id(),
        "source": source_id,
        "text": text,
        "language": language,
        "story": story,
        "opened_by": actor.id,
        "opened_by_name": actor.name,
        "opened_at": now,
    }
    connection.execute(insert(intakes), row)
    return str(row["id"])


def record_passage(
    connection: Connection,
    intake_id: str,
    passage: Passage,
    *,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> RecordedPassage:
    """Record a passage: the statement once, the claim that it makes, and its links to other claims.

    The quote keeps its place in the text; words that are not in the text have no place, and are not
    verbatim.  Raises NotFound, and Invalid if the words neither make a claim nor are linked to one.
    """
    access.require_permission(actor, Action.RECORD)
    row = connection.execute(select(intakes).where(intakes.c.id == intake_id)).first()
    if row is None:
        raise NotFound("This article is no longer being taken in.")
    if passage.claim is None and not passage.stands:
        raise Invalid(
            "say what these words do: make a claim, or bear on one that is recorded",
            loc=("body", "does"),
        )
    for quote in passage.statement.quotes:
        if quote.rendering is Rendering.VERBATIM and not is_quoted_from(row.text, quote.text):
            raise Invalid(
                "these words do not stand in the text: take them as they stand, or say that they "
                "are paraphrased or translated",
                loc=("body", "quotes", "rendering"),
            )
    placed_quotes = tuple(
        replace(
            quote,
            source=row.source,
            selector=find_selector(row.text, quote.text, near=passage.near),
        )
        for quote in passage.statement.quotes
    )
    if isinstance(passage.statement, KnownStatement):
        statement = statement_commands.lock_statement(
            connection, passage.statement.id, loc=("body", "statement")
        )
        _add_renderings(connection, statement.id, placed_quotes, actor=actor, now=now)
    else:
        new = replace(passage.statement, quotes=placed_quotes)
        statement = statement_commands.record_statement(connection, new, actor=actor, now=now)
    # In one order, whoever else links to the same claims.
    for stand in sorted(passage.stands, key=lambda each: each.claim):
        link = replace(stand.link, statement=statement.id)
        link_commands.link_statement(
            connection, stand.claim, link, four_eyes=four_eyes, actor=actor, now=now
        )
    if passage.claim is None:
        return RecordedPassage(statement.id, None)
    claim = claim_commands.create_claim(
        connection, replace(passage.claim, origin=statement.id), actor=actor, now=now
    )
    return RecordedPassage(statement.id, claim.id)


def _add_renderings(
    connection: Connection,
    statement_id: str,
    new_quotes: tuple[NewQuote, ...],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Add an article's words to a statement that is recorded, each once."""
    rows = connection.execute(
        select(quotes.c.source, quotes.c.text).where(quotes.c.statement == statement_id)
    )
    present = {(row.source, row.text) for row in rows}
    for quote in new_quotes:
        if (quote.source, quote.text) not in present:
            statement_commands.add_quote(connection, statement_id, quote, actor=actor, now=now)


def choose_story(
    connection: Connection, intake_id: str, story: str | None, *, actor: Actor, now: datetime
) -> None:
    """Choose the story of the claims that are still to be recorded from an article.

    Those that are recorded stay where they are.  Raises NotFound, and Invalid for an unknown story.
    """
    access.require_permission(actor, Action.RECORD)
    _require_story(connection, story)
    change = update(intakes).where(intakes.c.id == intake_id).values(story=story)
    if connection.execute(change).rowcount == 0:
        raise NotFound("This article is no longer being taken in.")


def _require_story(connection: Connection, story: str | None) -> None:
    query = select(stories.c.slug).where(stories.c.slug == story)
    if story is not None and connection.scalar(query) is None:
        raise Invalid(f"there is no story '{story}'", loc=("body", "story"))


def finish_intake(connection: Connection, intake_id: str, *, actor: Actor, now: datetime) -> None:
    """Delete the text: all that matters of it is recorded.  Raises NotFound."""
    access.require_permission(actor, Action.RECORD)
    if connection.execute(delete(intakes).where(intakes.c.id == intake_id)).rowcount == 0:
        raise NotFound("This article is no longer being taken in.")


def delete_old_intakes(connection: Connection, *, now: datetime) -> int:
    """Delete a batch of texts that nobody finished; returns how many."""
    old = select(intakes.c.id).where(intakes.c.opened_at < now - RETENTION).limit(BATCH)
    return connection.execute(
        delete(intakes).where(intakes.c.id.in_(old.scalar_subquery()))
    ).rowcount


def is_quoted_from(text: str, words: str) -> bool:
    """Whether `words` stand in `text` in this order, but for white space and what an ellipsis
    leaves out."""
    read, at = " ".join(text.split()), 0
    for part in ELLIPSIS.split(" ".join(words.split())):
        place = read.find(part, at)
        if place == -1:
            return False
        at = place + len(part)
    return True


def find_selector(text: str, words: str, *, near: int | None = None) -> Selector | None:
    """Where `words` stand in `text` (W3C TextQuoteSelector): the occurrence nearest to `near`, or
    the first; None where they are not in it."""
    best = -1
    at = text.find(words)
    while at != -1:
        if best == -1 or (near is not None and abs(at - near) < abs(best - near)):
            best = at
        if near is None:
            break
        at = text.find(words, at + 1)
    if best == -1:
        return None
    end = best + len(words)
    return Selector(
        words, text[max(0, best - CONTEXT_LENGTH) : best], text[end : end + CONTEXT_LENGTH]
    )
