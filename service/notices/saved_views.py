"""Views of the board that people save under a name: their own, or the desk's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update
from typing_extensions import TypedDict

from service.domain import ids
from service.domain.access import Action, Actor, require_permission
from service.domain.claims import format_instant
from service.domain.errors import Invalid, NotFound
from service.notices import people
from service.store.paging import Window, select_page
from service.store.tables import saved_views
from service.views import Moment, Uuid, view

MOST_VIEWS = 50
"""Views of one person, and of the desk."""
LONGEST_QUERY = 2_000


@view
class SavedView(TypedDict):
    """A named filter of the board."""

    id: Uuid
    name: str
    query: Annotated[str, Field(description="Filters of `/v1/claims`, as in its address")]
    shared: Annotated[bool, Field(description="Of the whole desk; else your own")]
    created_at: Moment
    updated_at: Moment


def list_views(connection: Connection, *, caller: Actor, window: Window) -> list[SavedView]:
    """List the views of a person and of the desk, one more than the limit."""
    query = select(saved_views).where(_is_readable(caller))
    rows = connection.execute(select_page(query, window, saved_views.c.id)).all()
    return [_build_view(row) for row in rows]


def list_by_name(connection: Connection, *, caller: Actor) -> list[SavedView]:
    """List all views of a person and of the desk, by name, the desk's first."""
    query = select(saved_views).where(_is_readable(caller))
    order = saved_views.c.user.is_not(None), saved_views.c.name
    return [_build_view(row) for row in connection.execute(query.order_by(*order)).all()]


def read_view(connection: Connection, view_id: str, *, caller: Actor) -> SavedView:
    """Read a view.  Raises NotFound, also for what is another person's."""
    return _build_view(_require_row(connection, view_id, caller))


def save_view(
    connection: Connection, *, name: str, query: str, is_shared: bool, actor: Actor, now: datetime
) -> str:
    """Save a view and return its id.

    Raises Forbidden for one of the desk by less than an editor, KeyWithoutPerson, and Invalid for
    a name that another has, and where there are as many as there may be.
    """
    owner = _choose_owner(actor, is_shared=is_shared)
    _require_free(connection, name, owner, besides=None)
    row = {
        "id": ids.make_id(),
        "user": owner,
        "name": name,
        "query": query,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(insert(saved_views), row)
    return str(row["id"])


def change_view(
    connection: Connection,
    view_id: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Give a view another name, query or owner (by `shared`).  Raises what `save_view` does, and
    NotFound."""
    row = _require_row(connection, view_id, actor)
    _require_own(row, actor)
    is_shared = changes.get("shared", row.user is None)
    owner = _choose_owner(actor, is_shared=is_shared)
    name = changes.get("name", row.name)
    if (name, owner) != (row.name, row.user):
        _require_free(connection, name, owner, besides=row)
    values = {
        "name": name,
        "user": owner,
        "query": changes.get("query", row.query),
        "updated_at": now,
    }
    connection.execute(update(saved_views).where(saved_views.c.id == view_id).values(**values))


def delete_view(connection: Connection, view_id: str, *, actor: Actor, now: datetime) -> None:
    """Delete a view.  Raises NotFound, Forbidden."""
    _require_own(_require_row(connection, view_id, actor), actor)
    connection.execute(delete(saved_views).where(saved_views.c.id == view_id))


def _is_readable(caller: Actor) -> ColumnElement[bool]:
    of_desk = saved_views.c.user.is_(None)
    if not caller.is_person or ids.parse_id(caller.id) is None:
        return of_desk
    return or_(of_desk, saved_views.c.user == caller.id)


def _require_row(connection: Connection, view_id: str, caller: Actor) -> Row[Any]:
    row = connection.execute(
        select(saved_views).where(saved_views.c.id == view_id, _is_readable(caller))
    ).first()
    if row is None:
        raise NotFound("There is no view with this id.")
    return row


def _require_own(row: Row[Any], actor: Actor) -> None:
    if row.user is None:
        require_permission(actor, Action.SHARE_VIEWS)


def _choose_owner(actor: Actor, *, is_shared: bool) -> str | None:
    if is_shared:
        require_permission(actor, Action.SHARE_VIEWS)
        return None
    return people.require_person(actor)


def _require_free(
    connection: Connection, name: str, owner: str | None, *, besides: Row[Any] | None
) -> None:
    """Raise Invalid for a name that another view of the owner has, and where there is no room."""
    of_owner = saved_views.c.user.is_(None) if owner is None else saved_views.c.user == owner
    same = select(saved_views.c.id).where(of_owner, saved_views.c.name == name)
    if besides is not None:
        same = same.where(saved_views.c.id != besides.id)
    whose = "the desk" if owner is None else "you"
    verb = "has" if owner is None else "have"
    if connection.execute(same).first() is not None:
        raise Invalid(f"{whose} {verb} a view of this name already", loc=("body", "name"))
    if besides is not None and besides.user == owner:
        return
    count = connection.execute(select(func.count()).select_from(saved_views).where(of_owner))
    if count.scalar_one() >= MOST_VIEWS:
        raise Invalid(
            f"{whose} {verb} {MOST_VIEWS} views, as many as there may be: delete one first",
            loc=("body", "name"),
        )


def _build_view(row: Row[Any]) -> SavedView:
    return {
        "id": row.id,
        "name": row.name,
        "query": row.query,
        "shared": row.user is None,
        "created_at": format_instant(row.created_at),
        "updated_at": format_instant(row.updated_at),
    }
