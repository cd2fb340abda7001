"""Users, API keys, sessions and one-time sign-in links.

Every secret here is 256 random bits, so a plain SHA-256 of it is enough to keep; passwords are
people's own and go through argon2 (`service/web/passwords.py`) before they reach a command.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from string import hexdigits
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from service.accounts import account_names
from service.claims import proposal_commands
from service.domain import access, ids
from service.domain.access import Action, Actor, Means, Role, Way
from service.domain.errors import (
    AlreadyExists,
    AlreadySettled,
    Forbidden,
    Invalid,
    LinkSpent,
    NotAuthenticated,
    NotFound,
)
from service.domain.proposals import LapseReason
from service.domain.subjects import SubjectKind
from service.record import audit
from service.store.compiled_statements import insert_or_ignore
from service.store.tables import (
    SESSION_NAME,
    api_keys,
    installation,
    sessions,
    sign_in_links,
    sign_in_tries,
    users,
)

SYSTEM = Actor("system", "claimdesk", Role.ADMIN, Means(Way.CONSOLE))
"""Who acts when an operator uses the command line: whoever has the shell has the database."""
IMPORTER = Actor("system", "claimdesk", Role.ADMIN, Means(Way.IMPORT))
"""Who records what an operator imports."""

LINK_LIFETIME = timedelta(hours=24)
SESSION_LIFETIME = timedelta(days=14)
LINK_KEPT = timedelta(days=30)
EXPIRED_BATCH = 500
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


def join_ids(made_by: Iterable[str], *, besides: str | None = None) -> str | None:
    """The ids of makers as one column keeps them; None where nobody but `besides` is left."""
    return " ".join(one for one in made_by if one != besides) or None


def list_makers(actor: Actor) -> tuple[str, ...]:
    """Who answers for what `actor` makes; nobody where that is the console, which is no account."""
    return (
        () if actor.means is not None and actor.means.way is Way.CONSOLE else actor.responsible_ids
    )


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
    """Make an API key.  One made for a `user` acts as that user, with at most that user's role,
    and may approve; any other belongs to nobody and only records and proposes.

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
    account_names.require_free(connection, name, person=user, now=now)
    key_id = "".join(secrets.choice(KEY_ALPHABET) for _ in range(12))
    secret = "".join(secrets.choice(KEY_ALPHABET) for _ in range(52))
    row = {
        "id": key_id,
        "secret_hash": digest(secret),
        "name": name,
        "role": role.value,
        "user": user,
        "made_by": join_ids(list_makers(actor), besides=user),
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(insert(api_keys), row)
    audit.begin_record(connection, SubjectKind.KEY, key_id, row, actor=actor, now=now)
    return NewKey(key_id, f"cd_{key_id}_{secret}", name, role)


def revoke_key(connection: Connection, key_id: str, *, actor: Actor, now: datetime) -> None:
    """Raises NotFound, or Settled where it was revoked before."""
    access.require_permission(actor, Action.MANAGE_KEYS)
    row = connection.execute(
        select(api_keys.c.revoked_at).where(api_keys.c.id == key_id).with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no key with this id.")
    if row.revoked_at is not None:
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
    """Make a user and give their id.  Raises AlreadyExists for an address or a name that is
    taken."""
    access.require_permission(actor, Action.MANAGE_USERS)
    _require_free_address(connection, email.strip().lower(), None)
    account_names.require_free(connection, name, now=now)
    row = {
        "id": ids.make_id(),
        "email": email.strip().lower(),
        "name": name,
        "role": role.value,
        "password_hash": password_hash,
        "password_by": None if password_hash is None else join_ids(list_makers(actor)),
        "created_at": now,
    }
    if not insert_or_ignore(connection, users, row):
        raise _taken_address(str(row["email"]))
    user_id = str(row["id"])
    audit.begin_record(connection, SubjectKind.PERSON, user_id, row, actor=actor, now=now)
    return user_id


def _taken_address(email: str) -> AlreadyExists:
    detail = f"There is a user with the address {email} already."
    return AlreadyExists(detail, errors=[{"loc": ["body", "email"], "msg": detail}])


def change_user(
    connection: Connection, user_id: str, changes: dict[str, Any], *, actor: Actor, now: datetime
) -> None:
    """Change a name, address, role or password, or disable the account (`disabled`: bool).

    A user who is disabled, or whose password changes, is signed out everywhere, and no link made
    before signs them in.  The last administrator cannot be disabled or demoted.
    """
    access.require_permission(actor, Action.MANAGE_USERS)
    row = connection.execute(select(users).where(users.c.id == user_id).with_for_update()).first()
    if row is None:
        raise NotFound("There is no user with this id.")
    values = dict(changes)
    if "name" in values and values["name"] != row.name:
        account_names.require_free(connection, values["name"], renamed=user_id, now=now)
    if "email" in values:
        values["email"] = values["email"].strip().lower()
        _require_free_address(connection, values["email"], user_id)
    if "password_hash" in values:
        # Whoever set a password knows it, and whoever took one away lets its owner in by a link.
        values["password_by"] = join_ids(list_makers(actor), besides=user_id)
    if "disabled" in values:
        values["disabled_at"] = (row.disabled_at or now) if values.pop("disabled") else None
    if row.role == Role.ADMIN and (
        values.get("disabled_at") is not None or values.get("role", Role.ADMIN) != Role.ADMIN
    ):
        _require_other_admin(connection, user_id)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if changed:
        connection.execute(update(users).where(users.c.id == user_id).values(**changed))
        audit.record_change(
            connection, SubjectKind.PERSON, user_id, "person.changed", changed, actor=actor, now=now
        )
    if values.get("disabled_at") is not None or "password_hash" in values:
        end_sessions(connection, user_id)
        _void_links(connection, user_id, now)
    if values.get("disabled_at") is not None:
        # Nobody stands by what they proposed any more.
        gone = LapseReason.PROPOSER_DISABLED
        proposal_commands.lapse_proposals(connection, user_id, reason=gone, actor=actor, now=now)


def _require_free_address(connection: Connection, email: str, user_id: str | None) -> None:
    account_names.lock(connection)
    owner = connection.scalar(select(users.c.id).where(users.c.email == email))
    if owner not in (None, user_id):
        raise _taken_address(email)


def _require_other_admin(connection: Connection, user_id: str) -> None:
    others = connection.scalars(
        select(users.c.id)
        .where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None), users.c.id != user_id)
        .with_for_update()
    ).all()
    if not others:
        raise Invalid("the last administrator cannot be disabled or demoted", loc=("body", "role"))


