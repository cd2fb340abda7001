"""Credentials: keys, sessions and passwords by which callers are known, and who made them.

Secrets of keys, sessions and links are 256 random bits, so a plain SHA-256 of them is enough to
keep; passwords are people's own, and kept as argon2 hashes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, bindparam, select

from service.accounts import account_names
from service.domain import ids
from service.domain.access import Actor, Means, Role, Way
from service.domain.subjects import SubjectKind
from service.store.tables import api_keys, events, sessions, users

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
"""The newest events of a person's record that concern sign-in links; a password voids links."""


@dataclass(frozen=True, slots=True)
class LinkNotice:
    """A sign-in link that somebody else made for a person who has a password, and who has not
    confirmed yet that they have seen it: whoever holds the link acts in their name."""

    number: int
    """The number of its event in the person's record."""
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """A key or session of the database: who acts with it, what a secret is compared with, and
    until when it holds."""

    actor: Actor
    secret_hash: str
    expires_at: datetime | None
    key: str | None
    """The API key's id; None for a session."""
    notice: LinkNotice | None = None
    time_zone: str | None = None
    """Which the person chose for pages; None: the desk's."""


@dataclass(frozen=True, slots=True)
class StoredPassword:
    user: str
    hash: str | None
    """None where the user has no password."""


def hash_secret(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def join_makers(actor: Actor, *, except_id: str | None = None) -> str | None:
    """Return the joined ids of all who answer for what `actor` makes.

    None answers for what the console makes, which is no account.
    """
    is_console = actor.means is not None and actor.means.way is Way.CONSOLE
    return join_ids(() if is_console else actor.responsible_ids, except_id=except_id)


def join_ids(made_by: Iterable[str], *, except_id: str | None = None) -> str | None:
    """Return ids of makers as one column keeps them; None where nobody but `without` is left."""
    return " ".join(maker for maker in made_by if maker != except_id) or None


def split_ids(joined_ids: str | None) -> tuple[str, ...]:
    """Return the ids that `join_ids` has joined."""
    return tuple(joined_ids.split()) if joined_ids else ()


def find_password_by_email(connection: Connection, email: str) -> StoredPassword | None:
    """Return the password of the active user with this address."""
    return _find_password(connection, users.c.email == account_names.normalize_email(email))


def find_password(connection: Connection, user_id: str) -> StoredPassword | None:
    """Return the password of an active user; None for the id of a key."""
    if ids.parse_id(user_id) is None:
        return None
    return _find_password(connection, users.c.id == user_id)


def _find_password(connection: Connection, condition: ColumnElement[bool]) -> StoredPassword | None:
    query = select(users.c.id, users.c.password_hash).where(
        condition, users.c.disabled_at.is_(None)
    )
    row = connection.execute(query).first()
    return None if row is None else StoredPassword(row.id, row.password_hash)


def find_key_credential(connection: Connection, key_id: str) -> Credential | None:
    """Return the key with this id, unless it was revoked or its user disabled."""
    row = connection.execute(KEYS.where(api_keys.c.id == key_id)).first()
    return None if row is None else _build_key_credential(row)


def _build_key_credential(row: Row[Any]) -> Credential | None:
    if row.revoked_at is not None or row.disabled_at is not None:
        return None
    role = Role(row.role)
    means = Means(Way.KEY, row.id, row.name, split_ids(row.made_by))
    if row.user is None:
        actor = Actor(row.id, row.name, role, means)
    else:
        # Somebody who was demoted does not keep the old role in a key.
        role = min(role, Role(row.user_role), key=list(Role).index)
        actor = Actor(row.user, row.user_name, role, means)
    return Credential(actor, row.secret_hash, row.expires_at, row.id)


def find_session_credential(connection: Connection, token_hash: str) -> Credential | None:
    """Return the session with this token, unless its user is disabled."""
    row = connection.execute(SESSIONS.where(sessions.c.token_hash == token_hash)).first()
    if row is None:
        return None
    credential = _build_session_credential(row)
    if row.password_hash is None:
        # Links are the only way in, and the person asks for them.
        return credential
    return replace(credential, notice=find_link_notice(connection, row.id))


def find_link_notice(connection: Connection, user: str) -> LinkNotice | None:
    """Return the newest link that somebody else made since the person last set a password or
    confirmed that they have seen the links."""
    last_seen = 0
    for row in connection.execute(LINK_EVENTS, {"user": user}):
        actor, data = orjson.loads(row.actor), orjson.loads(row.data)
        if row.type == "person.link_seen":
            last_seen = max(last_seen, data["link_number"])
        elif row.type == "person.link_made" and row.number > last_seen and actor.get("id") != user:
            return LinkNotice(row.number, actor.get("name") or "Claimdesk", row.recorded_at)
        elif "password_digest" in data and not data.get("password_by"):
            # They set it themselves, signed in by means that nobody else made.
            return None
    return None


def _build_session_credential(row: Row[Any]) -> Credential:
    means = Means(Way.SESSION, made_by=split_ids(row.opened_by))
    actor = Actor(row.id, row.name, Role(row.role), means)
    return Credential(actor, row.token_hash, row.expires_at, None, time_zone=row.time_zone)


def refresh_credentials(
    connection: Connection, credentials: Collection[Credential]
) -> dict[Credential, Credential]:
    """Return what these credentials are by now, without those that were revoked or have ended."""
    current: dict[str, Credential] = {}
    keys = {credential.key for credential in credentials if credential.key is not None}
    if keys:
        for row in connection.execute(KEYS.where(api_keys.c.id.in_(keys))):
            credential = _build_key_credential(row)
            if credential is not None:
                current[credential.secret_hash] = credential
    tokens = {credential.secret_hash for credential in credentials if credential.key is None}
    if tokens:
        for row in connection.execute(SESSIONS.where(sessions.c.token_hash.in_(tokens))):
            current[row.token_hash] = _build_session_credential(row)
    return {
        credential: current[credential.secret_hash]
        for credential in credentials
        if credential.secret_hash in current
    }
