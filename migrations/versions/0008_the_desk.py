"""what the desk keeps: articles being taken in, and by which browser somebody is signed in"""

import sqlalchemy as sa
from alembic import op

from service.store.types import Id, Instant, LongText

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("agent", sa.String(200), nullable=True))
    op.create_table(
        "intakes",
        sa.Column("id", Id, nullable=False),
        sa.Column("source", Id, nullable=False),
        sa.Column("text", LongText, nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("story", sa.String(64), nullable=True),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("opened_by_name", sa.String(120), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["sources.id"], name=op.f("fk_intakes_source_sources")),
        sa.ForeignKeyConstraint(["story"], ["stories.slug"], name=op.f("fk_intakes_story_stories")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intakes")),
    )
    op.create_index(op.f("ix_intakes_source"), "intakes", ["source"])
    op.create_index(op.f("ix_intakes_opened_at"), "intakes", ["opened_at"])


def downgrade() -> None:
    op.drop_table("intakes")
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_column("agent")
