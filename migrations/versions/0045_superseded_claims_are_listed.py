"""superseded claims are listed"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

INDEX, TABLE = "ix_claims_superseded", "claims"


def upgrade() -> None:
    only = sa.text("superseded_since IS NOT NULL")
    op.create_index(INDEX, TABLE, ["changed_at", "id"], sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    op.drop_index(INDEX, table_name=TABLE)
