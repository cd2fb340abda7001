"""Read which entries stand on a page of a feed, and what they say."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    literal_column,
    or_,
    select,
    union_all,
)

from service.claims import claim_snapshots, print_translations
from service.domain.claims import Lifecycle
from service.domain.print_phrases import Language
from service.notices import followed_claims
from service.publishing import feed
from service.publishing.feed import Entry
from service.record.tail import newest
from service.store.paging import Window, select_page
from service.store.tables import claim_versions, claims, events, stories

# As a constant: the index of void claims alone, of which there are few, may be used.
_VOID: ColumnElement[str] = literal_column(f"'{Lifecycle.VOID}'")
_second = events.alias("second")
IS_FIRST_OF_IMPORT = and_(
    events.c.number == 1,
    exists().where(
        _second.c.claim == events.c.claim,
        _second.c.number == 2,
        _second.c.recorded_at == events.c.recorded_at,
        _second.c.data.contains('"cause":"import"', autoescape=True),
    ),
)
"""Whether an event is the first of an imported claim, which came with its status: an entry that
says it was asserted at that instant would only contradict the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: its event's number, and when that was recorded."""

    seq: int
    moment: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a feed before anything on it is read: one place more than the limit, if any."""

    title: str | None
    """The story's."""
    changed_at: datetime | None
    """When the story was last changed."""
    places: Sequence[Place]


def list_places(
    connection: Connection,
    *,
    story: str | None,
    as_of: datetime | None,
    window: Window,
    follower: str | None = None,
) -> Page | None:
    """Return where the entries of all claims, of one story, or of what a person follows, stand;
    None for an unknown story.

    The newest by number come first, and only as far as the record is settled (record/tail.py): what
    commits late comes above what was shown already, so whoever looks at the first page now and
    then misses nothing. With `as_of` they come by when they were recorded.
    """
    title, changed_at = None, None
    if story is not None:
        row = connection.execute(
            select(stories.c.title, stories.c.updated_at).where(stories.c.slug == story)
        ).first()
        if row is None:
            return None
        title, changed_at = row
    is_shown = (
        events.c.seq <= newest(connection),
        ~IS_FIRST_OF_IMPORT,
        or_(events.c.type == "claim.voided", ~_is_void(as_of)),
    )
    if story is not None:
        of_story = (*is_shown, events.c.story == story, events.c.type.in_(feed.ENTRY_TYPES))
        query = _select_places(of_story, as_of, window)
    elif follower is not None:
        is_followed = followed_claims.build_condition(connection, follower)
        of_followed = (*is_shown, is_followed, events.c.type.in_(feed.ENTRY_TYPES))
        query = _select_places((*of_followed, events.c.claim.is_not(None)), as_of, window)
    else:
        # A range of an index for each type.
        of_claims = (*is_shown, events.c.claim.is_not(None))
        of_types = (
            _select_places((*of_claims, events.c.type == type), as_of, window)
            for type in feed.ENTRY_TYPES
        )
        places = union_all(*(select(query.subquery()) for query in of_types)).subquery()
        query = _select_page(select(places), places.c, as_of, window)
    return Page(title, changed_at, [Place(*row) for row in connection.execute(query)])


def _is_void(as_of: datetime | None) -> ColumnElement[bool]:
    """Say of an event whether its claim is void, or was at an instant."""
    void = and_(claims.c.id == events.c.claim, claims.c.lifecycle == _VOID)
    if as_of is None:
        return exists().where(void)
    versions = claim_versions
    return or_(
        exists().where(void, claims.c.changed_at <= as_of),
        exists().where(
            versions.c.claim == events.c.claim,
            versions.c.superseded_at > as_of,
            versions.c.recorded_at <= as_of,
            versions.c.lifecycle == _VOID,
        ),
    )


def choose_cursor_keys(as_of: datetime | None) -> Callable[[Place], list[Any]]:
    """Return what makes a cursor of the last place on a page."""
    if as_of is None:
        return lambda place: [place.seq]
    return lambda place: [place.moment, place.seq]


def read_entries(
    connection: Connection, numbers: Sequence[int], *, language: Language = Language.EN
) -> tuple[Entry, ...]:
    """Return the entries of these events, in this order: one query however many; one more for
    their print lines in another language.

    Each has the claim as it was from that instant on: the first version superseded later, or what
    is served now.
    """
    document = claim_snapshots.select_document_at(events.c.claim, events.c.recorded_at)
    rows = connection.execute(
        select(
            events.c.seq,
            events.c.id,
            events.c.type,
            events.c.number,
            events.c.recorded_at,
            events.c.data,
            document.label("document"),
        )
        .join(claims, claims.c.id == events.c.claim)
        .where(events.c.seq.in_(numbers))
    )
    by_number = {
        row.seq: feed.build_entry(
            event=row.id,
            type=row.type,
            version=row.number,
            moment=row.recorded_at,
            data=row.data,
            document=row.document,
        )
        for row in rows
    }
    entries = [by_number[number] for number in numbers]
    claims_shown = print_translations.translate_claims(
        connection, [entry.claim for entry in entries], language=language
    )
    return tuple(
        replace(entry, claim=claim) for entry, claim in zip(entries, claims_shown, strict=True)
    )


def _select_places(
    conditions: Iterable[ColumnElement[bool]], as_of: datetime | None, window: Window
) -> Select[Any]:
    """Select number and moment of the events that meet the conditions, from the cursor on."""
    row = events.c
    query = select(row.seq, row.recorded_at).where(*conditions)
    if as_of is not None:
        query = query.where(row.recorded_at <= as_of)
    return _select_page(query, row, as_of, window)


def _select_page(
    query: Select[Any], row: Any, as_of: datetime | None, window: Window
) -> Select[Any]:
    """Put the newest first, from the cursor on, and stop at one more than the limit."""
    order = (row.seq,) if as_of is None else (row.recorded_at, row.seq)
    return select_page(query, window, *order, newest_first=True)
