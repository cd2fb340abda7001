"""Queries of users, keys and sessions."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, literal, select, tuple_

from service.accounts.account_views import KeyView, SessionView, UserView
from service.domain import ids
from service.domain.access import Role
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.store.paging import Window
from service.store.tables import SESSION_NAME, api_keys, installation, sessions, users
from service.store.types import instant_or_none


def by_email(connection: Connection, email: str) -> Row[Any] | None:
    """The user who signs in with this address, password hash and all."""
    return connection.execute(
        select(users).where(users.c.email == email.strip().lower(), users.c.disabled_at.is_(None))
    ).first()


def by_id(connection: Connection, user_id: str) -> Row[Any] | None:
    """The same of a user's id; None for a key's."""
    if ids.parse_id(user_id) is None:
        return None
    return connection.execute(
        select(users).where(users.c.id == user_id, users.c.disabled_at.is_(None))
    ).first()


def list_keys(connection: Connection, window: Window) -> list[KeyView]:
    """Return API keys, newest first, one more than the limit."""
    query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
    if window.after is not None:
        query = query.where(
            tuple_(api_keys.c.created_at, api_keys.c.id)
            < tuple_(
                literal(datetime.fromisoformat(window.after[0]), api_keys.c.created_at.type),
                literal(window.after[1]),
            )
        )
    rows = connection.execute(query.limit(window.limit + 1)).all()
    return [_build_key_view(row) for row in rows]


def read_key(connection: Connection, key_id: str) -> KeyView:
    """Return an API key, without its secret.  Raises NotFound."""
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFound("There is no key with this id.")
    return _build_key_view(row)


def list_users(connection: Connection, window: Window) -> list[UserView]:
    """Return users by address, one more than the limit."""
    query = select(users).order_by(users.c.email)
    if window.after is not None:
        query = query.where(users.c.email > window.after[0])
    rows = connection.execute(query.limit(window.limit + 1)).all()
    return [_build_user_view(row) for row in rows]


def read_user(connection: Connection, user_id: str) -> UserView:
    """Return a user.  Raises NotFound."""
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    if row is None:
        raise NotFound("There is no user with this id.")
    return _build_user_view(row)


def list_sessions(connection: Connection, user_id: str, *, now: datetime) -> list[SessionView]:
    """Return the sessions of a user, latest first."""
    rows = connection.execute(
        select(sessions)
        .where(sessions.c.user == user_id, sessions.c.expires_at > now)
        .order_by(sessions.c.created_at.desc(), sessions.c.token_hash)
    ).all()
    return [
        {
            "name": row.token_hash[:SESSION_NAME],
            "agent": row.agent,
            "created_at": format_instant(row.created_at),
            "expires_at": format_instant(row.expires_at),
            "last_used_at": instant_or_none(row.last_used_at),
        }
        for row in rows
    ]


def read_assignee_names(connection: Connection) -> dict[str, str]:
    """The names of all who may be assigned a claim, by id: users who are not disabled."""
    rows = connection.execute(
        select(users.c.id, users.c.name)
        .where(users.c.disabled_at.is_(None), users.c.role != Role.READER.value)
        .order_by(users.c.name)
    ).all()
    return {row.id: row.name for row in rows}


def read_names(connection: Connection, actor_ids: Collection[str]) -> dict[str, str]:
    """The names of users and keys by their ids; whoever is unknown is left out."""
    wanted = [one for one in set(actor_ids) if (ids.parse_id(one) is not None)]
    found = {
        row.id: row.name
        for row in connection.execute(
            select(users.c.id, users.c.name).where(users.c.id.in_(wanted))
        )
    }
    others = [one for one in set(actor_ids) if one not in found]
    found |= {
        row.id: row.name
        for row in connection.execute(
            select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_(others))
        )
    }
    return found


def read_installation(connection: Connection) -> dict[str, str]:
    """What all processes of this installation share: secrets, policy, where it is served."""
    return {row.name: row.value for row in connection.execute(select(installation))}


def served_at(connection: Connection) -> str | None:
    """The base URL of the server that was last started on this database."""
    return connection.scalar(select(installation.c.value).where(installation.c.name == "served_at"))


def _build_key_view(row: Row[Any]) -> KeyView:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "user": row.user,
        "created_at": format_instant(row.created_at),
        "expires_at": instant_or_none(row.expires_at),
        "revoked_at": instant_or_none(row.revoked_at),
        "last_used_at": instant_or_none(row.last_used_at),
    }


def _build_user_view(row: Row[Any]) -> UserView:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "has_password": row.password_hash is not None,
        "created_at": format_instant(row.created_at),
        "disabled_at": instant_or_none(row.disabled_at),
    }