def find_user(connection: Connection, email: str) -> Any:
    """The row of the user with this address.  Raises NotFound."""
    row = connection.execute(select(users).where(users.c.email == email.strip().lower())).first()
    if row is None:
        raise NotFound(f"There is no user with the address {email}.")
    return row


def create_sign_in_link(connection: Connection, email: str, *, now: datetime) -> str:
    """A token that signs this user in once, within a day.  For whoever has the shell."""
    return _link(connection, find_user(connection, email), actor=SYSTEM, now=now)


def make_sign_in_link(connection: Connection, user_id: str, *, actor: Actor, now: datetime) -> str:
    """The same, made by an administrator.  Raises NotFound, or Invalid for a disabled account."""
    access.require_permission(actor, Action.MANAGE_USERS)
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    if row is None:
        raise NotFound("There is no user with this id.")
    return _link(connection, row, actor=actor, now=now)


def invite(
    connection: Connection, *, email: str, name: str, role: Role, actor: Actor, now: datetime
) -> tuple[str, str]:
    """Make a user and a link that signs them in once; gives the id and the link's token."""
    user_id = create_user(connection, email=email, name=name, role=role, actor=actor, now=now)
    return user_id, make_sign_in_link(connection, user_id, actor=actor, now=now)


def _link(connection: Connection, user: Any, *, actor: Actor, now: datetime) -> str:
    if user.disabled_at is not None:
        raise Invalid("this account is disabled", loc=("email",))
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": digest(token),
        "user": user.id,
        "made_by": join_ids(list_makers(actor), besides=user.id),
        "made_by_name": actor.name,
        "created_at": now,
        "expires_at": now + LINK_LIFETIME,
    }
    connection.execute(insert(sign_in_links), row)
    audit.record_change(
        connection,
        SubjectKind.PERSON,
        user.id,
        "person.link_made",
        {"link": row["token_hash"], "expires_at": row["expires_at"]},
        actor=actor,
        now=now,
    )
    return token


