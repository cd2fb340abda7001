"""claims supersede others: the board leaves out what a newer figure replaces"""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.add_column("claims", sa.Column("superseded_since", instant, nullable=True))
    _restore_from_states()


def downgrade() -> None:
    """The states keep what the former schema cannot say."""
    op.drop_column("claims", "superseded_since")


def _restore_from_states() -> None:
    """Give rows what a downgrade took from them; others have no such state."""
    claims = sa.table(
        "claims",
        sa.column("id", sa.Uuid(as_uuid=False)),
        sa.column("state"),
        sa.column("superseded_since", instant),
    )
    superseded = sa.select(claims.c.id, claims.c.state).where(
        claims.c.state.like('%"superseded_by":{%')
    )
    for claim, state in op.get_bind().execute(superseded).all():
        newer = json.loads(state).get("superseded_by")
        if not newer:
            continue
        moment = datetime.fromisoformat(newer["recorded_at"]).astimezone(UTC)
        since = f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z" if _is_sqlite() else moment
        op.execute(claims.update().where(claims.c.id == claim).values(superseded_since=since))


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
