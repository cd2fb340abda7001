"""decisions are found by who proposed them"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

NAME = "ix_decisions_proposed_by_proposed_at_id"


def upgrade() -> None:
    op.create_index(NAME, "decisions", ["proposed_by", "proposed_at", "id"])


def downgrade() -> None:
    op.drop_index(NAME, table_name="decisions")