def confirm_link_seen(connection: Connection, number: int, *, actor: Actor, now: datetime) -> None:
    """Record that a person has seen the sign-in links that others made for them.

    `number` is that of the newest one, in the person's record.  Raises Forbidden for a session
    that began with such a link: whoever holds one must not be able to hide it.
    """
    if actor.means is not None and actor.means.made_by:
        raise Forbidden(
            "You came in by a way that somebody else made for you. Sign in with your password "
            "to say that you have seen it."
        )
    audit.record_change(
        connection,
        SubjectKind.PERSON,
        actor.id,
        "person.link_seen",
        {"link_number": number},
        actor=actor,
        now=now,
    )


def _void_links(connection: Connection, user_id: str, now: datetime) -> None:
    connection.execute(
        update(sign_in_links)
        .where(sign_in_links.c.user == user_id, sign_in_links.c.used_at.is_(None))
        .values(used_at=now)
    )


def find_link(connection: Connection, token: str, *, now: datetime) -> Any:
    """The user whom a sign-in link lets in, and who made it; nothing is changed.

    Raises LinkSpent where it was used, is too old or unknown, or belongs to a disabled account.
    """
    row = connection.execute(
        select(sign_in_links, users.c.name, users.c.email, users.c.disabled_at)
        .join(users)
        .where(sign_in_links.c.token_hash == digest(token))
    ).first()
    if row is None:
        raise LinkSpent("There is no such sign-in link, or it is too old to be known.")
    if row.disabled_at is not None:
        raise LinkSpent("This account is disabled.")
    if row.used_at is not None:
        raise LinkSpent("This sign-in link was used before, or is void since the account changed.")
    if row.expires_at <= now:
        raise LinkSpent("This sign-in link has expired: it holds for a day.")
    return row


def use_sign_in_link(
    connection: Connection, token: str, *, agent: str | None = None, now: datetime
) -> tuple[str, str]:
    """Start a session by a one-time link and give its token, and whose address it is.

    Raises LinkSpent.
    """
    row = find_link(connection, token, now=now)
    used = connection.execute(
        update(sign_in_links)
        .where(sign_in_links.c.token_hash == row.token_hash, sign_in_links.c.used_at.is_(None))
        .values(used_at=now)
    )
    if used.rowcount != 1:
        raise LinkSpent("This sign-in link was used before, or is void since the account changed.")
    # Locked, so that an account that is being disabled lets nobody in beside that.
    disabled = connection.execute(
        select(users.c.disabled_at).where(users.c.id == row.user).with_for_update()
    ).scalar_one()
    if disabled is not None:
        raise LinkSpent("This account is disabled.")
    begun = start_session(connection, row.user, agent=agent, opened_by=row.made_by, now=now)
    return begun, row.email


def sign_in_by_password(
    connection: Connection,
    user_id: str,
    password_hash: str,
    *,
    agent: str | None = None,
    now: datetime,
) -> str:
    """Start a session for whoever gave the password behind `password_hash`.

    Raises NotAuthenticated where the account has another by now, or is disabled.
    """
    row = connection.execute(select(users).where(users.c.id == user_id).with_for_update()).first()
    if row is None or row.disabled_at is not None or row.password_hash != password_hash:
        raise NotAuthenticated("No account has this address and password.")
    return start_session(connection, user_id, agent=agent, opened_by=row.password_by, now=now)


def start_session(
    connection: Connection,
    user_id: str,
    *,
    agent: str | None = None,
    opened_by: str | None = None,
    now: datetime,
) -> str:
    """Sign a user in and give the token.

    `agent` is the browser as it names itself; `opened_by` is who made the link or the password.
    """
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions),
        {
            "token_hash": digest(token),
            "user": user_id,
            "created_at": now,
            "expires_at": now + SESSION_LIFETIME,
            "agent": agent,
            "opened_by": opened_by,
        },
    )
    return token


def end_session(connection: Connection, token: str) -> None:
    connection.execute(sessions.delete().where(sessions.c.token_hash == digest(token)))


def end_sessions(connection: Connection, user_id: str) -> None:
    connection.execute(sessions.delete().where(sessions.c.user == user_id))


