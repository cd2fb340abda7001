"""renames come to claims in batches"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

moments = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "renames",
        sa.Column("id", identifier, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("data", sa.Text()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("last_statement", identifier),
        sa.Column("started_at", moments, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_renames"),
    )
    op.create_table(
        "rename_claims",
        sa.Column("rename", identifier, nullable=False),
        sa.Column("claim", identifier, nullable=False),
        sa.PrimaryKeyConstraint("rename", "claim", name="pk_rename_claims"),
    )
    op.create_index("ix_rename_claims_claim", "rename_claims", ["claim"])


def downgrade() -> None:
    op.drop_table("rename_claims")
    op.drop_table("renames")
