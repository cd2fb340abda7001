"""Reads stories: the list, one story with its parties, and its claims and parties at an instant."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, and_, exists, func, or_, select

from service.claims import link_activity
from service.claims.claim_conditions import is_listed
from service.directory.directory_queries import build_party_view
from service.domain.claims import Lifecycle, format_instant
from service.domain.errors import NotFound, NotYetRecorded
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
    claimants = select(claims.c.claimant).where(*build_story_conditions(slug, moment))
    voices = (
        select(links.c.party)
        .join(claims, claims.c.id == links.c.claim)
        .join(statements, statements.c.id == links.c.statement)
        .where(*build_story_conditions(slug, moment))
        .where(*link_activity.build_conditions(link_activity.LINK_ENDINGS, moment))
        .where(*link_activity.build_conditions(link_activity.STATEMENT_ENDINGS, moment))
    )
    if moment is not None:
        voices = voices.where(links.c.recorded_at <= moment)
    place = select_parties(moment)
    found = connection.execute(
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
            for party in found
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
    found: dict[str, dict[str, int]] = {slug: {} for slug in slugs}
    query = (
        select(claims.c.story, claims.c.status, func.count().label("claims"))
        .where(claims.c.story.in_(found), claims.c.lifecycle == Lifecycle.ACTIVE.value)
        .group_by(claims.c.story, claims.c.status)
    )
    for row in connection.execute(query).all():
        found[row.story][row.status] = row.claims
    return found


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


def build_story_conditions(slug: str, moment: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions on `claims` for those of the story that were recorded and are listed."""
    listed = is_listed(claims)
    if moment is None:
        return claims.c.story == slug, listed
    then = claim_versions.alias()
    before = exists(
        select(1)
        .where(
            then.c.claim == claims.c.id,
            then.c.superseded_at > moment,
            then.c.recorded_at <= moment,
            is_listed(then),
        )
        .correlate(claims)
    )
    return claims.c.story == slug, claims.c.created_at <= moment, or_(listed, before)


def select_parties(moment: datetime | None) -> FromClause:
    """Select `slug`, `name`, `parent` and `root` of every party, now or as of an instant."""
    if moment is None:
        return parties.alias()
    then = party_versions
    held = and_(then.c.recorded_at <= moment, _build_not_yet(then.c.superseded_at, moment))
    return select(then).where(held).subquery()


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
