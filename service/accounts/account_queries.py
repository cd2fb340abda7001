"""Who is calling, and the lists of users and keys."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, literal, select, tuple_

from service.domain import ids
from service.domain.access import Actor, Means, Role, Way
from service.domain.claims import rfc3339
from service.domain.subjects import SubjectKind
from service.store.paging import Window
from service.store.tables import SESSION_NAME, api_keys, events, installation, sessions, users
from service.store.types import instant_or_none

KEYS = select(
    api_keys,
    users.c.name.label("user_name"),
    users.c.role.label("user_role"),
    users.c.disabled_at,
).join(users, users.c.id == api_keys.c.user, isouter=True)
SESSIONS = (
    select(users, sessions.c.token_hash, sessions.c.expires_at, sessions.c.opened_by)
    .join(sessions, sessions.c.user == users.c.id)
    .where(users.c.disabled_at.is_(None))
)

LINK_EVENTS = (
    select(events.c.number, events.c.type, events.c.recorded_at, events.c.actor, events.c.data)
    .where(
        events.c.kind == SubjectKind.PERSON.value,
        events.c.subject == bindparam("user"),
        events.c.type.in_(["person.link_made", "person.link_seen", "person.changed"]),
    )
    .order_by(events.c.number.desc())
    .limit(50)
)
"""The newest events of a person's record that say something of links; a password voids them."""


@dataclass(frozen=True, slots=True)
class LinkNotice:
    """A sign-in link that somebody made for a person who has a password, and who has not said yet
    that they have seen it: whoever holds the link acts in their name."""

    number: int
    """Of the event in the person's record."""
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """A key or session that was found, with what has to be compared or has an end."""

    actor: Actor
    secret_hash: str
    expires_at: datetime | None
    key: str | None
    """The API key's id; None for a session."""
    notice: LinkNotice | None = None


def by_key(connection: Connection, key_id: str) -> Credential | None:
    """The key with this id, unless it was revoked or its user disabled."""
    row = connection.execute(KEYS.where(api_keys.c.id == key_id)).first()
    return None if row is None else _of_key(row)


def _of_key(row: Row[Any]) -> Credential | None:
    if row.revoked_at is not None or row.disabled_at is not None:
        return None
    role = Role(row.role)
    means = Means(Way.KEY, row.id, row.name, split_ids(row.made_by))
    if row.user is None:
        actor = Actor(row.id, row.name, role, means)
    else:
        # Somebody who was demoted does not keep the old role in a key.
        ladder = list(Role)
        role = min(role, Role(row.user_role), key=ladder.index)
        actor = Actor(row.user, row.user_name, role, means)
    return Credential(actor, row.secret_hash, row.expires_at, row.id)


def split_ids(kept: str | None) -> tuple[str, ...]:
    """The ids of makers, as `accounts.join_ids` keeps them."""
    return tuple(kept.split()) if kept else ()


def by_session(connection: Connection, token_hash: str) -> Credential | None:
    row = connection.execute(SESSIONS.where(sessions.c.token_hash == token_hash)).first()
    if row is None:
        return None
    credential = _of_session(row)
    if row.password_hash is None:
        return credential  # links are the only way in, and the person asks for them
    return replace(credential, notice=find_link_notice(connection, row.id))


def find_link_notice(connection: Connection, user: str) -> LinkNotice | None:
    """The newest link that somebody else made since the person last set a password or said that
    they have seen the links; None where there is none."""
    seen = 0
    for row in connection.execute(LINK_EVENTS, {"user": user}):
        actor, data = orjson.loads(row.actor), orjson.loads(row.data)
        if row.type == "person.link_seen":
            seen = max(seen, data["link_number"])
        elif row.type == "person.link_made" and row.number > seen and actor.get("id") != user:
            return LinkNotice(row.number, actor.get("name") or "Claimdesk", row.recorded_at)
        elif "password_digest" in data and not data.get("password_by"):
            return None  # one that they set themselves, by a way in of their own
    return None


def _of_session(row: Row[Any]) -> Credential:
    means = Means(Way.SESSION, made_by=split_ids(row.opened_by))
    actor = Actor(row.id, row.name, Role(row.role), means)
    return Credential(actor, row.token_hash, row.expires_at, None)


