"""Finds what a party, speaker or source may be merged into, and counts what a merge moves.

What was merged before is found by its own name, too, and is answered by what took its place.  A
page of candidates costs two queries, however many they are: one finds them, one counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from service.directory import directory_queries
from service.domain import addresses, ids
from service.domain.claims import format_instant
from service.domain.names import normalize_spelling
from service.store.tables import claims, links, parties, quotes, sources, speakers, statements

PLACES = (sources.c.title, sources.c.publisher, sources.c.url)
WEB = ("http://", "https://")
MOST_WORDS = 20
"""Words of a search that are looked for: databases bound how much a condition holds."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: by words of names, or the one that is chosen."""

    words: str = ""
    chosen: str | None = None
    """An id or slug; its candidate is found whatever has become of it."""
    skip: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """How much is recorded with something: its statements, claims that began with them, and links
    of them to claims."""

    statements: int = 0
    claims: int = 0
    links: int = 0


@dataclass(frozen=True, slots=True)
class MergeCandidate:
    """A party, speaker or source that another may be merged into, with what tells it apart."""

    id: str
    name: str
    page: str
    details: tuple[str, ...]
    counts: RecordCounts
    merged_into: str | None = None
    """Only of one that is chosen."""
    is_below: bool = False
    """Whether it stands below the party that is to be merged, which has to change first."""


def find_parties(connection: Connection, slug: str, search: Search) -> list[MergeCandidate]:
    """Find parties by name, one more than the limit."""
    # Names are compared as they are spelled in any way, which no database does alike.
    query = select(*(column for column in parties.c if not column.name.endswith("_at")))
    by_slug = {row.slug: row for row in connection.execute(query)}
    if search.chosen is not None:
        chosen_slugs = {search.chosen} & by_slug.keys()
    else:
        words = normalize_spelling(search.words).split()
        chosen_slugs = {
            _find_survivor(by_slug, row)
            for row in by_slug.values()
            if _has_words(words, row.slug, row.name, row.full_name, row.merged_name)
        }
    rows = sorted(
        (by_slug[each] for each in chosen_slugs - {slug}),
        key=lambda row: (row.name.casefold(), row.slug),
    )[search.skip : search.skip + search.limit + 1]
    counts = _count_records(connection, _select_party_words([row.slug for row in rows]))
    return [
        MergeCandidate(
            row.slug,
            row.merged_name or row.name,
            f"/parties/{row.slug}",
            tuple(
                filter(
                    None,
                    (
                        row.slug,
                        row.kind,
                        row.full_name,
                        f"part of {by_slug[row.root].name}" if row.root != row.slug else None,
                    ),
                )
            ),
            counts.get(row.slug, RecordCounts()),
            row.merged_into,
            _is_below(by_slug, row, slug),
        )
        for row in rows
    ]


def find_speakers(connection: Connection, speaker_id: str, search: Search) -> list[MergeCandidate]:
    """Find speakers for the same root party by name, one more than the limit."""
    own_root = (
        select(parties.c.root)
        .join(speakers, speakers.c.party == parties.c.slug)
        .where(speakers.c.id == speaker_id)
    )
    query = (
        select(speakers, parties.c.name.label("party_name"))
        .join(parties, parties.c.slug == speakers.c.party)
        .where(parties.c.root == own_root.scalar_subquery(), speakers.c.id != speaker_id)
    )
    if search.chosen is not None:
        query = query.where(speakers.c.id == ids.parse_id(search.chosen))
    else:
        matching = select(speakers.c.id)
        for word in normalize_spelling(search.words).split()[:MOST_WORDS]:
            matching = matching.where(
                or_(
                    speakers.c.folded_name.contains(word, autoescape=True),
                    speakers.c.folded_role.contains(word, autoescape=True),
                    speakers.c.id == ids.parse_id(search.words.strip()),
                )
            )
        tree = matching.add_columns(speakers.c.merged_into).cte("matching", recursive=True)
        tree = tree.union(
            select(speakers.c.id, speakers.c.merged_into).join(
                tree, tree.c.merged_into == speakers.c.id
            )
        )
        query = query.where(speakers.c.merged_into.is_(None), speakers.c.id.in_(select(tree.c.id)))
    query = query.order_by(speakers.c.folded_name, speakers.c.id)
    rows = connection.execute(query.offset(search.skip).limit(search.limit + 1)).all()
    counts = _count_records(connection, _select_speaker_words([row.id for row in rows]))
    return [
        MergeCandidate(
            row.id,
            row.merged_name or row.name,
            f"/parties/{row.party}",
            tuple(filter(None, (row.merged_role or row.role, row.party_name))),
            counts.get(row.id, RecordCounts()),
            row.merged_into,
        )
        for row in rows
    ]


