"""feeds as of an instant find what gave a status by when it was recorded"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_events_type_recorded_at_seq"),
        "events",
        ["type", "recorded_at", "seq"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_events_type_recorded_at_seq"), table_name="events")
