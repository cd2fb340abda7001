"""Reads what people follow."""

from typing import Any

from sqlalchemy import Connection, Row, select

from service.domain.access import Actor
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.domain.notices import FollowKind
from service.notices import people
from service.notices.notice_views import FollowView
from service.store.paging import Window, select_page
from service.store.tables import follows


def list_follows(connection: Connection, *, caller: Actor, window: Window) -> list[FollowView]:
    """List what a person follows, one more than the limit.  Raises KeyWithoutPerson."""
    person = people.require_person(caller)
    active = select(follows).where(follows.c.user == person, follows.c.stopped_at.is_(None))
    rows = connection.execute(select_page(active, window, follows.c.id)).all()
    return [_build_follow(row) for row in rows]


def read_follow(connection: Connection, follow: str) -> FollowView:
    """Read a follow.  Raises NotFound."""
    row = connection.execute(select(follows).where(follows.c.id == follow)).first()
    if row is None:
        raise NotFound("There is no follow with this id.")
    return _build_follow(row)


def find_follow(
    connection: Connection, kind: FollowKind, target: str, *, caller: Actor
) -> str | None:
    """Return the id of a person's follow of this; None if they do not follow it."""
    follow: str | None = connection.execute(
        select(follows.c.id).where(
            follows.c.user == caller.id,
            follows.c.kind == kind.value,
            follows.c.target == target,
            follows.c.stopped_at.is_(None),
        )
    ).scalar()
    return follow


def _build_follow(row: Row[Any]) -> FollowView:
    targets: dict[str, str | None] = dict.fromkeys(FollowKind)
    targets[row.kind] = row.target
    return {
        "id": row.id,
        "claim": targets[FollowKind.CLAIM],
        "story": targets[FollowKind.STORY],
        "party": targets[FollowKind.PARTY],
        "tag": targets[FollowKind.TAG],
        "search": targets[FollowKind.SEARCH],
        "automatic": row.automatic,
        "created_at": format_instant(row.created_at),
    }
