"""administrators are told of webhooks that fail"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "endpoint_alerts",
        sa.Column("webhook", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.CheckConstraint(
            "state IN ('failing', 'disabled')", name=op.f("ck_endpoint_alerts_state")
        ),
        sa.PrimaryKeyConstraint("webhook", name=op.f("pk_endpoint_alerts")),
    )


def downgrade() -> None:
    """Who was told of what fails is lost."""
    op.drop_table("endpoint_alerts")