def end_own_session(connection: Connection, name: str, *, actor: Actor, now: datetime) -> None:
    """Sign oneself out elsewhere; `name` is what the list of one's sessions calls it.

    Raises NotFound.
    """
    ended = 0
    # A whole name and nothing else: part of one, or a pattern, would end more than was meant.
    if len(name) == SESSION_NAME and set(name) <= set(hexdigits):
        ended = connection.execute(
            sessions.delete().where(
                sessions.c.user == _person(actor), sessions.c.token_hash.startswith(name)
            )
        ).rowcount
    if ended == 0:
        raise NotFound("You have no such session; it may have ended.")


def end_other_sessions(connection: Connection, *, keep: str, actor: Actor, now: datetime) -> None:
    """Sign oneself out everywhere but in the session with the token `keep`."""
    connection.execute(
        sessions.delete().where(
            sessions.c.user == _person(actor), sessions.c.token_hash != digest(keep)
        )
    )


def change_own_password(
    connection: Connection, password_hash: str, *, keep: str, actor: Actor, now: datetime
) -> None:
    """Set one's password and end all one's sessions but the one with the token `keep`.

    A link that was made before signs nobody in any more: whoever has it may be why.  Whoever made
    the link or the password by which somebody acts may be the one who acts: so the new password is
    theirs too, unless it took another way in that they did not make (a link, or the present
    password).
    """
    person = _person(actor)
    row = connection.execute(select(users).where(users.c.id == person).with_for_update()).one()
    former_makers = row.password_by.split() if row.password_by else []
    if row.password_hash is None:
        makers = [*former_makers, *actor.made_by]
    else:
        makers = [maker for maker in actor.made_by if maker in former_makers]
    still_by = join_ids(dict.fromkeys(makers), besides=row.id)
    connection.execute(
        update(users)
        .where(users.c.id == person)
        .values(password_hash=password_hash, password_by=still_by)
    )
    audit.record_change(
        connection,
        SubjectKind.PERSON,
        person,
        "person.changed",
        {"password_hash": password_hash, "password_by": still_by},
        actor=actor,
        now=now,
    )
    end_other_sessions(connection, keep=keep, actor=actor, now=now)
    _void_links(connection, person, now)


def _person(actor: Actor) -> str:
    """The id of the user who acts.  Raises Forbidden for a key that is nobody's."""
    person = ids.parse_id(actor.id)
    if person is None:
        raise Forbidden("An API key has neither sessions nor a password.")
    return person


def note_served_at(connection: Connection, *, base_url: str) -> None:
    """Remember where the desk is served, for links that another process makes."""
    row = {"name": "served_at", "value": base_url}
    if not insert_or_ignore(connection, installation, row):
        connection.execute(
            update(installation).where(installation.c.name == "served_at").values(value=base_url)
        )


def has_users(connection: Connection) -> bool:
    return bool(
        connection.scalar(select(func.count()).select_from(users.select().limit(1).subquery()))
    )


def note_key_use(connection: Connection, used: dict[str, datetime]) -> None:
    """Remember when keys were last used; written in batches, off the request's path."""
    for key_id, moment in sorted(used.items()):
        connection.execute(
            update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=moment)
        )


def note_session_use(connection: Connection, used: dict[str, datetime]) -> None:
    """The same of sessions, by the hash of their token."""
    for token_hash, moment in sorted(used.items()):
        connection.execute(
            update(sessions).where(sessions.c.token_hash == token_hash).values(last_used_at=moment)
        )


def forget_expired(connection: Connection, *, now: datetime) -> int:
    """Delete a batch of sessions, sign-in links and counts of tries that have ended; says how many.

    A link stays for a month after its end, so that its page can say what became of it.
    """
    deleted = 0
    for table, ended in (
        (sessions, sessions.c.expires_at <= now),
        (sign_in_links, sign_in_links.c.expires_at <= now - LINK_KEPT),
        (sign_in_tries, sign_in_tries.c.free_at <= now),
    ):
        [key] = table.primary_key
        batch = select(key).where(ended).limit(EXPIRED_BATCH)
        deleted += connection.execute(
            table.delete().where(key.in_(batch.scalar_subquery()))
        ).rowcount
    return deleted
