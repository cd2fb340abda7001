"""Names of people and keys, of which no two read alike."""

from datetime import datetime

from sqlalchemy import Connection, or_, select

from service.directory.confusable_names import make_skeletons
from service.domain.errors import AlreadyExists
from service.domain.names import normalize_spelling
from service.store.tables import api_keys, installation, users

RESERVED = ("claimdesk", "system")
"""What the record calls the command line."""


def normalize_email(email: str) -> str:
    """Return an address as accounts keep and compare it."""
    return email.strip().lower()


def lock_names(connection: Connection) -> None:
    """Make every other change of a name or an address wait until this transaction ends."""
    connection.execute(
        select(installation.c.name).where(installation.c.name == "cursor_key").with_for_update()
    )


def require_free_name(
    connection: Connection,
    name: str,
    *,
    owner: str | None = None,
    except_user: str | None = None,
    now: datetime,
) -> None:
    """Raise AlreadyExists where a person, or a key that still opens something, has this name.

    `owner` is the user whose new key gets the name: a key may be called like its owner.  `renamed`
    is the user who gets the name.  The name of a revoked or expired key may be used again: the
    record tells keys apart by their ids.
    """
    lock_names(connection)
    readings = _list_readings(name)
    if any(readings & _list_readings(reserved_name) for reserved_name in RESERVED):
        raise _build_name_taken(
            f"'{name}' is what the record calls the command line; choose another name."
        )
    for user in connection.execute(select(users.c.id, users.c.name)):
        if user.id not in (owner, except_user) and _list_readings(user.name) & readings:
            raise _build_name_taken(
                f"There is a person called '{user.name}' already; choose another name."
            )
    keys = select(api_keys.c.name, api_keys.c.user).where(
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
    )
    for key in connection.execute(keys):
        is_own = except_user is not None and key.user == except_user
        if not is_own and _list_readings(key.name) & readings:
            raise _build_name_taken(
                f"There is a key called '{key.name}' already; choose another name, or revoke it "
                "first."
            )


def _list_readings(name: str) -> set[str]:
    """Return the forms in which a name may be taken for another: its skeletons, and its spelling
    without accents."""
    return {*make_skeletons(name), normalize_spelling(name)}


def _build_name_taken(detail: str) -> AlreadyExists:
    return AlreadyExists(detail, errors=[{"loc": ["body", "name"], "msg": detail}])
