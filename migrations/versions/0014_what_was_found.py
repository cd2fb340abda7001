"""what was not recorded before is recorded as it is found"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Statements, sources, parties, speakers and stories had no events.  Each now gets a first one, in
# a chain of its own, that says how it was found: `recorded_as_found`.  Nothing proves what it was
# before.  Claims' chains are not touched.
GENESIS = "0" * 64
ACTOR = {"rule": "migration"}
BATCH = 500

moments = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def _table(name: str, ids: str, instants: str, others: str) -> Any:
    columns: list[Any] = [sa.column(part, identifier) for part in ids.split()]
    columns += [sa.column(part, moments) for part in instants.split()]
    columns += [sa.column(part) for part in others.split()]
    return sa.table(name, *columns)


parties = _table(
    "parties", "", "created_at updated_at", "slug name full_name kind country parent root"
)
party_versions = _table("party_versions", "", "recorded_at superseded_at", "slug name parent root")
speakers = _table("speakers", "id", "created_at", "party name role")
sources = _table(
    "sources",
    "id",
    "published_at recorded_at",
    "url publisher title language archive_url sha256",
)
stories = _table("stories", "", "created_at updated_at", "slug title description")
statements = _table(
    "statements",
    "id speaker withdrawal_source",
    "said_at recorded_at withdrawn_at withdrawal_said_at",
    "party precision basis recorded_by withdrawal_reason withdrawal_precision",
)
quotes = _table(
    "quotes",
    "id statement source",
    "recorded_at",
    "position text language rendering exact prefix suffix",
)
events = _table(
    "events",
    "id",
    "recorded_at",
    "kind subject number type actor data previous_hash hash",
)


def upgrade() -> None:
    connection = op.get_bind()
    now = datetime.now(UTC)
    for kind, type, found in (
        ("party", "party.created", _parties(connection)),
        ("speaker", "speaker.created", _rows(connection, speakers, "id", "party name role")),
        (
            "source",
            "source.recorded",
            _rows(
                connection,
                sources,
                "id",
                "url publisher title published_at language archive_url sha256 recorded_at",
            ),
        ),
        ("story", "story.created", _rows(connection, stories, "slug", "title description")),
        ("statement", "statement.recorded", _statements(connection)),
    ):
        for batch in found:
            lines = [_line(kind, subject, type, data, now) for subject, data in batch]
            connection.execute(sa.insert(events), lines)


def downgrade() -> None:
    """The step below takes the events away."""


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


Found = Iterator[list[tuple[str, dict[str, Any]]]]


def _rows(connection: sa.Connection, table: Any, key: str, columns: str) -> Found:
    """A batch at a time, in the order of the keys: each row's key, and what it says."""
    names = columns.split()
    for stamp in ("created_at", "updated_at"):
        if stamp in table.c:
            names.append(stamp)
    query = sa.select(table).order_by(table.c[key]).limit(BATCH)
    rows = connection.execute(query).all()
    while rows:
        yield [
            (row._mapping[key], {name: _plain(table, row, name) for name in names}) for row in rows
        ]
        last = rows[-1]._mapping[key]
        rows = connection.execute(query.where(table.c[key] > last)).all()


def _parties(connection: sa.Connection) -> Found:
    """Parties above come before those below them; each with all that it was."""
    then = party_versions.c
    versions: dict[str, list[dict[str, Any]]] = {}
    past = ("recorded_at", "superseded_at", "name", "parent", "root")
    for row in connection.execute(sa.select(party_versions).order_by(then.slug, then.recorded_at)):
        versions.setdefault(row.slug, []).append(
            {name: _plain(party_versions, row, name) for name in past}
        )
    every = {
        slug: data | {"versions": versions.get(slug, [])}
        for batch in _rows(connection, parties, "slug", "name full_name kind country parent")
        for slug, data in batch
    }
    above = {slug: data["parent"] for slug, data in every.items()}

    def depth(slug: str) -> int:
        return 0 if above[slug] is None else 1 + depth(above[slug])

    ordered = sorted(every, key=lambda slug: (depth(slug), slug))
    for at in range(0, len(ordered), BATCH):
        yield [(slug, every[slug]) for slug in ordered[at : at + BATCH]]


def _statements(connection: sa.Connection) -> Found:
    said = "party speaker said_at precision basis recorded_at recorded_by "
    taken_back = (
        "withdrawn_at withdrawal_reason withdrawal_source withdrawal_said_at withdrawal_precision"
    )
    shown = ("id", "text", "language", "rendering", "source", "exact", "prefix", "suffix")
    for batch in _rows(connection, statements, "id", said + taken_back):
        mine: dict[str, list[dict[str, Any]]] = {key: [] for key, _ in batch}
        for row in connection.execute(
            sa.select(quotes)
            .where(quotes.c.statement.in_(list(mine)))
            .order_by(quotes.c.statement, quotes.c.position)
        ):
            names = (*shown, "position", "recorded_at")
            mine[row.statement].append({name: _plain(quotes, row, name) for name in names})
        yield [(key, data | {"quotes": mine[key]}) for key, data in batch]


def _plain(table: Any, row: Any, name: str) -> Any:
    """A value as plain JSON data: instants as RFC 3339."""
    value = row._mapping[name]
    if value is None or not isinstance(table.c[name].type, sa.DateTime):
        return value
    return _rfc3339(datetime.fromisoformat(value) if isinstance(value, str) else value)


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
