"""claims may be on hold until an instant"""

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


def downgrade() -> None:
    op.drop_index("ix_claims_hold", table_name="claims")
    op.drop_column("claims", "hold_until")
