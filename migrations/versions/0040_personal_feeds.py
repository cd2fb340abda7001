"""feeds have private addresses"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "personal_feeds",
        sa.Column("id", identifier, nullable=False),
        sa.Column("user", identifier, nullable=False),
        sa.Column("story", sa.String(64)),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("last_used_at", instant),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_personal_feeds_user_users")),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.slug"], name=op.f("fk_personal_feeds_story_stories")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_feeds")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_personal_feeds_token_hash")),
    )
    op.create_index(op.f("ix_personal_feeds_user_id"), "personal_feeds", ["user", "id"])


def downgrade() -> None:
    """The private addresses lead nowhere any more."""
    op.drop_table("personal_feeds")
