"""Commands about users: making, changing and disabling their accounts, and their passwords.

Passwords go through argon2 (`service/web/passwords.py`) before they reach a command.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Connection, func, select, update

from service.accounts import (
    account_names,
    account_queries,
    credentials,
    session_commands,
    sign_in_commands,
)
from service.claims import proposal_commands
from service.domain import access, ids
from service.domain.access import Action, Actor, Role
from service.domain.errors import AlreadyExists, Invalid
from service.domain.proposals import LapseReason
from service.domain.subjects import SubjectKind
from service.record import audit
from service.store.compiled_statements import insert_or_ignore
from service.store.tables import users


class UserChanges(TypedDict, total=False):
    """What may change of an account; what is left out stays."""

    name: str
    email: str
    role: Role
    password_hash: str | None
    disabled: bool


def create_user(
    connection: Connection,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None = None,
    actor: Actor,
    now: datetime,
) -> str:
    """Make a user and return their id.

    Raises AlreadyExists for an address or a name that is taken.
    """
    access.require_permission(actor, Action.MANAGE_USERS)
    user_id, address = ids.make_id(), account_names.normalize_email(email)
    _require_free_address(connection, address)
    account_names.require_free_name(connection, name, now=now)
    row = {
        "id": user_id,
        "email": address,
        "name": name,
        "role": role.value,
        "password_hash": password_hash,
        "password_by": None if password_hash is None else credentials.join_makers(actor),
        "created_at": now,
    }
    if not insert_or_ignore(connection, users, row):
        raise _build_taken_address(address)
    audit.begin_record(connection, SubjectKind.PERSON, user_id, row, actor=actor, now=now)
    return user_id


def invite_user(
    connection: Connection,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None = None,
    actor: Actor,
    now: datetime,
) -> tuple[str, str]:
    """Make a user; return their id, and the token of a link that signs them in once."""
    user_id = create_user(
        connection,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        actor=actor,
        now=now,
    )
    token = sign_in_commands.create_sign_in_link(connection, user_id, actor=actor, now=now)
    return user_id, token


def change_user(
    connection: Connection,
    user_id: str,
    changes: UserChanges,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Change a user's account.

    A user who is disabled, or whose password changes, is signed out everywhere, and no link made
    before signs them in.  The last administrator cannot be disabled or demoted.
    """
    access.require_permission(actor, Action.MANAGE_USERS)
    row = account_queries.require_user_row(connection, user_id, lock=True)
    values: dict[str, Any] = dict(changes)
    if "name" in values and values["name"] != row.name:
        account_names.require_free_name(connection, values["name"], except_user=user_id, now=now)
    if "email" in values:
        values["email"] = account_names.normalize_email(values["email"])
        _require_free_address(connection, values["email"], user_id)
    if "password_hash" in values:
        # Whoever set a password knows it, and whoever took one away lets its owner in by a link.
        values["password_by"] = credentials.join_makers(actor, except_id=user_id)
    if "disabled" in values:
        values["disabled_at"] = (row.disabled_at or now) if values.pop("disabled") else None
    is_disabled = values.get("disabled_at") is not None
    if row.role == Role.ADMIN and (is_disabled or values.get("role", Role.ADMIN) != Role.ADMIN):
        _require_other_admin(connection, user_id)
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    if differing:
        _update_user(connection, user_id, differing, actor=actor, now=now)
    if is_disabled or "password_hash" in values:
        session_commands.end_sessions(connection, user_id)
        sign_in_commands.void_sign_in_links(connection, user_id, now=now)
    if is_disabled:
        # Nobody stands by what they proposed any more.
        reason = LapseReason.PROPOSER_DISABLED
        proposal_commands.lapse_proposals(connection, user_id, reason=reason, actor=actor, now=now)


def change_own_password(
    connection: Connection, password_hash: str, *, keep: str, actor: Actor, now: datetime
) -> None:
    """Set the actor's own password and end their sessions but the one with the token `keep`.

    Links that were made before sign nobody in any more: whoever holds one may be why.

    Whoever made the link or the password by which a session began may be the one who acts in it:
    so they count as a maker of the new password too, unless it took another way in that they did
    not make (a link, or the present password).
    """
    user_id = session_commands.require_user_id(actor)
    row = account_queries.require_user_row(connection, user_id, lock=True)
    former_makers = credentials.split_ids(row.password_by)
    if row.password_hash is None:
        makers = [*former_makers, *actor.made_by]
    else:
        makers = [maker for maker in actor.made_by if maker in former_makers]
    values = {
        "password_hash": password_hash,
        "password_by": credentials.join_ids(dict.fromkeys(makers), except_id=user_id),
    }
    _update_user(connection, user_id, values, actor=actor, now=now)
    session_commands.end_other_sessions(connection, keep=keep, actor=actor, now=now)
    sign_in_commands.void_sign_in_links(connection, user_id, now=now)


def _update_user(
    connection: Connection,
    user_id: str,
    values: Mapping[str, object],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(**values))
    audit.record_change(
        connection, SubjectKind.PERSON, user_id, "person.changed", values, actor=actor, now=now
    )


def _require_free_address(connection: Connection, email: str, user_id: str | None = None) -> None:
    account_names.lock_names(connection)
    owner = connection.scalar(select(users.c.id).where(users.c.email == email))
    if owner not in (None, user_id):
        raise _build_taken_address(email)


def _build_taken_address(email: str) -> AlreadyExists:
    detail = f"There is a user with the address {email} already."
    return AlreadyExists(detail, errors=[{"loc": ["body", "email"], "msg": detail}])


def _require_other_admin(connection: Connection, user_id: str) -> None:
    other_admins = connection.scalars(
        select(users.c.id)
        .where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None), users.c.id != user_id)
        .with_for_update()
    ).all()
    if not other_admins:
        raise Invalid("the last administrator cannot be disabled or demoted", loc=("body", "role"))


def has_users(connection: Connection) -> bool:
    """Whether there is any user, disabled or not."""
    return bool(
        connection.scalar(select(func.count()).select_from(users.select().limit(1).subquery()))
    )


def choose_time_zone(
    connection: Connection, time_zone: str | None, *, actor: Actor, now: datetime
) -> None:
    """Set the zone in which the desk's pages show the actor times; None: the desk's own.

    It is a setting of theirs and changes nothing that others see, so it is no event.
    """
    del now
    connection.execute(update(users).where(users.c.id == actor.id).values(time_zone=time_zone))
