"""What a database knows of itself: rows of `installation`, which hold JSON or plain text."""

from typing import Any

import orjson
from sqlalchemy import Connection, delete, exists, select, update

from service.store.compiled_statements import insert_or_ignore
from service.store.tables import installation

EPOCH = "epoch"
FOUR_EYES = "four_eyes"
CURSOR_KEY = "cursor_key"
DEVICE_KEY = "device_key"
HELD = "webhooks_held"
HOME = "home"
LAST_SEEN = "last_seen"
RESTORED = "restored"
"""Left by a restore until the epoch that it begins is written down."""
CLOCK_ACCEPTED = "clock_accepted"
SECRET_SETTINGS = frozenset({CURSOR_KEY, DEVICE_KEY})
"""Recorded as digests."""
RECORDED_SETTINGS = frozenset({EPOCH, HELD, FOUR_EYES}) | SECRET_SETTINGS
"""Those whose every value is an event of the record; the others are noted in passing."""
WEBHOOKS_HELD = exists(select(installation.c.name).where(installation.c.name == HELD))
"""Whether nothing is sent until somebody says that this is the desk."""


def read_value(connection: Connection, name: str) -> str | None:
    value: str | None = connection.scalar(
        select(installation.c.value).where(installation.c.name == name)
    )
    return value


def read_document(connection: Connection, name: str) -> dict[str, Any] | None:
    value = read_value(connection, name)
    document: dict[str, Any] | None = None if value is None else orjson.loads(value)
    return document


def write_value(connection: Connection, name: str, value: str | dict[str, Any]) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    change = update(installation).where(installation.c.name == name).values(value=text)
    if connection.execute(change).rowcount == 0:
        row = {"name": name, "value": text}
        if not insert_or_ignore(connection, installation, row):
            connection.execute(change)  # two processes began on a new desk at once


def forget_value(connection: Connection, name: str) -> bool:
    """Says whether there was one."""
    return connection.execute(delete(installation).where(installation.c.name == name)).rowcount > 0
