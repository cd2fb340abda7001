"""Commands by which people sign in: with a password, or with a one-time link."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.accounts import account_queries, credentials, session_commands
from service.accounts.account_views import SignInLinkView
from service.domain import access
from service.domain.access import Action, Actor
from service.domain.claims import format_instant
from service.domain.errors import Forbidden, Invalid, LinkSpent, NotAuthenticated
from service.domain.subjects import SubjectKind
from service.record import audit
from service.store.tables import sign_in_links, users

LINK_LIFETIME = timedelta(hours=24)
DISABLED = "This account is disabled."
USED = "This sign-in link was used before, or is void since the account changed."


def sign_in_by_password(
    connection: Connection,
    user_id: str,
    password_hash: str,
    *,
    agent: str | None = None,
    now: datetime,
) -> str:
    """Start a session for whoever gave the password behind `password_hash`; return its token.

    Raises NotAuthenticated where the account has another by now, or is disabled.
    """
    row = connection.execute(select(users).where(users.c.id == user_id).with_for_update()).first()
    if row is None or row.disabled_at is not None or row.password_hash != password_hash:
        raise NotAuthenticated("No account has this address and password.")
    return session_commands.start_session(
        connection, user_id, agent=agent, opened_by=row.password_by, now=now
    )


def create_sign_in_link(
    connection: Connection, user_id: str, *, actor: Actor, now: datetime
) -> str:
    """Return a token that signs this user in once, within a day.

    Raises NotFound, or Invalid for a disabled account.
    """
    access.require_permission(actor, Action.MANAGE_USERS)
    user = account_queries.require_user_row(connection, user_id)
    if user.disabled_at is not None:
        raise Invalid("this account is disabled", loc=("email",))
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": credentials.hash_secret(token),
        "user": user_id,
        "made_by": credentials.join_makers(actor, except_id=user_id),
        "made_by_name": actor.name,
        "created_at": now,
        "expires_at": now + LINK_LIFETIME,
    }
    connection.execute(insert(sign_in_links), row)
    audit.record_change(
        connection,
        SubjectKind.PERSON,
        user_id,
        "person.link_made",
        {"link": row["token_hash"], "expires_at": row["expires_at"]},
        actor=actor,
        now=now,
    )
    return token


def find_sign_in_link(connection: Connection, token: str, *, now: datetime) -> SignInLinkView:
    """Return the link with this token; nothing is changed.

    Raises LinkSpent where it was used, is too old or unknown, or belongs to a disabled account.
    """
    row = _require_link(connection, token, now)
    return {
        "user": row.user,
        "name": row.name,
        "email": row.email,
        "made_by": row.made_by,
        "made_by_name": row.made_by_name,
        "expires_at": format_instant(row.expires_at),
    }


def _require_link(connection: Connection, token: str, now: datetime) -> Row[Any]:
    row = connection.execute(
        select(sign_in_links, users.c.name, users.c.email, users.c.disabled_at)
        .join(users)
        .where(sign_in_links.c.token_hash == credentials.hash_secret(token))
    ).first()
    if row is None:
        raise LinkSpent("There is no such sign-in link, or it is too old to be known.")
    if row.disabled_at is not None:
        raise LinkSpent(DISABLED)
    if row.used_at is not None:
        raise LinkSpent(USED)
    if row.expires_at <= now:
        raise LinkSpent("This sign-in link has expired: it holds for a day.")
    return row


def use_sign_in_link(
    connection: Connection, token: str, *, agent: str | None = None, now: datetime
) -> tuple[str, str]:
    """Start a session by a one-time link; return its token, and the user's address.

    Raises LinkSpent.
    """
    link = _require_link(connection, token, now)
    link_row = connection.execute(
        update(sign_in_links)
        .where(sign_in_links.c.token_hash == link.token_hash, sign_in_links.c.used_at.is_(None))
        .values(used_at=now)
    )
    if link_row.rowcount != 1:
        raise LinkSpent(USED)
    # Locked, so that an account that is being disabled at the same moment lets nobody in.
    disabled_at = connection.execute(
        select(users.c.disabled_at).where(users.c.id == link.user).with_for_update()
    ).scalar_one()
    if disabled_at is not None:
        raise LinkSpent(DISABLED)
    session = session_commands.start_session(
        connection, link.user, agent=agent, opened_by=link.made_by, now=now
    )
    return session, link.email


def void_sign_in_links(connection: Connection, user_id: str, *, now: datetime) -> None:
    """Make the unused links of a user sign nobody in any more."""
    connection.execute(
        update(sign_in_links)
        .where(sign_in_links.c.user == user_id, sign_in_links.c.used_at.is_(None))
        .values(used_at=now)
    )


def confirm_link_seen(connection: Connection, number: int, *, actor: Actor, now: datetime) -> None:
    """Record that a person has seen the sign-in links that others made for them.

    `number` is that of the newest one, in the person's record.  Raises Forbidden for a session
    that began with such a link: whoever holds one must not be able to hide it.
    """
    if actor.made_by:
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
