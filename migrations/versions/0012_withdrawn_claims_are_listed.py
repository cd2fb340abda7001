"""withdrawn claims are listed by themselves"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    withdrawn = sa.text("lifecycle = 'withdrawn'")
    op.create_index(
        "ix_claims_withdrawn",
        "claims",
        ["changed_at", "id"],
        sqlite_where=withdrawn,
        postgresql_where=withdrawn,
    )


def downgrade() -> None:
    op.drop_index("ix_claims_withdrawn", table_name="claims")
