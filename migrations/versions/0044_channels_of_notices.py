"""people choose by mail or chat, and when, they are told"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.add_column("notice_position", sa.Column("due_until", instant))
    op.create_table(
        "notice_settings",
        sa.Column("user", identifier, nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("digest_hour", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("quiet_from", sa.String(5)),
        sa.Column("quiet_until", sa.String(5)),
        sa.Column("mail_channel", identifier),
        sa.Column("chat_channel", identifier),
        sa.Column("updated_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_notice_settings_user_users")),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_notice_settings")),
    )
    op.create_table(
        "notice_mailings",
        sa.Column("notice", identifier, nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("user", identifier, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("gathered", sa.Boolean(), nullable=False),
        sa.CheckConstraint("channel IN ('mail', 'chat')", name=op.f("ck_notice_mailings_channel")),
        sa.ForeignKeyConstraint(
            ["notice"], ["notices.id"], name=op.f("fk_notice_mailings_notice_notices")
        ),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_notice_mailings_user_users")),
        sa.PrimaryKeyConstraint("notice", "channel", name=op.f("pk_notice_mailings")),
    )
    op.create_index(op.f("ix_notice_mailings_due_at"), "notice_mailings", ["due_at"])
    op.create_index(op.f("ix_notice_mailings_user_channel"), "notice_mailings", ["user", "channel"])


def downgrade() -> None:
    """Nobody is written to any more; what waits in inboxes stays."""
    op.drop_table("notice_mailings")
    op.drop_table("notice_settings")
    op.drop_column("notice_position", "due_until")
