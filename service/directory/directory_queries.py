"""Parties, speakers and sources."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, func, literal, select, tuple_

from service.directory.party_tree import below
from service.domain import addresses
from service.domain.claims import rfc3339
from service.domain.names import fold_spelling
from service.store.paging import Window
from service.store.rename_tables import rename_claims, renames
from service.store.tables import parties, sources, speakers
from service.store.types import instant_or_none


def party(connection: Connection, slug: str) -> dict[str, Any] | None:
    row = connection.execute(select(parties).where(parties.c.slug == slug)).first()
    return party_shape(row) if row else None


def read_rename_progress(connection: Connection, slug: str) -> tuple[int, int] | None:
    """How many claims a change of this party's name or place has come to, and of how many; None
    where none is under way."""
    mine = select(renames.c.id).where(
        renames.c.kind == "party", renames.c.subject == slug, renames.c.data.is_not(None)
    )
    total = connection.scalar(select(func.sum(renames.c.claims)).where(renames.c.id.in_(mine)))
    if not total:
        return None
    waiting = select(func.count()).where(rename_claims.c.rename.in_(mine))
    return total - connection.execute(waiting).scalar_one(), total


def names(connection: Connection, slugs: Collection[str]) -> dict[str, str]:
    """The names of parties by slug."""
    rows = connection.execute(
        select(parties.c.slug, parties.c.name).where(parties.c.slug.in_(slugs))
    )
    return {row.slug: row.name for row in rows}


def party_page(
    connection: Connection, *, parent: str | None, window: Window
) -> list[dict[str, Any]]:
    """Parties by slug, one more than the limit; `parent` narrows to those below one."""
    query = select(parties).order_by(parties.c.slug)
    if parent is not None:
        query = query.where(parties.c.slug.in_(below(literal(parent), "below")))
    if window.after is not None:
        query = query.where(parties.c.slug > window.after[0])
    return [party_shape(row) for row in connection.execute(query.limit(window.limit + 1)).all()]


def family_page(connection: Connection, *, window: Window) -> list[dict[str, Any]]:
    """Root parties by slug, one more than the limit, each with `below`: all parties of its tree
    but itself, by slug.  Two queries."""
    query = select(parties).where(parties.c.parent.is_(None)).order_by(parties.c.slug)
    if window.after is not None:
        query = query.where(parties.c.slug > window.after[0])
    found = [party_shape(row) for row in connection.execute(query.limit(window.limit + 1)).all()]
    below = connection.execute(
        select(parties)
        .where(
            parties.c.root.in_([one["slug"] for one in found[: window.limit]]),
            parties.c.parent.is_not(None),
        )
        .order_by(parties.c.slug)
    ).all()
    of_root: dict[str, list[dict[str, Any]]] = {one["slug"]: [] for one in found}
    for row in below:
        of_root[row.root].append(party_shape(row))
    return [one | {"below": of_root[one["slug"]]} for one in found]


def lineage(connection: Connection, slug: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The parties above a party, its root first, and those right below it, by slug."""
    tree = select(parties.c.slug, parties.c.parent, literal(0).label("far")).where(
        parties.c.slug == slug
    )
    path = tree.cte("path", recursive=True)
    path = path.union_all(
        select(parties.c.slug, parties.c.parent, path.c.far + 1).join(
            path, parties.c.slug == path.c.parent
        )
    )
    above = select(parties).join(path, path.c.slug == parties.c.slug).where(path.c.far > 0)
    under = select(parties).where(parties.c.parent == slug).order_by(parties.c.slug)
    return (
        [party_shape(row) for row in connection.execute(above.order_by(path.c.far.desc())).all()],
        [party_shape(row) for row in connection.execute(under).all()],
    )


def some_speakers(
    connection: Connection, slugs: Collection[str], *, most: int
) -> dict[str, list[dict[str, Any]]]:
    """The first speakers by name of each of these parties, at most `most`, by party."""
    place = (
        func.row_number()
        .over(partition_by=speakers.c.party, order_by=(speakers.c.folded_name, speakers.c.id))
        .label("place")
    )
    numbered = select(speakers, place).where(speakers.c.party.in_(slugs)).subquery()
    query = select(numbered).where(numbered.c.place <= most)
    found: dict[str, list[dict[str, Any]]] = {slug: [] for slug in slugs}
    for row in connection.execute(query.order_by(numbered.c.party, numbered.c.place)).all():
        found[row.party].append(_speaker(row))
    return found


def speaker(connection: Connection, speaker_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(speakers).where(speakers.c.id == speaker_id)).first()
    return _speaker(row) if row else None


def speaker_page(
    connection: Connection, *, name: str | None, party: str | None, window: Window
) -> list[dict[str, Any]]:
    """Speakers by folded name; `name` is any part of it, however it is spelled."""
    query = select(speakers).order_by(speakers.c.folded_name, speakers.c.id)
    if name is not None:
        query = query.where(speakers.c.folded_name.contains(fold_spelling(name), autoescape=True))
    if party is not None:
        query = query.where(speakers.c.party.in_(below(literal(party), "below")))
    if window.after is not None:
        query = query.where(
            tuple_(speakers.c.folded_name, speakers.c.id)
            > tuple_(literal(window.after[0]), literal(window.after[1], speakers.c.id.type))
        )
    return [_speaker(row) for row in connection.execute(query.limit(window.limit + 1)).all()]


def source(connection: Connection, source_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(sources).where(sources.c.id == source_id)).first()
    return source_shape(row) if row else None


def source_at(connection: Connection, url: str) -> dict[str, Any] | None:
    """The latest source that is known at an address, however that is spelled."""
    row = connection.execute(
        select(sources)
        .where(sources.c.address_digest == addresses.digest(url))
        .order_by(sources.c.recorded_at.desc(), sources.c.id.desc())
        .limit(1)
    ).first()
    return source_shape(row) if row else None


def source_page(connection: Connection, *, url: str | None, window: Window) -> list[dict[str, Any]]:
    """Sources, newest first."""
    query: Select[Any] = select(sources).order_by(sources.c.id.desc())
    if url is not None:
        query = query.where(sources.c.address_digest == addresses.digest(url))
    if window.after is not None:
        query = query.where(sources.c.id < literal(window.after[0], sources.c.id.type))
    return [source_shape(row) for row in connection.execute(query.limit(window.limit + 1)).all()]


def party_shape(row: Row[Any]) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "name": row.name,
        "full_name": row.full_name,
        "kind": row.kind,
        "country": row.country,
        "parent": row.parent,
        "root": row.root,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def _speaker(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "party": row.party,
        "created_at": rfc3339(row.created_at),
        # What the next page begins after; the API leaves it out.
        "folded_name": row.folded_name,
    }


def source_shape(row: Any, prefix: str = "") -> dict[str, Any]:
    def of(name: str) -> Any:
        return getattr(row, prefix + name)

    return {
        "id": of("id"),
        "url": of("url"),
        "publisher": of("publisher"),
        "title": of("title"),
        "published_at": instant_or_none(of("published_at")),
        "language": of("language"),
        "archive_url": of("archive_url"),
        "sha256": of("sha256"),
        "recorded_at": rfc3339(of("recorded_at")),
    }
