"""Queries of parties, speakers and sources."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    func,
    literal,
    select,
)

from service.directory.directory_views import (
    ListedSpeaker,
    PartyView,
    RootPartyView,
    SourceView,
    SpeakerView,
)
from service.domain import addresses
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.domain.names import normalize_spelling
from service.store.paging import Window, select_page
from service.store.rename_tables import rename_claims, renames
from service.store.tables import parties, sources, speakers
from service.store.types import format_optional_instant


def read_party(connection: Connection, slug: str) -> PartyView:
    """Return a party.  Raises NotFound."""
    row = connection.execute(select(parties).where(parties.c.slug == slug)).first()
    if row is None:
        raise NotFound(f"There is no party '{slug}'.")
    return build_party_view(row)


def read_rename_progress(connection: Connection, slug: str) -> tuple[int, int] | None:
    """Return how many claims carry a party's new name or place already, and how many will; None
    where no such change is under way."""
    unfinished_renames = select(renames.c.id).where(
        renames.c.kind == "party", renames.c.subject == slug, renames.c.data.is_not(None)
    )
    total = connection.scalar(
        select(func.sum(renames.c.claims)).where(renames.c.id.in_(unfinished_renames))
    )
    if not total:
        return None
    waiting = select(func.count()).where(rename_claims.c.rename.in_(unfinished_renames))
    return total - connection.execute(waiting).scalar_one(), total


def read_names(connection: Connection, slugs: Collection[str]) -> dict[str, str]:
    """Return the names of parties by slug."""
    rows = connection.execute(
        select(parties.c.slug, parties.c.name).where(parties.c.slug.in_(slugs))
    )
    return {row.slug: row.name for row in rows}


def list_parties(connection: Connection, *, parent: str | None, window: Window) -> list[PartyView]:
    """Return parties by slug, one more than the limit; with `parent`, it and those below it."""
    query = select(parties)
    if parent is not None:
        query = query.where(parties.c.slug.in_(select_subtree(literal(parent), "below")))
    return _read_parties(connection, select_page(query, window, parties.c.slug))


def select_subtree(party: ColumnElement[Any], name: str) -> Select[Any]:
    """Select a party and all parties below it; `name` has to differ within a statement."""
    tree = select(parties.c.slug).where(parties.c.slug == party).cte(name, recursive=True)
    tree = tree.union(select(parties.c.slug).join(tree, parties.c.parent == tree.c.slug))
    return select(tree.c.slug)


def list_root_parties(connection: Connection, *, window: Window) -> list[RootPartyView]:
    """Return root parties by slug, one more than the limit, with their trees.  Two queries."""
    query = select(parties).where(parties.c.parent.is_(None))
    roots = _read_parties(connection, select_page(query, window, parties.c.slug))
    trees: dict[str, list[PartyView]] = {root["slug"]: [] for root in roots}
    query = (
        select(parties)
        .where(
            parties.c.root.in_([root["slug"] for root in roots[: window.limit]]),
            parties.c.parent.is_not(None),
        )
        .order_by(parties.c.slug)
    )
    for party in _read_parties(connection, query):
        trees[party["root"]].append(party)
    return [{**root, "below": trees[root["slug"]]} for root in roots]


def read_lineage(connection: Connection, slug: str) -> tuple[list[PartyView], list[PartyView]]:
    """Return the parties above a party, the root first, and those right below it, by slug."""
    tree = select(parties.c.slug, parties.c.parent, literal(0).label("distance")).where(
        parties.c.slug == slug
    )
    path = tree.cte("path", recursive=True)
    path = path.union_all(
        select(parties.c.slug, parties.c.parent, path.c.distance + 1).join(
            path, parties.c.slug == path.c.parent
        )
    )
    above = (
        select(parties)
        .join(path, path.c.slug == parties.c.slug)
        .where(path.c.distance > 0)
        .order_by(path.c.distance.desc())
    )
    children = select(parties).where(parties.c.parent == slug).order_by(parties.c.slug)
    return _read_parties(connection, above), _read_parties(connection, children)


def _read_parties(connection: Connection, query: Select[Any]) -> list[PartyView]:
    return [build_party_view(row) for row in connection.execute(query).all()]


def list_first_speakers(
    connection: Connection, slugs: Collection[str], *, limit: int
) -> dict[str, list[SpeakerView]]:
    """Return the first speakers of each of these parties by name, at most `limit`, by party."""
    place = (
        func.row_number()
        .over(partition_by=speakers.c.party, order_by=(speakers.c.folded_name, speakers.c.id))
        .label("place")
    )
    numbered_speakers = select(speakers, place).where(speakers.c.party.in_(slugs)).subquery()
    query = select(numbered_speakers).where(numbered_speakers.c.place <= limit)
    by_party: dict[str, list[SpeakerView]] = {slug: [] for slug in slugs}
    for row in connection.execute(
        query.order_by(numbered_speakers.c.party, numbered_speakers.c.place)
    ).all():
        by_party[row.party].append(_build_speaker_view(row))
    return by_party


def read_speaker(connection: Connection, speaker_id: str) -> SpeakerView:
    """Return a speaker.  Raises NotFound."""
    row = connection.execute(select(speakers).where(speakers.c.id == speaker_id)).first()
    if row is None:
        raise NotFound("There is no speaker with this id.")
    return _build_speaker_view(row)


def list_speakers(
    connection: Connection, *, name: str | None, party: str | None, window: Window
) -> list[ListedSpeaker]:
    """Return speakers by folded name, one more than the limit.

    `name` is any part of it, however it is spelled; `read_party` includes the parties below it.
    """
    query = select(speakers)
    if name is not None:
        query = query.where(
            speakers.c.folded_name.contains(normalize_spelling(name), autoescape=True)
        )
    if party is not None:
        query = query.where(speakers.c.party.in_(select_subtree(literal(party), "below")))
    page = select_page(query, window, speakers.c.folded_name, speakers.c.id)
    return [_build_listed_speaker(row) for row in connection.execute(page).all()]


def read_source(connection: Connection, source_id: str) -> SourceView:
    """Return a source.  Raises NotFound."""
    row = connection.execute(select(sources).where(sources.c.id == source_id)).first()
    if row is None:
        raise NotFound("There is no source with this id.")
    return build_source_view(row)


def find_source_at(connection: Connection, url: str) -> SourceView | None:
    """Return the latest source known at an address, however that is spelled."""
    row = connection.execute(
        select(sources)
        .where(sources.c.address_digest == addresses.compute_address_digest(url))
        .order_by(sources.c.recorded_at.desc(), sources.c.id.desc())
        .limit(1)
    ).first()
    return build_source_view(row) if row else None


def list_merged_sources(connection: Connection, source_id: str) -> list[SourceView]:
    """Return the sources that were merged into another, oldest first."""
    query = select(sources).where(sources.c.merged_into == source_id).order_by(sources.c.id)
    return [build_source_view(row) for row in connection.execute(query).all()]


def list_sources(connection: Connection, *, url: str | None, window: Window) -> list[SourceView]:
    """Return sources, newest first, one more than the limit; with `url`, those at this address."""
    query: Select[Any] = select(sources)
    if url is not None:
        query = query.where(sources.c.address_digest == addresses.compute_address_digest(url))
    page = select_page(query, window, sources.c.id, newest_first=True)
    return [build_source_view(row) for row in connection.execute(page).all()]


def build_party_view(row: Row[Any]) -> PartyView:
    party: PartyView = {
        "slug": row.slug,
        "name": row.name,
        "full_name": row.full_name,
        "kind": row.kind,
        "country": row.country,
        "parent": row.parent,
        "root": row.root,
        "created_at": format_instant(row.created_at),
        "updated_at": format_instant(row.updated_at),
    }
    if row.in_sentence is not None:
        party["in_sentence"] = row.in_sentence
    if row.merged_into is not None:
        party["merged_into"], party["merged_name"] = row.merged_into, row.merged_name
    return party


def _build_speaker_view(row: Row[Any]) -> SpeakerView:
    speaker: SpeakerView = {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "party": row.party,
        "created_at": format_instant(row.created_at),
    }
    if row.merged_into is not None:
        speaker["merged_into"], speaker["merged_name"] = row.merged_into, row.merged_name
    return speaker


def _build_listed_speaker(row: Row[Any]) -> ListedSpeaker:
    return {**_build_speaker_view(row), "folded_name": row.folded_name}


_cited_sources = sources.alias("cited")


def join_shown_source(cited_in: FromClause, source: ColumnElement[Any]) -> FromClause:
    """Join the source that is shown for what names `source`: that one, or what it was merged
    into."""
    shown_id = func.coalesce(_cited_sources.c.merged_into, _cited_sources.c.id)
    return cited_in.join(_cited_sources, _cited_sources.c.id == source).join(
        sources, sources.c.id == shown_id
    )


def build_source_view(row: Row[Any], prefix: str = "") -> SourceView:
    """Return the source in a row whose columns of it are named with `prefix`."""

    def get(name: str) -> Any:
        return getattr(row, prefix + name)

    source: SourceView = {
        "id": get("id"),
        "url": get("url"),
        "publisher": get("publisher"),
        "title": get("title"),
        "published_at": format_optional_instant(get("published_at")),
        "language": get("language"),
        "archive_url": get("archive_url"),
        "sha256": get("sha256"),
        "recorded_at": format_instant(get("recorded_at")),
    }
    if get("merged_into") is not None:
        source["merged_into"] = get("merged_into")
    return source
