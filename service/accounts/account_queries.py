"""Queries of users, keys and sessions."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from service.accounts import account_names
from service.accounts.account_views import KeyView, SessionView, UserView
from service.domain import ids
from service.domain.access import Role
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.store import installation
from service.store.paging import Window, select_page
from service.store.tables import SESSION_NAME, api_keys, sessions, users
from service.store.types import format_optional_instant


def list_keys(connection: Connection, window: Window) -> list[KeyView]:
    """Return API keys, newest first, one more than the limit."""
    order = api_keys.c.created_at, api_keys.c.id
    page = select_page(select(api_keys), window, *order, newest_first=True)
    return [_build_key_view(row) for row in connection.execute(page).all()]


def read_key(connection: Connection, key_id: str) -> KeyView:
    """Return an API key, without its secret.  Raises NotFound."""
    return _build_key_view(require_key_row(connection, key_id))


def require_key_row(connection: Connection, key_id: str, *, lock: bool = False) -> Row[Any]:
    """Return the row of an API key, with `lock` until the transaction ends.  Raises NotFound."""
    query = select(api_keys).where(api_keys.c.id == key_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound("There is no key with this id.")
    return row


def list_users(connection: Connection, window: Window) -> list[UserView]:
    """Return users by address, one more than the limit."""
    page = select_page(select(users), window, users.c.email)
    return [_build_user_view(row) for row in connection.execute(page).all()]


def read_user(connection: Connection, user_id: str) -> UserView:
    """Return a user.  Raises NotFound."""
    return _build_user_view(require_user_row(connection, user_id))


def require_user_row(connection: Connection, user_id: str, *, lock: bool = False) -> Row[Any]:
    """Return the row of a user, with `lock` until the transaction ends.  Raises NotFound."""
    query = select(users).where(users.c.id == user_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound("There is no user with this id.")
    return row


def read_user_by_email(connection: Connection, email: str) -> UserView:
    """Return the user with this address.  Raises NotFound."""
    address = account_names.normalize_email(email)
    row = connection.execute(select(users).where(users.c.email == address)).first()
    if row is None:
        raise NotFound(f"There is no user with the address {email}.")
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
            "last_used_at": format_optional_instant(row.last_used_at),
        }
        for row in rows
    ]


def read_assignee_names(connection: Connection) -> dict[str, str]:
    """Return the names of all who may be assigned a claim, by id: active users but readers."""
    rows = connection.execute(
        select(users.c.id, users.c.name)
        .where(users.c.disabled_at.is_(None), users.c.role != Role.READER.value)
        .order_by(users.c.name)
    )
    return {row.id: row.name for row in rows}


def read_names(connection: Connection, actor_ids: Collection[str]) -> dict[str, str]:
    """Return the names of users and keys by their ids, without those that are unknown."""
    user_ids = {actor_id for actor_id in actor_ids if ids.parse_id(actor_id) is not None}
    names = _read_names_of(connection, users, user_ids)
    return names | _read_names_of(connection, api_keys, set(actor_ids) - names.keys())


def _read_names_of(connection: Connection, table: Table, ids: set[str]) -> dict[str, str]:
    rows = connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(ids)))
    return {row.id: row.name for row in rows}


def read_served_at(connection: Connection) -> str | None:
    """Return the base URL of the server that was last started; None before the first."""
    return installation.read_value(connection, installation.SERVED_AT)


def _build_key_view(row: Row[Any]) -> KeyView:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "user": row.user,
        "created_at": format_instant(row.created_at),
        "expires_at": format_optional_instant(row.expires_at),
        "revoked_at": format_optional_instant(row.revoked_at),
        "last_used_at": format_optional_instant(row.last_used_at),
    }


def _build_user_view(row: Row[Any]) -> UserView:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "has_password": row.password_hash is not None,
        "created_at": format_instant(row.created_at),
        "disabled_at": format_optional_instant(row.disabled_at),
    }
