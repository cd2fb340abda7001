"""Private addresses of feeds: whoever knows one reads that feed, and nothing else.

A token is 256 random bits, so a plain SHA-256 of it is enough to keep.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from service.accounts.credentials import hash_secret
from service.domain import access, ids
from service.domain.access import Action, Actor, Role
from service.domain.claims import format_instant
from service.domain.errors import Invalid, NotFound
from service.domain.notices import MOST_FEEDS
from service.notices import people
from service.notices.notice_views import FeedView
from service.store.paging import Window, select_page
from service.store.tables import personal_feeds, stories, users
from service.store.transaction_context import context_of
from service.store.types import format_optional_instant

TOKEN_BYTES = 32
LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class OpenedFeed:
    """A feed whose private address somebody knows: what it shows, and whose it is."""

    id: str
    story: str | None
    owner: Actor


def make_feed(
    connection: Connection, *, story: str | None, actor: Actor, now: datetime
) -> FeedView:
    """Make a private address: of a story, or of what the person follows; it is shown once.

    Raises KeyWithoutPerson, Forbidden for a story to who may not share one, and Invalid for a story
    that is not there, or one address too many.
    """
    person = people.require_person(actor)
    if story is not None:
        access.require_permission(actor, Action.SHARE_FEEDS)
        story_row = connection.execute(
            select(stories.c.slug).where(stories.c.slug == story)
        ).first()
        if story_row is None:
            raise Invalid(f"there is no story '{story}'", loc=("body", "story"))
    count = select(func.count()).where(personal_feeds.c.user == person)
    if connection.execute(count).scalar_one() >= MOST_FEEDS:
        raise Invalid(f"you have {MOST_FEEDS} private addresses: delete one first", loc=("body",))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = {
        "id": ids.make_id(),
        "user": person,
        "story": story,
        "token_hash": hash_secret(token),
        "created_at": now,
        "last_used_at": None,
    }
    connection.execute(insert(personal_feeds), row)
    place = "mine" if story is None else "shared"
    url = f"{context_of(connection).base_url}/feeds/{place}/{token}.atom"
    return _build_feed(row, url)


def list_feeds(connection: Connection, *, caller: Actor, window: Window) -> list[FeedView]:
    """List a person's private addresses, one more than the limit.  Raises KeyWithoutPerson."""
    own_feeds = select(personal_feeds).where(personal_feeds.c.user == people.require_person(caller))
    rows = connection.execute(select_page(own_feeds, window, personal_feeds.c.id)).all()
    return [_build_feed(row._mapping, None) for row in rows]


def delete_feed(connection: Connection, feed: str, *, actor: Actor, now: datetime) -> None:
    """Delete a private address, which leads nowhere from then on.

    Raises KeyWithoutPerson, NotFound.
    """
    is_own = personal_feeds.c.user == people.require_person(actor)
    deletion = connection.execute(delete(personal_feeds).where(personal_feeds.c.id == feed, is_own))
    if not deletion.rowcount:
        raise NotFound("You have no private address of a feed with this id.")


def open_feed(connection: Connection, token: str, *, is_shared: bool) -> OpenedFeed | None:
    """Return the feed that a token opens, as its owner's role allows now; None for no such feed."""
    row = connection.execute(
        select(
            personal_feeds.c.id,
            personal_feeds.c.story,
            personal_feeds.c.user,
            users.c.name,
            users.c.role,
        )
        .join(users, users.c.id == personal_feeds.c.user)
        .where(personal_feeds.c.token_hash == hash_secret(token), users.c.disabled_at.is_(None))
    ).first()
    if row is None or (row.story is not None) != is_shared:
        return None
    owner = Actor(row.user, row.name, Role(row.role))
    action = Action.SHARE_FEEDS if is_shared else Action.READ_CLAIMS
    if not access.is_allowed(owner, action):
        return None
    return OpenedFeed(row.id, row.story, owner)


def record_feed_use(connection: Connection, last_uses: Mapping[str, datetime]) -> None:
    """Record when feeds were last read, by their ids."""
    if last_uses:
        connection.execute(
            update(personal_feeds)
            .where(personal_feeds.c.id == bindparam("feed"))
            .values(last_used_at=bindparam("used_at")),
            [{"feed": feed, "used_at": moment} for feed, moment in last_uses.items()],
        )


def _build_feed(row: Mapping[Any, Any], url: str | None) -> FeedView:
    return {
        "id": row["id"],
        "follows": row["story"] is None,
        "story": row["story"],
        "url": url,
        "created_at": format_instant(row["created_at"]),
        "last_used_at": format_optional_instant(row["last_used_at"]),
    }
