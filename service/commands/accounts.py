"""Users, API keys, sessions and one-time sign-in links.

Every secret here is 256 random bits, so a plain SHA-256 of it is enough to keep; passwords are
people's own and go through argon2 (`service/web/passwords.py`) before they reach a command.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from string import hexdigits
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from service.commands import proposals
from service.domain import access, ids
from service.domain.access import Action, Actor, Role
from service.domain.errors import (
    AlreadyExists,
    Forbidden,
    Invalid,
    NotAuthenticated,
    NotFound,
    Settled,
)
from service.domain.proposals import LapseReason
from service.store.tables import SESSION_NAME, api_keys, sessions, sign_in_links, users
from service.store.upsert import insert_or_ignore

SYSTEM = Actor("system", "claimdesk", Role.ADMIN)
"""Who acts when an operator uses the command line: whoever has the shell has the database."""

LINK_LIFETIME = timedelta(hours=24)
SESSION_LIFETIME = timedelta(days=14)
KEY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""No underscore, which separates a key's parts, and nothing that is misread aloud."""


@dataclass(frozen=True, slots=True)
class NewKey:
    id: str
    key: str
    """The whole key, `cd_<id>_<secret>`: shown once, kept only as a hash."""
    name: str
    role: Role


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def create_key(
    session: Connection,
    *,
    name: str,
    role: Role,
    expires_at: datetime | None = None,
    user: str | None = None,
    actor: Actor,
    now: datetime,
) -> NewKey:
    """Make an API key.  One made for a `user` acts as that user, with at most that user's role.

    Raises Invalid for an expiry in the past, an unknown user, or a role above the user's.
    """
    access.require(actor, Action.MANAGE_KEYS)
    if expires_at is not None and expires_at <= now:
        raise Invalid("the key would have expired already", loc=("body", "expires_at"))
    if user is not None:
        owner = session.execute(select(users).where(users.c.id == user)).first()
        if owner is None or owner.disabled_at is not None:
            raise Invalid("there is no active user with this id", loc=("body", "user"))
        if list(Role).index(role) > list(Role).index(Role(owner.role)):
            raise Invalid(f"the user is only {owner.role}", loc=("body", "role"))
    key_id = "".join(secrets.choice(KEY_ALPHABET) for _ in range(12))
    secret = "".join(secrets.choice(KEY_ALPHABET) for _ in range(52))
    session.execute(
        insert(api_keys),
        {
            "id": key_id,
            "secret_hash": digest(secret),
            "name": name,
            "role": role.value,
            "user": user,
            "created_at": now,
            "expires_at": expires_at,
        },
    )
    return NewKey(key_id, f"cd_{key_id}_{secret}", name, role)


def revoke_key(session: Connection, key_id: str, *, actor: Actor, now: datetime) -> None:
    """Raises NotFound, or Settled where it was revoked before."""
    access.require(actor, Action.MANAGE_KEYS)
    row = session.execute(
        select(api_keys.c.revoked_at).where(api_keys.c.id == key_id).with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no key with this id.")
    if row.revoked_at is not None:
        raise Settled("This key was revoked before.", key=key_id)
    session.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now))


def create_user(
    session: Connection,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None = None,
    actor: Actor,
    now: datetime,
) -> str:
    """Make a user and give their id.  Raises AlreadyExists for an address that is taken."""
    access.require(actor, Action.MANAGE_USERS)
    row = {
        "id": ids.uuid7(),
        "email": email.strip().lower(),
        "name": name,
        "role": role.value,
        "password_hash": password_hash,
        "created_at": now,
    }
    if not insert_or_ignore(session, users, row):
        raise AlreadyExists(f"There is a user with the address {row['email']} already.")
    return str(row["id"])


def change_user(
    session: Connection, user_id: str, changes: dict[str, Any], *, actor: Actor, now: datetime
) -> None:
    """Change a name, role or password, or disable the account (`disabled`: bool).

    A user who is disabled, or whose password changes, is signed out everywhere, and no link made
    before signs them in.  The last administrator cannot be disabled or demoted.
    """
    access.require(actor, Action.MANAGE_USERS)
    row = session.execute(select(users).where(users.c.id == user_id).with_for_update()).first()
    if row is None:
        raise NotFound("There is no user with this id.")
    values = dict(changes)
    if "disabled" in values:
        values["disabled_at"] = (row.disabled_at or now) if values.pop("disabled") else None
    if row.role == Role.ADMIN and (
        values.get("disabled_at") is not None or values.get("role", Role.ADMIN) != Role.ADMIN
    ):
        _require_other_admin(session, user_id)
    if not values:
        return
    session.execute(update(users).where(users.c.id == user_id).values(**values))
    if values.get("disabled_at") is not None or "password_hash" in values:
        end_sessions(session, user_id)
        _void_links(session, user_id, now)
    if values.get("disabled_at") is not None:
        # Nobody stands by what they proposed any more.
        gone = LapseReason.PROPOSER_DISABLED
        proposals.lapse_of_proposer(session, user_id, reason=gone, actor=actor, now=now)


def _require_other_admin(session: Connection, user_id: str) -> None:
    others = session.scalars(
        select(users.c.id)
        .where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None), users.c.id != user_id)
        .with_for_update()
    ).all()
    if not others:
        raise Invalid("the last administrator cannot be disabled or demoted", loc=("body", "role"))


def find_user(session: Connection, email: str) -> Any:
    """The row of the user with this address.  Raises NotFound."""
    row = session.execute(select(users).where(users.c.email == email.strip().lower())).first()
    if row is None:
        raise NotFound(f"There is no user with the address {email}.")
    return row