def again(connection: Connection, held: Collection[Credential]) -> dict[Credential, Credential]:
    """What these credentials are by now; those that were revoked or have ended are left out."""
    found: dict[str, Credential] = {}
    keys = {one.key for one in held if one.key is not None}
    if keys:
        for row in connection.execute(KEYS.where(api_keys.c.id.in_(keys))):
            credential = _of_key(row)
            if credential is not None:
                found[credential.secret_hash] = credential
    tokens = {one.secret_hash for one in held if one.key is None}
    if tokens:
        for row in connection.execute(SESSIONS.where(sessions.c.token_hash.in_(tokens))):
            found[row.token_hash] = _of_session(row)
    return {one: found[one.secret_hash] for one in held if one.secret_hash in found}


def by_email(connection: Connection, email: str) -> Row[Any] | None:
    """The user who signs in with this address, password hash and all."""
    return connection.execute(
        select(users).where(users.c.email == email.strip().lower(), users.c.disabled_at.is_(None))
    ).first()


def by_id(connection: Connection, user_id: str) -> Row[Any] | None:
    """The same of a user's id; None for a key's."""
    if ids.parse(user_id) is None:
        return None
    return connection.execute(
        select(users).where(users.c.id == user_id, users.c.disabled_at.is_(None))
    ).first()


def key_page(connection: Connection, window: Window) -> list[dict[str, Any]]:
    """API keys, newest first, never their secrets."""
    query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
    if window.after is not None:
        query = query.where(
            tuple_(api_keys.c.created_at, api_keys.c.id)
            < tuple_(
                literal(datetime.fromisoformat(window.after[0]), api_keys.c.created_at.type),
                literal(window.after[1]),
            )
        )
    return [_key(row) for row in connection.execute(query.limit(window.limit + 1)).all()]


def key(connection: Connection, key_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    return _key(row) if row else None


def user_page(connection: Connection, window: Window) -> list[dict[str, Any]]:
    query = select(users).order_by(users.c.email)
    if window.after is not None:
        query = query.where(users.c.email > window.after[0])
    return [_user(row) for row in connection.execute(query.limit(window.limit + 1)).all()]


def user(connection: Connection, user_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    return _user(row) if row else None


def sessions_of(connection: Connection, user_id: str, *, now: datetime) -> list[dict[str, Any]]:
    """Where a user is signed in, latest first; `name` is enough to end one, and not to be in it.
    None for a key, whose id is no user's."""
    if ids.parse(user_id) is None:
        return []
    rows = connection.execute(
        select(sessions)
        .where(sessions.c.user == user_id, sessions.c.expires_at > now)
        .order_by(sessions.c.created_at.desc(), sessions.c.token_hash)
    ).all()
    return [
        {
            "name": row.token_hash[:SESSION_NAME],
            "agent": row.agent,
            "created_at": rfc3339(row.created_at),
            "expires_at": rfc3339(row.expires_at),
            "last_used_at": instant_or_none(row.last_used_at),
        }
        for row in rows
    ]


def names(connection: Connection) -> dict[str, str]:
    """The names of all who may be assigned a claim, by id: users who are not disabled."""
    rows = connection.execute(
        select(users.c.id, users.c.name)
        .where(users.c.disabled_at.is_(None), users.c.role != Role.READER.value)
        .order_by(users.c.name)
    ).all()
    return {row.id: row.name for row in rows}


def named(connection: Connection, actor_ids: Collection[str]) -> dict[str, str]:
    """The names of users and keys by their ids; whoever is unknown is left out."""
    wanted = [one for one in set(actor_ids) if (ids.parse(one) is not None)]
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


def _key(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "user": row.user,
        "created_at": rfc3339(row.created_at),
        "expires_at": instant_or_none(row.expires_at),
        "revoked_at": instant_or_none(row.revoked_at),
        "last_used_at": instant_or_none(row.last_used_at),
    }


def _user(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "has_password": row.password_hash is not None,
        "created_at": rfc3339(row.created_at),
        "disabled_at": instant_or_none(row.disabled_at),
    }
