"""People's own channels, and those to contacts: only what is queued for them goes there.

They are a person's own setting: no event of the record says where somebody is written to.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from service.domain import ids
from service.domain.webhooks import (
    IN_FLIGHT,
    TIMEOUT_S,
    EndpointState,
    Format,
    Ordering,
    make_secret,
)
from service.store.webhook_tables import IS_REGISTERED, webhooks
from service.webhooks import endpoint_addresses


def open_channel(
    connection: Connection,
    *,
    owner: str | None = None,
    contact: str | None = None,
    name: str,
    format: Format,
    url: str,
    now: datetime,
) -> str:
    """Register an endpoint of a person's own, or of a contact; returns its id.  Raises Invalid for
    its address."""
    columns = endpoint_addresses.split_credentials(
        {"url": url, "format": format.value, "headers": "{}"}, None
    )
    endpoint_addresses.check_format(columns)
    row = {
        "id": ids.make_id(),
        "credentials": None,
        **columns,
        "owner": owner,
        "contact": contact,
        "event_types": "",
        "ordering": Ordering.CLAIM.value,
        "state": EndpointState.ACTIVE.value,
        "max_in_flight": IN_FLIGHT,
        "timeout_s": float(TIMEOUT_S),
        "secret": make_secret(),
        "previous_secrets": "[]",
        "created_at": now,
        "created_by": name,
        "updated_at": now,
        "served_at": now,
        "failures": 0,
    }
    connection.execute(insert(webhooks), row)
    return str(row["id"])


def close_channel(connection: Connection, channel: str, *, now: datetime) -> None:
    """Close somebody's channel: nothing more is sent to it, and the dispatcher deletes the rest."""
    connection.execute(update(webhooks).where(*_is_open(channel)).values(deleted_at=now))


def find_channel(connection: Connection, channel: str | None) -> Row[tuple[object, ...]] | None:
    """Return the row of an open channel; None if there is none, or no longer."""
    if channel is None:
        return None
    return connection.execute(select(webhooks).where(*_is_open(channel))).first()


def _is_open(channel: str) -> list[ColumnElement[bool]]:
    return [
        webhooks.c.id == channel,
        ~IS_REGISTERED,
        webhooks.c.deleted_at.is_(None),
    ]
