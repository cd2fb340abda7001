"""claims may be on hold until an instant"""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.add_column("claims", sa.Column("hold_until", instant, nullable=True))
    held = sa.text("hold_until IS NOT NULL")
    op.create_index(
        "ix_claims_hold", "claims", ["hold_until", "id"], sqlite_where=held, postgresql_where=held
    )
    _restore_from_record()


def _restore_from_record() -> None:
    """Say again when holds end, on a desk that had some before a downgrade."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    key = sa.Uuid(as_uuid=False)
    events = sa.table("events", sa.column("claim", key), *map(sa.column, ("seq", "type", "data")))
    rows = connection.execute(
        sa.select(events.c.claim, events.c.type, events.c.data)
        .where(events.c.claim.is_not(None), events.c.type.in_(("hold.placed", "hold.ended")))
        .order_by(events.c.seq)
    )
    ends = {
        claim: json.loads(data)["until"] if type == "hold.placed" else None
        for claim, type, data in rows.all()
    }
    claims = sa.table("claims", sa.column("id", key), sa.column("hold_until", instant))
    for claim, until in ends.items():
        if until is not None:
            end = datetime.fromisoformat(until).astimezone(UTC)
            value = f"{end:%Y-%m-%dT%H:%M:%S.%f}Z" if sqlite else end
            op.execute(claims.update().where(claims.c.id == claim).values(hold_until=value))


def downgrade() -> None:
    op.drop_index("ix_claims_hold", table_name="claims")
    op.drop_column("claims", "hold_until")