def create_sign_in_link(session: Connection, email: str, *, now: datetime) -> str:
    """A token that signs this user in once, within a day.  For whoever has the shell."""
    return _link(session, find_user(session, email), now)


def make_sign_in_link(session: Connection, user_id: str, *, actor: Actor, now: datetime) -> str:
    """The same, made by an administrator.  Raises NotFound, or Invalid for a disabled account."""
    access.require(actor, Action.MANAGE_USERS)
    row = session.execute(select(users).where(users.c.id == user_id)).first()
    if row is None:
        raise NotFound("There is no user with this id.")
    return _link(session, row, now)


def invite(
    session: Connection, *, email: str, name: str, role: Role, actor: Actor, now: datetime
) -> tuple[str, str]:
    """Make a user and a link that signs them in once; gives the id and the link's token."""
    user_id = create_user(session, email=email, name=name, role=role, actor=actor, now=now)
    return user_id, make_sign_in_link(session, user_id, actor=actor, now=now)


def _link(session: Connection, user: Any, now: datetime) -> str:
    if user.disabled_at is not None:
        raise Invalid("this account is disabled", loc=("email",))
    token = secrets.token_urlsafe(32)
    session.execute(
        insert(sign_in_links),
        {
            "token_hash": digest(token),
            "user": user.id,
            "created_at": now,
            "expires_at": now + LINK_LIFETIME,
        },
    )
    return token


def _void_links(session: Connection, user_id: str, now: datetime) -> None:
    session.execute(
        update(sign_in_links)
        .where(sign_in_links.c.user == user_id, sign_in_links.c.used_at.is_(None))
        .values(used_at=now)
    )


def use_sign_in_link(
    session: Connection, token: str, *, agent: str | None = None, now: datetime
) -> str:
    """Start a session by a one-time link and give its token.  Raises NotAuthenticated."""
    used = session.execute(
        update(sign_in_links)
        .where(
            sign_in_links.c.token_hash == digest(token),
            sign_in_links.c.used_at.is_(None),
            sign_in_links.c.expires_at > now,
        )
        .values(used_at=now)
    )
    if used.rowcount != 1:
        raise NotAuthenticated(
            "This sign-in link was used before or has expired. Ask an administrator for another: "
            "claimdesk users link EMAIL."
        )
    user_id = session.scalar(
        select(sign_in_links.c.user)
        .join(users)
        .where(sign_in_links.c.token_hash == digest(token), users.c.disabled_at.is_(None))
    )
    if user_id is None:
        raise NotAuthenticated("This account is disabled.")
    return start_session(session, user_id, agent=agent, now=now)


def start_session(
    session: Connection, user_id: str, *, agent: str | None = None, now: datetime
) -> str:
    """Sign a user in and give the token; `agent` is the browser as it names itself."""
    token = secrets.token_urlsafe(32)
    session.execute(
        insert(sessions),
        {
            "token_hash": digest(token),
            "user": user_id,
            "created_at": now,
            "expires_at": now + SESSION_LIFETIME,
            "agent": agent,
        },
    )
    return token


def end_session(session: Connection, token: str) -> None:
    session.execute(sessions.delete().where(sessions.c.token_hash == digest(token)))


def end_sessions(session: Connection, user_id: str) -> None:
    session.execute(sessions.delete().where(sessions.c.user == user_id))


def end_own_session(session: Connection, name: str, *, actor: Actor, now: datetime) -> None:
    """Sign oneself out elsewhere; `name` is what the list of one's sessions calls it.

    Raises NotFound.
    """
    ended = 0
    # A whole name and nothing else: part of one, or a pattern, would end more than was meant.
    if len(name) == SESSION_NAME and set(name) <= set(hexdigits):
        ended = session.execute(
            sessions.delete().where(
                sessions.c.user == _person(actor), sessions.c.token_hash.startswith(name)
            )
        ).rowcount
    if ended == 0:
        raise NotFound("You have no such session; it may have ended.")


def end_other_sessions(session: Connection, *, keep: str, actor: Actor, now: datetime) -> None:
    """Sign oneself out everywhere but in the session with the token `keep`."""
    session.execute(
        sessions.delete().where(
            sessions.c.user == _person(actor), sessions.c.token_hash != digest(keep)
        )
    )


def change_own_password(
    session: Connection, password_hash: str, *, keep: str, actor: Actor, now: datetime
) -> None:
    """Set one's password and end all one's sessions but the one with the token `keep`.

    A link that was made before signs nobody in any more: whoever has it may be why.
    """
    person = _person(actor)
    session.execute(update(users).where(users.c.id == person).values(password_hash=password_hash))
    end_other_sessions(session, keep=keep, actor=actor, now=now)
    _void_links(session, person, now)


def _person(actor: Actor) -> str:
    """The id of the user who acts.  Raises Forbidden for a key that is nobody's."""
    person = ids.parse(actor.id)
    if person is None:
        raise Forbidden("An API key has neither sessions nor a password.")
    return person


def has_users(session: Connection) -> bool:
    return bool(
        session.scalar(select(func.count()).select_from(users.select().limit(1).subquery()))
    )


def note_key_use(session: Connection, used: dict[str, datetime]) -> None:
    """Remember when keys were last used; written in batches, off the request's path."""
    for key_id, moment in sorted(used.items()):
        session.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=moment))


def note_session_use(session: Connection, used: dict[str, datetime]) -> None:
    """The same of sessions, by the hash of their token."""
    for token_hash, moment in sorted(used.items()):
        session.execute(
            update(sessions).where(sessions.c.token_hash == token_hash).values(last_used_at=moment)
        )
