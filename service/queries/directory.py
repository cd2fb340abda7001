"""Parties, speakers and sources."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, literal, select, tuple_

from service.domain.claims import rfc3339
from service.domain.names import fold
from service.queries.claims import below
from service.queries.paging import Window
from service.queries.statements import source_shape
from service.store.tables import parties, sources, speakers


def party(session: Connection, slug: str) -> dict[str, Any] | None:
    row = session.execute(select(parties).where(parties.c.slug == slug)).first()
    return party_shape(row) if row else None


def names(session: Connection, slugs: Collection[str]) -> dict[str, str]:
    """The names of parties by slug."""
    rows = session.execute(select(parties.c.slug, parties.c.name).where(parties.c.slug.in_(slugs)))
    return {row.slug: row.name for row in rows}


def party_page(session: Connection, *, parent: str | None, window: Window) -> list[dict[str, Any]]:
    """Parties by slug, one more than the limit; `parent` narrows to those below one."""
    query = select(parties).order_by(parties.c.slug)
    if parent is not None:
        query = query.where(parties.c.slug.in_(below(literal(parent), "below")))
    if window.after is not None:
        query = query.where(parties.c.slug > window.after[0])
    return [party_shape(row) for row in session.execute(query.limit(window.limit + 1)).all()]


def speaker(session: Connection, speaker_id: str) -> dict[str, Any] | None:
    row = session.execute(select(speakers).where(speakers.c.id == speaker_id)).first()
    return _speaker(row) if row else None


def speaker_page(
    session: Connection, *, name: str | None, party: str | None, window: Window
) -> list[dict[str, Any]]:
    """Speakers by folded name; `name` is any part of it, without diacritics."""
    query = select(speakers).order_by(speakers.c.folded_name, speakers.c.id)
    if name is not None:
        query = query.where(speakers.c.folded_name.contains(fold(name), autoescape=True))
    if party is not None:
        query = query.where(speakers.c.party.in_(below(literal(party), "below")))
    if window.after is not None:
        query = query.where(
            tuple_(speakers.c.folded_name, speakers.c.id)
            > tuple_(literal(window.after[0]), literal(window.after[1], speakers.c.id.type))
        )
    return [_speaker(row) for row in session.execute(query.limit(window.limit + 1)).all()]


def source(session: Connection, source_id: str) -> dict[str, Any] | None:
    row = session.execute(select(sources).where(sources.c.id == source_id)).first()
    return source_shape(row) if row else None


def source_page(session: Connection, *, url: str | None, window: Window) -> list[dict[str, Any]]:
    """Sources, newest first."""
    query: Select[Any] = select(sources).order_by(sources.c.id.desc())
    if url is not None:
        query = query.where(sources.c.url == url)
    if window.after is not None:
        query = query.where(sources.c.id < literal(window.after[0], sources.c.id.type))
    return [source_shape(row) for row in session.execute(query.limit(window.limit + 1)).all()]


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