def find_sources(connection: Connection, source_id: str, search: Search) -> list[MergeCandidate]:
    """Find sources by headline, outlet or address, newest first, one more than the limit."""
    query = select(sources).where(sources.c.id != source_id)
    if search.chosen is not None:
        query = query.where(sources.c.id == ids.parse_id(search.chosen))
    else:
        shown_id = func.coalesce(sources.c.merged_into, sources.c.id)
        matching = select(shown_id).where(_match_source(search.words.strip()))
        query = query.where(sources.c.merged_into.is_(None), sources.c.id.in_(matching))
    query = query.order_by(sources.c.id.desc())
    rows = connection.execute(query.offset(search.skip).limit(search.limit + 1)).all()
    counts = _count_records(connection, _select_source_words([row.id for row in rows]))
    return [
        MergeCandidate(
            row.id,
            row.title or row.publisher or row.url,
            f"/sources/{row.id}",
            tuple(
                filter(
                    None,
                    (
                        row.publisher if row.title else None,
                        row.url if row.title or row.publisher else None,
                        format_instant(row.published_at)[:10] if row.published_at else None,
                    ),
                )
            ),
            counts.get(row.id, RecordCounts()),
            row.merged_into,
        )
        for row in rows
    ]


def count_party_records(connection: Connection, slug: str) -> RecordCounts:
    """Count what is recorded with a party and with those below it, which go where it goes."""
    tree = connection.scalars(directory_queries.select_subtree(literal(slug), "below"))
    return _add_counts(_count_records(connection, _select_party_words(list(tree))))


def count_speaker_records(connection: Connection, speaker_id: str) -> RecordCounts:
    """Count what is recorded with a speaker, and with those who were merged into them."""
    tree = select(speakers.c.id).where(speakers.c.id == speaker_id).cte("own", recursive=True)
    tree = tree.union(select(speakers.c.id).join(tree, speakers.c.merged_into == tree.c.id))
    own_ids = connection.scalars(select(tree.c.id)).all()
    return _add_counts(_count_records(connection, _select_speaker_words(own_ids)))


def count_source_records(connection: Connection, source_id: str) -> RecordCounts:
    """Count what is recorded with a source."""
    return _add_counts(_count_records(connection, _select_source_words([source_id])))


def _find_survivor(by_slug: Mapping[str, Row[Any]], row: Row[Any]) -> str:
    while row.merged_into is not None:
        row = by_slug[row.merged_into]
    return str(row.slug)


def _is_below(by_slug: Mapping[str, Row[Any]], row: Row[Any], slug: str) -> bool:
    while row.parent is not None:
        row = by_slug[row.parent]
        if row.slug == slug:
            return True
    return False


def _has_words(words: Collection[str], *names: str | None) -> bool:
    text = " ".join(normalize_spelling(name) for name in names if name)
    return all(word in text for word in words)


def _match_source(text: str) -> ColumnElement[bool]:
    """Match sources that have all words, or are at the address, or have the id."""
    every_word: ColumnElement[bool] = true()
    for word in text.split()[:MOST_WORDS]:
        # SQLite knows the case of ASCII letters only.
        spellings = {word, word.lower(), word.upper(), word.capitalize()}
        every_word &= or_(
            *(
                place.icontains(spelling, autoescape=True)
                for place in PLACES
                for spelling in spellings
            )
        )
    if text.lower().startswith(WEB):
        digest = addresses.compute_address_digest(text)
        return or_(every_word, sources.c.address_digest == digest)
    if (id := ids.parse_id(text)) is not None:
        return sources.c.id == id
    return every_word


def _select_party_words(slugs: Collection[str]) -> Select[Any]:
    return select(statements.c.party.label("key"), statements.c.id.label("statement")).where(
        statements.c.party.in_(slugs)
    )


def _select_speaker_words(speaker_ids: Collection[str]) -> Select[Any]:
    return select(statements.c.speaker.label("key"), statements.c.id.label("statement")).where(
        statements.c.speaker.in_(speaker_ids)
    )


def _select_source_words(source_ids: Collection[str]) -> Select[Any]:
    return (
        select(quotes.c.source.label("key"), quotes.c.statement.label("statement"))
        .where(quotes.c.source.in_(source_ids))
        .distinct()
    )


def _count_records(connection: Connection, words: Select[Any]) -> dict[str, RecordCounts]:
    """Count by key what is recorded with the statements that `words` selects.  One query."""
    utterances = words.cte("utterances")

    def count(kind: str) -> Select[Any]:
        return select(
            utterances.c.key, literal_column(f"'{kind}'").label("kind"), func.count().label("total")
        ).group_by(utterances.c.key)

    query = union_all(
        count("statements"),
        count("claims").join(claims, claims.c.origin_statement == utterances.c.statement),
        count("links").join(links, links.c.statement == utterances.c.statement),
    )
    by_key: dict[str, dict[str, int]] = {}
    for key, kind, total in connection.execute(query):
        by_key.setdefault(key, {})[kind] = total
    return {key: RecordCounts(**totals) for key, totals in by_key.items()}


def _add_counts(by_key: Mapping[str, RecordCounts]) -> RecordCounts:
    every = by_key.values()
    return RecordCounts(
        sum(each.statements for each in every),
        sum(each.claims for each in every),
        sum(each.links for each in every),
    )
