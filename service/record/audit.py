"""Records what was done to accounts, keys, webhooks, notes and settings, by whom and by what means.

Each has a chain of events of its own.  Events hold digests of secrets, so that a change is noticed
and nobody learns the secret.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from service.domain import plain_data, things
from service.domain.access import Actor
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store import installation
from service.store.installation import SECRET_SETTINGS

SECRETS = {
    "password_hash": "password_digest",
    "secret_hash": "secret_digest",
    "secret": "secret_digest",
    "previous_secrets": "previous_secrets_digest",
    "headers": "headers_digest",
    "credentials": "credentials_digest",
}
"""Columns that no event holds, and the name of the digest that stands for each."""
SECONDS = frozenset({"timeout_s"})
"""Columns of seconds, with fractions."""


def begin_record(
    connection: Connection,
    kind: SubjectKind,
    id: str,
    row: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Record that something was made, with its row."""
    writer.write_lines(connection, build_first_lines(kind, id, row, actor=actor, now=now))


def build_first_lines(
    kind: SubjectKind, id: str, row: Mapping[str, Any], *, actor: Actor, now: datetime
) -> list[writer.EventRow]:
    """Return the line that begins the record of something with its row, for the caller to write."""
    draft = Draft(things.RULES[kind].first_type, describe_row(row))
    return writer.build_first_lines(Subject(kind, id), [draft], actor=actor, now=now)


def record_change(
    connection: Connection,
    kind: SubjectKind,
    id: str,
    type: str,
    data: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Record a change of something: the columns that change, or what was made for it."""
    draft = Draft(type, describe_row(data))
    writer.append_events(connection, Subject(kind, id), [draft], actor=actor, now=now)


def record_setting(
    connection: Connection, name: str, value: str | None, *, actor: Actor, now: datetime
) -> None:
    """Set a setting of the installation, or delete it, and record that."""
    if value is None:
        installation.delete_value(connection, name)
    else:
        installation.write_value(connection, name, value)
    chain = writer.lock_chain(connection, Subject(SubjectKind.SETTING, name))
    draft = Draft(
        "setting.changed" if chain.number else "setting.set", describe_setting(name, value)
    )
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)


def describe_setting(name: str, value: str | None) -> dict[str, str | None]:
    """Return a setting as event data, secret ones as digests."""
    if name in SECRET_SETTINGS:
        return {"digest": digest_secret(value)}
    return {"value": value}


def describe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns as event data, secrets as digests; the id is left out, being the subject."""
    values = {
        SECRETS.get(name, name): digest_secret(value)
        if name in SECRETS
        else _make_exact(name, value)
        for name, value in row.items()
        if name != "id"
    }
    return {name: plain_data.make_plain(value) for name, value in values.items()}


def _make_exact(name: str, value: Any) -> Any:
    """Return seconds as text: the record has no floats, which languages write differently."""
    return f"{value:g}" if name in SECONDS else value


def digest_secret(value: str | None) -> str | None:
    return None if value is None else sha256(value.encode()).hexdigest()
