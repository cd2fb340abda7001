"""webhooks have a format, and those to brokers a user and a password, kept apart from the address"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "webhooks", sa.Column("format", sa.String(16), nullable=False, server_default="standard")
    )
    op.add_column("webhooks", sa.Column("credentials", sa.Text, nullable=True))


def downgrade() -> None:
    """Nothing goes to brokers any more: the release of before would fail at each attempt."""
    op.execute(
        "UPDATE webhooks SET state = 'disabled', state_reason = 'brokers need a newer release' "
        "WHERE format <> 'standard'"
    )
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.drop_column("credentials")
        webhooks.drop_column("format")
