"""anybody may ask for a correction of a claim"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "correction_requests",
        sa.Column("id", identifier, nullable=False),
        sa.Column("claim", identifier, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("contact", sa.String(254)),
        sa.Column("wants_publication", sa.Boolean(), nullable=False),
        sa.Column("received_at", instant, nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("answer", sa.Text()),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("answered_by", sa.String(64)),
        sa.Column("answered_by_name", sa.String(120)),
        sa.Column("answered_at", instant),
        sa.CheckConstraint(
            "outcome IN ('corrected', 'not_corrected')",
            name=op.f("ck_correction_requests_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["claim"], ["claims.id"], name=op.f("fk_correction_requests_claim_claims")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction_requests")),
    )
    op.create_index(op.f("ix_correction_requests_claim"), "correction_requests", ["claim"])
    op.create_index(
        op.f("ix_correction_requests_answered_at"), "correction_requests", ["answered_at"]
    )


def downgrade() -> None:
    """What was asked is lost; the record keeps the answers that are public."""
    op.drop_table("correction_requests")
