"""The record of accounts, keys, webhooks, notes and settings: what was done to them, by whom, and
by what means.

As with everything else, each has a chain of events of its own.  Secrets stand in it as digests: a
changed one is noticed, and nobody learns it.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from service.domain import history, things
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
}
"""Columns that no event repeats, and the name of the digest that stands for each."""
SECONDS = frozenset({"timeout_s"})
"""Columns of seconds and fractions of them."""


def begin_record(
    connection: Connection,
    kind: SubjectKind,
    id: str,
    row: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Record that something was made, with the row that it has."""
    draft = Draft(things.RULES[kind][0], describe_row(row))
    writer.write(connection, writer.begin(Subject(kind, id), [draft], actor=actor, now=now))


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
    """Record what is done to something: the columns that change, or what was made for it."""
    draft = Draft(type, describe_row(data))
    writer.append(connection, Subject(kind, id), [draft], actor=actor, now=now)


def record_setting(
    connection: Connection, name: str, value: str | None, *, actor: Actor, now: datetime
) -> None:
    """Give a setting of the installation a value, or none, and record that."""
    if value is None:
        installation.forget_value(connection, name)
    else:
        installation.write_value(connection, name, value)
    chain = writer.lock_chain(connection, Subject(SubjectKind.SETTING, name))
    draft = Draft(
        "setting.changed" if chain.number else "setting.set", describe_setting(name, value)
    )
    writer.extend(connection, chain, [draft], actor=actor, now=now)


def describe_setting(name: str, value: str | None) -> dict[str, Any]:
    """A setting as an event says it: secret ones by their digest."""
    if name in SECRET_SETTINGS:
        return {"digest": digest_secret(value)}
    return {"value": value}


def describe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as plain data for an event, secrets as their digests; a row's key is its subject."""
    told = {
        SECRETS.get(name, name): digest_secret(value) if name in SECRETS else _exact(name, value)
        for name, value in row.items()
        if name != "id"
    }
    plain: dict[str, Any] = history.make_plain(told)
    return plain


def _exact(name: str, value: Any) -> Any:
    """The record has no floats: another language may write them otherwise."""
    return f"{value:g}" if name in SECONDS else value


def digest_secret(value: str | None) -> str | None:
    return None if value is None else sha256(value.encode()).hexdigest()
