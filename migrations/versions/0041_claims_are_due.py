"""claims are due at a time, and lists know which are on hold"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)
ADDED = {
    "claims": ("due_at", "hold_since"),
    "claim_versions": ("due_at", "hold_since", "hold_until"),
}
INDEXES = (
    ("ix_claims_held", "claims", ("changed_at", "id"), "hold_since IS NOT NULL"),
    ("ix_claims_due", "claims", ("due_at", "id"), "due_at IS NOT NULL"),
    ("ix_claims_storyless", "claims", ("changed_at", "id"), "story IS NULL"),
    ("ix_claim_versions_due", "claim_versions", ("due_at", "claim"), "due_at IS NOT NULL"),
)
events = sa.table(
    "events",
    sa.column("claim", identifier),
    *(sa.column(name) for name in ("seq", "type", "number", "data")),
)


def upgrade() -> None:
    for table, names in ADDED.items():
        for name in names:
            op.add_column(table, sa.Column(name, instant, nullable=True))
    for index, table, columns, where in INDEXES:
        only = sa.text(where)
        op.create_index(index, table, list(columns), sqlite_where=only, postgresql_where=only)
    _read_holds()
    _restore_due_times()


def downgrade() -> None:
    """The record keeps what the former schema cannot say."""
    for index, table, _, _ in reversed(INDEXES):
        op.drop_index(index, table_name=table)
    for table, names in ADDED.items():
        for name in reversed(names):
            op.drop_column(table, name)


def _read_holds() -> None:
    """Say of claims on hold since when; of their versions also until when, as documents do."""
    for table, key in (("claims", "id"), ("claim_versions", "claim")):
        t = sa.table(
            table,
            sa.column(key, identifier),
            sa.column("version"),
            sa.column("document"),
            *(sa.column(name, instant) for name in ("hold_since", "hold_until")),
        )
        held = sa.select(t.c[key], t.c.version, t.c.document).where(
            t.c.document.like('%,"hold":{%')
        )
        for claim, version, document in op.get_bind().execute(held).all():
            hold: Mapping[str, Any] = json.loads(document)["hold"]
            values = {"hold_since": _store(hold["since"])}
            if table == "claim_versions" and hold["until"]:
                values["hold_until"] = _store(hold["until"])
            op.execute(t.update().where(t.c[key] == claim, t.c.version == version).values(**values))


def _restore_due_times() -> None:
    """Give claims and their versions what a downgrade took from them; others have no such
    events."""
    rows = op.get_bind().execute(
        sa.select(events.c.claim, events.c.number, events.c.data)
        .where(events.c.type == "claim.amended", events.c.data.like('%"due_at":%'))
        .order_by(events.c.seq)
    )
    for claim, number, text in rows.all():
        data = json.loads(text)
        if "due_at" not in data:
            continue
        for table, key in (("claims", "id"), ("claim_versions", "claim")):
            t = sa.table(
                table,
                sa.column(key, identifier),
                sa.column("version"),
                sa.column("due_at", instant),
            )
            due_at = None if data["due_at"] is None else _store(data["due_at"])
            op.execute(
                t.update().where(t.c[key] == claim, t.c.version >= number).values(due_at=due_at)
            )


def _store(text: str) -> datetime | str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    if op.get_bind().dialect.name != "sqlite":
        return moment
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
