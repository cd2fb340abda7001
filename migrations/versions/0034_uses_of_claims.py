"""uses: who printed which claim"""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
key = sa.Uuid(as_uuid=False)
KINDS = (
    "'claim', 'statement', 'source', 'party', 'speaker', 'story', 'note', 'person', 'key', "
    "'webhook', 'setting'"
)
LATER = f"{KINDS}, 'use'"
INSTANTS = ("recorded_at", "published_at", "outdated_at", "acknowledged_at", "retired_at")
TEXTS = ("url", "place", "title", "wording", "contact", "note", "corrected_url")


def upgrade() -> None:
    _allow(KINDS, LATER)
    op.create_table(
        "uses",
        sa.Column("id", key, nullable=False),
        sa.Column("claim", key, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("print_line", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in TEXTS),
        sa.Column("language", sa.String(35)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("recorded_by_name", sa.String(120), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("class", sa.String(16)),
        *(
            sa.Column(name, instant)
            for name in ("published_at", "outdated_at", "acknowledged_at", "retired_at")
        ),
        *(
            sa.Column(name, sa.Integer)
            for name in ("outdated_version", "acknowledged_version", "retired_version")
        ),
        *(sa.Column(name, sa.String(120)) for name in ("acknowledged_by_name", "retired_by_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uses")),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_uses_claim_claims")),
        sa.CheckConstraint(
            "status IN ('asserted', 'awaiting_confirmation', 'confirmed', 'disputed')",
            name=op.f("ck_uses_status"),
        ),
        sa.CheckConstraint(
            "state IN ('current', 'outdated', 'acknowledged', 'retired')",
            name=op.f("ck_uses_state"),
        ),
        sa.CheckConstraint("class IN ('kill', 'correction', 'update')", name=op.f("ck_uses_class")),
        sa.CheckConstraint("url IS NOT NULL OR place IS NOT NULL", name=op.f("ck_uses_address")),
    )
    for columns in (("claim", "state"), ("claim", "id"), ("state", "id")):
        op.create_index(op.f(f"ix_uses_{'_'.join(columns)}"), "uses", list(columns))
    is_open = sa.text("state = 'outdated'")
    op.create_index(
        "ix_uses_open",
        "uses",
        ["outdated_at", "id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    _restore_from_record()


def downgrade() -> None:
    """The record keeps what the former schema cannot say."""
    op.drop_table("uses")
    uses = op.get_bind().execute(sa.text("SELECT 1 FROM events WHERE kind = 'use' LIMIT 1"))
    if uses.first() is None:
        _allow(LATER, KINDS)


VERSIONS = {
    "use.recorded": "version",
    "use.acknowledged": "acknowledged_version",
    "use.retired": "retired_version",
}
GRAVEST_FIRST = ("kill", "correction", "update")
UPDATING = (
    "claim.withdrawn",
    "claim.restored",
    "claim.merged",
    "claim.separated",
    "claim.superseded",
    "hold.placed",
    "hold.ended",
)
ALTERING = ("claim.voided", "claim.status_changed", "finding.changed", "claim.amended", *UPDATING)


def _restore_from_record() -> None:
    """Give back the rows that a downgrade took.  A desk that never had any has no such events."""
    connection = op.get_bind()
    uses = sa.table(
        "uses",
        sa.column("id", key),
        sa.column("claim", key),
        *(sa.column(name, instant) for name in INSTANTS),
        *map(sa.column, TEXTS),
        *map(sa.column, ("version", "status", "print_line", "language", "state", "class")),
        *map(sa.column, ("recorded_by", "recorded_by_name", "acknowledged_by_name")),
        *map(sa.column, ("retired_by_name", "outdated_version", "acknowledged_version")),
        sa.column("retired_version"),
    )
    events = sa.table(
        "events",
        sa.column("claim", key),
        sa.column("recorded_at", instant),
        *map(sa.column, ("seq", "kind", "subject", "number", "type", "data")),
    )
    chains: dict[str, list[sa.Row]] = {}
    own = sa.select(events).where(events.c.kind == "use").order_by(events.c.seq)
    for line in connection.execute(own).all():
        chains.setdefault(line.subject, []).append(line)
    for use, lines in chains.items():
        first = json.loads(lines[0].data)
        altering = sa.select(events).where(
            events.c.claim == first["claim"], events.c.type.in_(ALTERING)
        )
        waiting = connection.execute(altering.order_by(events.c.number.desc())).all()
        row: dict[str, object] = {}
        for line in lines:
            data = json.loads(line.data)
            while waiting and waiting[-1].number <= data[VERSIONS[line.type]]:
                _outdate(row, waiting.pop())
            row |= {name: _read(name, value) for name, value in data.items()}
        while waiting:
            _outdate(row, waiting.pop())
        connection.execute(uses.insert().values(id=use, **row))


def _read(name: str, value: object) -> object:
    if name not in INSTANTS or not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value).astimezone(UTC)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z" if is_sqlite else moment


def _outdate(row: dict[str, object], line: sa.Row) -> None:
    grade = _classify(line.type, json.loads(line.data))
    if not row or grade is None:
        return
    mark = {"class": grade, "outdated_version": line.number}
    if row["state"] in ("current", "acknowledged"):
        row |= {**mark, "state": "outdated", "outdated_at": line.recorded_at}
    elif row["state"] == "outdated" and GRAVEST_FIRST.index(grade) < GRAVEST_FIRST.index(
        str(row["class"])
    ):
        row |= mark


def _classify(type: str, data: dict[str, object]) -> str | None:
    if type == "claim.voided":
        return "kill"
    if type == "claim.amended":
        return "correction" if data.get("material") else None
    if type == "claim.status_changed":
        return "kill" if data["previous_status"] == "confirmed" else "update"
    if type == "finding.changed":
        return {"refuted": "kill", "conflicting": "correction"}.get(str(data["finding"]), "update")
    return "update"


def _allow(before: str, after: str) -> None:
    """Let `events.kind` have other values, without writing a desk's record anew (as 0026 does)."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_events_kind"), "events", type_="check")
        op.create_check_constraint(op.f("ck_events_kind"), "events", f"kind IN ({after})")
        return
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'events'"
        " AND instr(sql, ?) > 0",
        (f"kind IN ({before})", f"kind IN ({after})", f"kind IN ({before})"),
    )
    if changed.rowcount != 1 and not _allows(connection, after):
        raise RuntimeError("the table of events does not say which kinds there are")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def _allows(connection: sa.Connection, kinds: str) -> bool:
    """Whether a downgrade left the former kinds, since there are events of them."""
    return bool(
        connection.exec_driver_sql(
            "SELECT 1 FROM sqlite_schema WHERE name = 'events' AND instr(sql, ?) > 0",
            (f"kind IN ({kinds})",),
        ).first()
    )
