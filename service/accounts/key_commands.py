"""Commands about API keys.

A key is 256 random bits, so a plain SHA-256 of it is enough to keep.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from service.accounts import account_names, account_queries, credentials
from service.domain import access
from service.domain.access import Action, Actor, Role
from service.domain.errors import AlreadySettled, Invalid
from service.domain.subjects import SubjectKind
from service.record import audit
from service.store.tables import api_keys, users

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""No underscore, which separates a key's parts, and nothing that is misread aloud."""


@dataclass(frozen=True, slots=True)
class NewKey:
    id: str
    key: str
    """The whole key, `cd_<id>_<secret>`: shown once, kept only as a hash."""
    name: str
    role: Role


def create_key(
    connection: Connection,
    *,
    name: str,
    role: Role,
    expires_at: datetime | None = None,
    user: str | None = None,
    actor: Actor,
    now: datetime,
) -> NewKey:
    """Make an API key.

    A key made for a `user` acts as that user, with at most that user's role, and may approve; any
    other belongs to nobody and only records and proposes.

    Raises Invalid for an expiry in the past, an unknown user, or a role above the user's, and
    AlreadyExists for a name that a person or another key has.
    """
    access.require_permission(actor, Action.MANAGE_KEYS)
    if expires_at is not None and expires_at <= now:
        raise Invalid("the key would have expired already", loc=("body", "expires_at"))
    if user is not None:
        owner = connection.execute(select(users).where(users.c.id == user)).first()
        if owner is None or owner.disabled_at is not None:
            raise Invalid("there is no active user with this id", loc=("body", "user"))
        if list(Role).index(role) > list(Role).index(Role(owner.role)):
            raise Invalid(f"the user is only {owner.role}", loc=("body", "role"))
    account_names.require_free_name(connection, name, owner=user, now=now)
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(12))
    secret = "".join(secrets.choice(ALPHABET) for _ in range(52))
    row = {
        "id": key_id,
        "secret_hash": credentials.hash_secret(secret),
        "name": name,
        "role": role.value,
        "user": user,
        "made_by": credentials.join_makers(actor, except_id=user),
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(insert(api_keys), row)
    audit.begin_record(connection, SubjectKind.KEY, key_id, row, actor=actor, now=now)
    return NewKey(key_id, f"cd_{key_id}_{secret}", name, role)


def revoke_key(connection: Connection, key_id: str, *, actor: Actor, now: datetime) -> None:
    """Revoke an API key.  Raises NotFound, or Settled where it was revoked before."""
    access.require_permission(actor, Action.MANAGE_KEYS)
    if account_queries.require_key_row(connection, key_id, lock=True).revoked_at is not None:
        raise AlreadySettled("This key was revoked before.", key=key_id)
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now))
    audit.record_change(
        connection,
        SubjectKind.KEY,
        key_id,
        "key.revoked",
        {"revoked_at": now},
        actor=actor,
        now=now,
    )


def record_key_use(connection: Connection, last_uses: dict[str, datetime]) -> None:
    """Write down when keys were last used, by their ids."""
    for key_id, moment in sorted(last_uses.items()):
        connection.execute(
            update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=moment)
        )
