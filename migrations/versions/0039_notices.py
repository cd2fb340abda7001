"""people follow things, and are told of what changes"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)
number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = (
    "kind IN ('change', 'mention', 'approval', 'decision', 'assignment', 'due', 'use', 'webhook')"
)


def upgrade() -> None:
    op.create_table(
        "follows",
        sa.Column("id", identifier, nullable=False),
        sa.Column("user", identifier, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("stopped_at", instant),
        sa.CheckConstraint(
            "kind IN ('claim', 'story', 'party', 'tag', 'search')", name=op.f("ck_follows_kind")
        ),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_follows_user_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follows")),
        sa.UniqueConstraint("user", "kind", "target", name=op.f("uq_follows_user_kind_target")),
    )
    is_active = sa.text("stopped_at IS NULL")
    op.create_index(
        "ix_follows_target",
        "follows",
        ["kind", "target", "user"],
        sqlite_where=is_active,
        postgresql_where=is_active,
    )
    op.create_index(op.f("ix_follows_user_id"), "follows", ["user", "id"])
    op.create_table(
        "notices",
        sa.Column("id", identifier, nullable=False),
        sa.Column("user", identifier, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("claim", identifier),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("position", number, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("read_at", instant),
        sa.CheckConstraint(KINDS, name=op.f("ck_notices_kind")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_notices_user_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", "user", name=op.f("uq_notices_key_user")),
    )
    op.create_index(op.f("ix_notices_user_id"), "notices", ["user", "id"])
    op.create_index(op.f("ix_notices_at"), "notices", ["at"])
    is_unread, is_read = sa.text("read_at IS NULL"), sa.text("read_at IS NOT NULL")
    op.create_index(
        "ix_notices_unread",
        "notices",
        ["user", "id"],
        sqlite_where=is_unread,
        postgresql_where=is_unread,
    )
    op.create_index(
        "ix_notices_read", "notices", ["read_at"], sqlite_where=is_read, postgresql_where=is_read
    )
    op.create_table(
        "notice_jobs",
        sa.Column("id", identifier, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("claim", identifier, nullable=False),
        sa.Column("decision", identifier),
        sa.Column("first_seq", number, nullable=False),
        sa.Column("last_seq", number, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("targets", sa.Text()),
        sa.Column("done_until", identifier),
        sa.CheckConstraint(KINDS, name=op.f("ck_notice_jobs_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_jobs")),
    )
    op.create_index(op.f("ix_notice_jobs_claim_kind"), "notice_jobs", ["claim", "kind"])
    op.create_index(op.f("ix_notice_jobs_due_at"), "notice_jobs", ["due_at"])
    op.create_table(
        "notice_position",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", number, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_position")),
    )
    # Nobody is told of what was recorded before there were notices.
    op.execute("INSERT INTO notice_position (id, seq) SELECT 1, coalesce(max(seq), 0) FROM events")


def downgrade() -> None:
    """What people follow, and what they were told, is lost; the record is not."""
    for table in ("notice_position", "notice_jobs", "notices", "follows"):
        op.drop_table(table)
