"""what the desk keeps: articles being taken in, and by which browser somebody is signed in"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)
instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.add_column("sessions", sa.Column("agent", sa.String(200), nullable=True))
    op.create_table(
        "intakes",
        sa.Column("id", identifier, nullable=False),
        sa.Column("source", identifier, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("story", sa.String(64), nullable=True),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("opened_by_name", sa.String(120), nullable=False),
        sa.Column("opened_at", instant, nullable=False),
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
