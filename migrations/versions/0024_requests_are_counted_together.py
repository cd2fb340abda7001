"""requests are counted by all processes together"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

moments = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    # Not logged: after a crash everybody begins anew, and no request waits for the disk.
    op.create_table(
        "request_limits",
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("free_at", moments, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_request_limits"),
        prefixes=["UNLOGGED"] if op.get_bind().dialect.name == "postgresql" else [],
    )
    op.create_index("ix_request_limits_free_at", "request_limits", ["free_at"])


def downgrade() -> None:
    op.drop_table("request_limits")
