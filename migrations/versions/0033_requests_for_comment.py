"""requests for comment: which claim each is on, and when its deadline passes"""

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)
COLUMNS = (
    ("id", identifier),
    ("claim", identifier),
    ("party", sa.String(64)),
    ("due_at", instant),
)


def upgrade() -> None:
    op.create_table(
        "inquiries",
        *(sa.Column(name, kind, nullable=name not in ("id", "claim")) for name, kind in COLUMNS),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_inquiries_claim_claims")),
        sa.ForeignKeyConstraint(
            ["party"], ["parties.slug"], name=op.f("fk_inquiries_party_parties")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
    )
    op.create_index(op.f("ix_inquiries_claim"), "inquiries", ["claim"])
    op.create_index(op.f("ix_inquiries_party"), "inquiries", ["party"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_inquiries_due_at", "inquiries", ["due_at"], sqlite_where=due, postgresql_where=due
    )
    _restore_from_record()


def downgrade() -> None:
    """The record keeps the requests."""
    op.drop_table("inquiries")


def _restore_from_record() -> None:
    """Write the rows that a downgrade dropped.

    A desk that has never had this schema has no such events.
    """
    names = ("seq", "claim", "type", "data")
    kinds = {"claim": identifier}
    events = sa.table("events", *(sa.column(name, kinds.get(name)) for name in names))
    lines = sa.select(events).where(events.c.type.like("inquiry.%")).order_by(events.c.seq)
    known: dict[str, dict[str, str | None]] = {}
    rows: dict[str, dict[str, object]] = {}
    for line in op.get_bind().execute(lines).all():
        data = json.loads(line.data)
        inquiry = data["inquiry"]
        fields = known.setdefault(inquiry, {"until": None, "outcome": None})
        fields |= {name: data[name] for name in fields if name in data}
        if line.type == "inquiry.created":
            voice = data["voice"]
            rows[inquiry] = {
                "id": inquiry,
                "claim": line.claim,
                "party": voice["party"] if voice else None,
            }
        due_at = None if line.type == "inquiry.lapsed" or fields["outcome"] else fields["until"]
        rows[inquiry]["due_at"] = due_at and _write_instant(due_at)
    if rows:
        table = sa.table("inquiries", *(sa.column(name, kind) for name, kind in COLUMNS))
        op.bulk_insert(table, list(rows.values()))


def _write_instant(text: str) -> datetime | str:
    moment = datetime.fromisoformat(text)
    if op.get_bind().dialect.name != "sqlite":
        return moment
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
