"""accounts, keys, webhooks, notes and settings have a record: each is recorded as it is found"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# As in 0014, for what had no record there.  Secrets are recorded as digests.
GENESIS = "0" * 64
ACTOR = {"rule": "migration"}
BATCH = 500
SECRETS = {
    "password_hash": "password_digest",
    "secret_hash": "secret_digest",
    "secret": "secret_digest",
    "previous_secrets": "previous_secrets_digest",
    "headers": "headers_digest",
}
SECRET_SETTINGS = ("cursor_key", "device_key")
SETTINGS = ("four_eyes", "epoch", "webhooks_held")
KINDS = ("note", "person", "key", "webhook", "setting")

moments = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def _table(name: str, ids: str, instants: str, others: str) -> Any:
    columns: list[Any] = [sa.column(part, identifier) for part in ids.split()]
    columns += [sa.column(part, moments) for part in instants.split()]
    columns += [sa.column(part) for part in others.split()]
    return sa.table(name, *columns)


notes = _table("notes", "id claim", "recorded_at", "text author author_name")
users = _table("users", "id", "created_at disabled_at", "email name role password_hash password_by")
api_keys = _table(
    "api_keys", "user", "created_at expires_at revoked_at", "id name role secret_hash made_by"
)
webhooks = _table(
    "webhooks",
    "id claim",
    "created_at deleted_at",
    "url description event_types story ordering max_in_flight timeout_s headers secret "
    "previous_secrets created_by",
)
webhook_parties = _table("webhook_parties", "webhook", "", "party")
installation = _table("installation", "", "", "name value")
events = _table(
    "events", "id", "recorded_at", "seq kind subject number type actor data previous_hash hash"
)


def upgrade() -> None:
    connection = op.get_bind()
    now = datetime.now(UTC)
    for kind, type, found in (
        ("note", "note.recorded", _rows(connection, notes)),
        ("person", "person.created", _rows(connection, users)),
        ("key", "key.created", _rows(connection, api_keys)),
        ("webhook", "webhook.created", _webhooks(connection)),
        ("setting", "setting.set", _settings(connection)),
    ):
        for batch in found:
            lines = [_line(kind, subject, type, data, now) for subject, data in batch]
            connection.execute(sa.insert(events), lines)


def downgrade() -> None:
    """The record of accounts goes with the events of other things, in the steps below."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    gone = sa.select(sa.func.count()).where(events.c.kind.in_(KINDS))
    count = connection.scalar(gone)
    if not count:
        return
    if sqlite:
        guard = connection.scalar(
            sa.text("SELECT sql FROM sqlite_master WHERE name = 'events_no_delete'")
        )
        op.execute("DROP TRIGGER events_no_delete")
    else:
        op.execute("ALTER TABLE events DISABLE TRIGGER USER")
    connection.execute(sa.delete(events).where(events.c.kind.in_(KINDS)))
    if sqlite:
        op.execute(guard)
    else:
        op.execute("ALTER TABLE events ENABLE TRIGGER USER")
    mine = installation.c.name == "numbers_given_up"
    before = int(connection.scalar(sa.select(installation.c.value).where(mine)) or 0)
    connection.execute(sa.delete(installation).where(mine))
    connection.execute(
        sa.insert(installation).values(name="numbers_given_up", value=str(before + count))
    )


Found = Iterator[list[tuple[str, dict[str, Any]]]]


def _rows(connection: sa.Connection, table: Any) -> Found:
    """A batch at a time, in the order of the keys: each row's key, and what it says."""
    query = sa.select(table).order_by(table.c.id).limit(BATCH)
    rows = connection.execute(query).all()
    while rows:
        yield [(row.id, _describe(table, row)) for row in rows]
        rows = connection.execute(query.where(table.c.id > rows[-1].id)).all()


def _webhooks(connection: sa.Connection) -> Found:
    parties: dict[str, list[str]] = {}
    for row in connection.execute(sa.select(webhook_parties).order_by(webhook_parties.c.party)):
        parties.setdefault(row.webhook, []).append(row.party)
    for batch in _rows(connection, webhooks):
        yield [(key, data | {"parties": parties.get(key, [])}) for key, data in batch]


def _settings(connection: sa.Connection) -> Found:
    rows = connection.execute(
        sa.select(installation).where(installation.c.name.in_((*SECRET_SETTINGS, *SETTINGS)))
    )
    found: list[tuple[str, dict[str, Any]]] = [
        (
            row.name,
            {"digest": _digest(row.value)} if row.name in SECRET_SETTINGS else {"value": row.value},
        )
        for row in rows.all()
    ]
    if found:
        yield found


def _describe(table: Any, row: Any) -> dict[str, Any]:
    """A row as plain JSON data: instants as RFC 3339, secrets as digests."""
    data = {}
    for name, value in row._mapping.items():
        if name == "id":
            continue
        if name in SECRETS:
            data[SECRETS[name]] = _digest(value)
        elif value is not None and isinstance(table.c[name].type, sa.DateTime):
            data[name] = _rfc3339(
                datetime.fromisoformat(value) if isinstance(value, str) else value
            )
        else:
            data[name] = f"{value:g}" if isinstance(value, float) else value
    return data


def _digest(value: str | None) -> str | None:
    return None if value is None else sha256(value.encode()).hexdigest()


def _line(kind: str, subject: str, type: str, data: dict[str, Any], now: datetime) -> Any:
    actor = _canonical(ACTOR)
    text = _canonical(data | {"recorded_as_found": True})
    about = _canonical({"id": subject, "kind": kind})
    body = (
        f'{{"actor":{actor},"data":{text},"number":1,"previous_hash":"{GENESIS}",'
        f'"recorded_at":"{_rfc3339(now)}","subject":{about},"type":"{type}"}}'
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    return {
        "id": _uuid7(),
        "kind": kind,
        "subject": subject,
        "number": 1,
        "type": type,
        "recorded_at": f"{now:%Y-%m-%dT%H:%M:%S.%f}Z" if sqlite else now,
        "actor": actor,
        "data": text,
        "previous_hash": GENESIS,
        "hash": sha256(body.encode()).hexdigest(),
    }


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _canonical(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _uuid7() -> str:
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
