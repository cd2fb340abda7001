"""Reads stories: the list, one story with its parties, and its claims and parties at an instant."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    func,
    or_,
    select,
    union_all,
)

from service.claims import claim_snapshots, former_claims, link_activity
from service.claims.claim_conditions import is_listed
from service.directory.directory_queries import build_party_view
from service.domain.claims import Lifecycle, format_instant
from service.domain.errors import NotFound, NotYetRecorded
from service.store import tables
from service.store.paging import Window, select_page
from service.store.tables import (
    claim_versions,
    claims,
    links,
    parties,
    party_versions,
    statements,
    stories,
)
from service.stories.story_views import StoryView, StoryWithPartiesView

VERSIONED_COLUMNS = ("name", "parent", "root")
"""What is known of a party at any instant."""


def read_story(
    connection: Connection, slug: str, *, moment: datetime | None = None
) -> StoryWithPartiesView:
    """Read a story with its parties: those who claim and those who take a stance.

    Parties are those of now, or of `moment`; title and description are the present ones.  Raises
    NotFound, NotYetRecorded.
    """
    row = find_story(connection, slug, moment)
    of_story = select_claims(slug, moment).subquery()
    claimants = select(of_story.c.claimant)
    voices = (
        select(choose_link_party(moment))
        .select_from(links)
        .join(of_story, of_story.c.id == links.c.claim)
        .join(statements, statements.c.id == links.c.statement)
        .where(*link_activity.build_conditions(link_activity.LINK_ENDINGS, moment))
        .where(*link_activity.build_conditions(link_activity.STATEMENT_ENDINGS, moment))
    )
    if moment is not None:
        voices = voices.where(links.c.recorded_at <= moment)
    place = select_parties(moment)
    rows = connection.execute(
        select(parties, *(place.c[name].label(f"then_{name}") for name in VERSIONED_COLUMNS))
        .join(place, place.c.slug == parties.c.slug)
        .where(parties.c.slug.in_(claimants.union(voices)))
        .order_by(parties.c.slug)
    ).all()
    return {
        **build_story(row),
        "parties": [
            {
                **build_party_view(party),
                "name": party.then_name,
                "parent": party.then_parent,
                "root": party.then_root,
            }
            for party in rows
        ],
    }


def list_stories(connection: Connection, *, window: Window) -> list[StoryView]:
    """List stories by slug, one more than the limit."""
    page = select_page(select(stories), window, stories.c.slug)
    return [build_story(row) for row in connection.execute(page).all()]


def read_titles(connection: Connection, slugs: Collection[str]) -> dict[str, str]:
    """Read the titles of stories by slug."""
    if not slugs:
        return {}
    query = select(stories.c.slug, stories.c.title).where(stories.c.slug.in_(slugs))
    return {row.slug: row.title for row in connection.execute(query)}


def count_claims(connection: Connection, slugs: Collection[str]) -> dict[str, dict[str, int]]:
    """Count the claims of these stories that are in force, by slug and status."""
    counts: dict[str, dict[str, int]] = {slug: {} for slug in slugs}
    query = (
        select(claims.c.story, claims.c.status, func.count().label("claims"))
        .where(claims.c.story.in_(counts), claims.c.lifecycle == Lifecycle.ACTIVE.value)
        .group_by(claims.c.story, claims.c.status)
    )
    for row in connection.execute(query).all():
        counts[row.story][row.status] = row.claims
    return counts


def find_story(connection: Connection, slug: str, moment: datetime | None) -> Row[Any]:
    """Return a story's row.  Raises NotFound, NotYetRecorded if it was recorded after `moment`."""
    row = connection.execute(select(stories).where(stories.c.slug == slug)).first()
    if row is None:
        raise NotFound(f"There is no story '{slug}'.")
    if moment is not None and row.created_at > moment:
        raise NotYetRecorded(
            "The desk began this story only later.", recorded_at=format_instant(row.created_at)
        )
    return row


def select_claims(slug: str, moment: datetime | None) -> Select[Any] | CompoundSelect[Any]:
    """Select `id`, `part_of`, `claimed_end` and `claimant` of the story's claims that are listed,
    now or as they were recorded at an instant."""
    current = select(claims.c.id, claims.c.part_of, claims.c.claimed_end, claims.c.claimant).where(
        claims.c.story == slug, is_listed(claims)
    )
    if moment is None:
        return current
    former_rows = tables.former_claims
    return union_all(
        current.where(claims.c.changed_at <= moment),
        _select_earlier(claims, slug, moment).where(former_claims.is_uncorrected(moment)),
        _select_earlier(former_rows, slug, moment)
        .join(former_rows, former_rows.c.claim == claims.c.id)
        .where(former_claims.is_held(moment)),
    )


def _select_earlier(content_table: FromClause, slug: str, moment: datetime) -> Select[Any]:
    """Select the versions of that instant of claims that have changed since; `content_table`,
    `claims` or `former_claims`, says what only corrections change."""
    versions, ended_at = claim_versions, claim_snapshots.select_end_of_version(moment)
    return (
        select(
            claims.c.id, versions.c.part_of, content_table.c.claimed_end, content_table.c.claimant
        )
        .select_from(claims)
        .join(versions, and_(versions.c.claim == claims.c.id, versions.c.superseded_at == ended_at))
        .where(
            content_table.c.story == slug,
            claims.c.changed_at > moment,
            versions.c.recorded_at <= moment,
            is_listed(versions),
        )
    )


def choose_link_party(moment: datetime | None) -> ColumnElement[Any]:
    """Return whose words a row of `links` is, or was at an instant."""
    return links.c.party if moment is None else former_claims.read_party(moment)


def select_parties(moment: datetime | None) -> FromClause:
    """Select `slug`, `name`, `parent` and `root` of every party, now or as of an instant."""
    if moment is None:
        return parties.alias()
    versions = party_versions
    was_current = and_(
        versions.c.recorded_at <= moment, _build_not_yet(versions.c.superseded_at, moment)
    )
    return select(versions).where(was_current).subquery()


def build_story(row: Row[Any]) -> StoryView:
    return {
        "slug": row.slug,
        "title": row.title,
        "description": row.description,
        "created_at": format_instant(row.created_at),
        "updated_at": format_instant(row.updated_at),
    }


def _build_not_yet(column: ColumnElement[Any], moment: datetime | None) -> ColumnElement[bool]:
    return column.is_(None) if moment is None else or_(column.is_(None), column > moment)
