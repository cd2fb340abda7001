"""Follows: a person follows a claim, a story, a party, a tag or a search, and stops that."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from service.domain import ids
from service.domain.access import Actor
from service.domain.errors import Invalid, NotFound
from service.domain.notices import LONGEST_TARGET, MOST_FOLLOWS, MOST_SEARCHES, FollowKind
from service.notices import people
from service.store.tables import claims, follows, parties, stories


@dataclass(frozen=True, slots=True)
class Target:
    """What is followed: a claim by its id, a story or party by its slug, a tag, a search."""

    kind: FollowKind
    text: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A follow, and whether it is new."""

    id: str
    is_new: bool


def follow_target(
    connection: Connection, target: Target, *, actor: Actor, now: datetime
) -> Followed:
    """Have a person follow something; what they follow already stays.

    Raises KeyWithoutPerson, Invalid for what is not there, and where they follow too much.
    """
    person = people.require_person(actor)
    _require_target(connection, target)
    follow = connection.execute(
        select(follows.c.id, follows.c.stopped_at, follows.c.automatic).where(
            *is_of(person, target)
        )
    ).first()
    if follow is not None and follow.stopped_at is None:
        return Followed(follow.id, is_new=False)
    _require_room(connection, person, target)
    if follow is not None:
        connection.execute(
            update(follows)
            .where(follows.c.id == follow.id)
            .values(stopped_at=None, automatic=False, created_at=now)
        )
        return Followed(follow.id, is_new=True)
    row = {
        "id": ids.make_id(),
        "user": person,
        "kind": target.kind.value,
        "target": target.text,
        "automatic": False,
        "created_at": now,
    }
    connection.execute(insert(follows), row)
    return Followed(str(row["id"]), is_new=True)


def stop_following(connection: Connection, follow: str, *, actor: Actor, now: datetime) -> None:
    """Have a person follow something no longer; what they do there does not begin it again.

    Raises KeyWithoutPerson, NotFound.
    """
    person = people.require_person(actor)
    deletion = connection.execute(
        update(follows)
        .where(follows.c.id == follow, follows.c.user == person, follows.c.stopped_at.is_(None))
        .values(stopped_at=now)
    )
    if not deletion.rowcount:
        raise NotFound("You follow nothing with this id.")


def is_of(person: str, target: Target) -> list[ColumnElement[bool]]:
    """Return the conditions for the row of a person's follow of this."""
    return [
        follows.c.user == person,
        follows.c.kind == target.kind.value,
        follows.c.target == target.text,
    ]


def _require_room(connection: Connection, person: str, target: Target) -> None:
    if len(target.text) > LONGEST_TARGET:
        raise Invalid("this search is too long to be followed", loc=("body", "search"))
    active = select(func.count()).where(follows.c.user == person, follows.c.stopped_at.is_(None))
    if connection.execute(active).scalar_one() >= MOST_FOLLOWS:
        raise Invalid(
            f"you follow {MOST_FOLLOWS} things, as many as there may be: stop some first",
            loc=("body", target.kind.value),
        )
    if target.kind is not FollowKind.SEARCH:
        return
    searches = active.where(follows.c.kind == FollowKind.SEARCH.value)
    if connection.execute(searches).scalar_one() >= MOST_SEARCHES:
        raise Invalid(
            f"you follow {MOST_SEARCHES} searches, as many as there may be: stop one first",
            loc=("body", "search"),
        )


PLACES = {
    FollowKind.CLAIM: claims.c.id,
    FollowKind.STORY: stories.c.slug,
    FollowKind.PARTY: parties.c.slug,
}
"""Where what is followed has to be."""


def _require_target(connection: Connection, target: Target) -> None:
    """Raise Invalid for a claim, story or party that is not there."""
    column = PLACES.get(target.kind)
    if column is None:
        return
    if connection.execute(select(column).where(column == target.text)).first() is None:
        raise Invalid(f"there is no {target.kind} '{target.text}'", loc=("body", target.kind.value))
