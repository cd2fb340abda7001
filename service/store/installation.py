"""What a database knows of itself: rows of the table `installation`, with JSON or plain text."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, exists, select, update

from service.store.compiled_statements import CompiledStatement, insert_or_ignore
from service.store.tables import installation

Document = dict[str, Any]
"""A value that is a JSON object; each has a form of its own."""
EPOCH = "epoch"
FOUR_EYES = "four_eyes"
CURSOR_KEY = "cursor_key"
DEVICE_KEY = "device_key"
HELD = "webhooks_held"
HOME = "home"
LAST_SEEN = "last_seen"
RESTORED = "restored"
"""Set by a restore, until the epoch that it begins is recorded."""
CLOCK_ACCEPTED = "clock_accepted"
SERVED_AT = "served_at"
"""The base URL of the server that was last started, for links that other processes make."""
SEARCH_INDEX = "search_index"
"""Of which version the rows of the search index are, and how far a rebuild has come."""
SECRET_SETTINGS = frozenset({CURSOR_KEY, DEVICE_KEY})
"""Their values are recorded as digests."""
RECORDED_SETTINGS = frozenset({EPOCH, HELD, FOUR_EYES}) | SECRET_SETTINGS
"""Those whose every value is an event of the record."""
WEBHOOKS_HELD = exists(select(installation.c.name).where(installation.c.name == HELD))
"""Whether no webhook is sent until somebody confirms that this is the desk."""

# Compiled once: every change that may need a second person reads a value.
_READ_VALUE = CompiledStatement(
    select(installation.c.value).where(installation.c.name == bindparam("name"))
)


def read_value(connection: Connection, name: str) -> str | None:
    """Return a value; None where there is none."""
    value: str | None = _READ_VALUE.run(connection, {"name": name}).scalar()
    return value


def read_values(connection: Connection) -> dict[str, str]:
    """Return all values by name."""
    return {row.name: row.value for row in connection.execute(select(installation))}


def read_document(connection: Connection, name: str) -> Document | None:
    value = read_value(connection, name)
    document: Document | None = None if value is None else orjson.loads(value)
    return document


def write_value(connection: Connection, name: str, value: str | Mapping[str, object]) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    change = update(installation).where(installation.c.name == name).values(value=text)
    if connection.execute(change).rowcount == 0:
        row = {"name": name, "value": text}
        if not insert_or_ignore(connection, installation, row):
            connection.execute(change)  # another process inserted it meanwhile


def delete_value(connection: Connection, name: str) -> bool:
    """Delete a value.  Returns whether there was one."""
    return connection.execute(delete(installation).where(installation.c.name == name)).rowcount > 0
