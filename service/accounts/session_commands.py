"""Commands about sessions: beginning and ending them, and deleting what has expired."""

import secrets
from datetime import datetime, timedelta
from string import hexdigits

from sqlalchemy import Connection, insert, select, update

from service.accounts import credentials
from service.domain import ids
from service.domain.access import Actor
from service.domain.errors import Forbidden, NotFound
from service.store.tables import SESSION_NAME, sessions, sign_in_links, sign_in_tries

SESSION_LIFETIME = timedelta(days=14)
LINK_RETENTION = timedelta(days=30)
EXPIRED_BATCH = 500


def start_session(
    connection: Connection,
    user_id: str,
    *,
    agent: str | None = None,
    opened_by: str | None = None,
    now: datetime,
) -> str:
    """Sign a user in and return the session's token.

    `agent` is the browser as it names itself; `opened_by` are the joined ids of whoever made the
    link or the password.
    """
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": credentials.hash_secret(token),
        "user": user_id,
        "created_at": now,
        "expires_at": now + SESSION_LIFETIME,
        "agent": agent,
        "opened_by": opened_by,
    }
    connection.execute(insert(sessions), row)
    return token


def end_session(connection: Connection, token: str) -> None:
    """End the session with this token, if there is one."""
    token_hash = credentials.hash_secret(token)
    connection.execute(sessions.delete().where(sessions.c.token_hash == token_hash))


def end_sessions(connection: Connection, user_id: str) -> None:
    """Sign a user out everywhere."""
    connection.execute(sessions.delete().where(sessions.c.user == user_id))


def end_own_session(connection: Connection, name: str, *, actor: Actor, now: datetime) -> None:
    """End one of the actor's own sessions, by its name in the list of sessions.

    Raises NotFound.
    """
    end_count = 0
    # A whole name and nothing else: part of one, or a pattern, would end more than was meant.
    if len(name) == SESSION_NAME and set(name) <= set(hexdigits):
        end_count = connection.execute(
            sessions.delete().where(
                sessions.c.user == require_user_id(actor), sessions.c.token_hash.startswith(name)
            )
        ).rowcount
    if end_count == 0:
        raise NotFound("You have no such session; it may have ended.")


def end_other_sessions(connection: Connection, *, keep: str, actor: Actor, now: datetime) -> None:
    """End the actor's own sessions but the one with the token `keep`."""
    connection.execute(
        sessions.delete().where(
            sessions.c.user == require_user_id(actor),
            sessions.c.token_hash != credentials.hash_secret(keep),
        )
    )


def require_user_id(actor: Actor) -> str:
    """Return the id of the user who acts.  Raises Forbidden for a key that belongs to nobody."""
    user_id = ids.parse_id(actor.id)
    if user_id is None:
        raise Forbidden("An API key has neither sessions nor a password.")
    return user_id


def record_session_use(connection: Connection, last_uses: dict[str, datetime]) -> None:
    """Write down when sessions were last used, by the hashes of their tokens."""
    for token_hash, moment in sorted(last_uses.items()):
        connection.execute(
            update(sessions).where(sessions.c.token_hash == token_hash).values(last_used_at=moment)
        )


def delete_expired(connection: Connection, *, now: datetime) -> int:
    """Delete a batch of sessions, sign-in links and counts of tries that have ended; return how
    many.

    A link stays for a month after its end, so that its page can say what became of it.
    """
    delete_count = 0
    for table, has_ended in (
        (sessions, sessions.c.expires_at <= now),
        (sign_in_links, sign_in_links.c.expires_at <= now - LINK_RETENTION),
        (sign_in_tries, sign_in_tries.c.free_at <= now),
    ):
        [key] = table.primary_key
        batch = select(key).where(has_ended).limit(EXPIRED_BATCH)
        delete_count += connection.execute(
            table.delete().where(key.in_(batch.scalar_subquery()))
        ).rowcount
    return delete_count
