"""webhooks"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("event_types", sa.Text(), nullable=False),
        sa.Column("story", sa.String(length=64), nullable=True),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("ordering", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("max_in_flight", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Float(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("previous_secrets", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.Column("deleted_at", instant, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", instant, nullable=True),
        sa.Column("blocked_until", instant, nullable=True),
        sa.Column("last_success_at", instant, nullable=True),
        sa.Column("last_failure_at", instant, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("served_at", instant, nullable=False),
        sa.CheckConstraint("ordering IN ('claim', 'none')", name=op.f("ck_webhooks_ordering")),
        sa.CheckConstraint(
            "state IN ('active', 'paused', 'disabled')", name=op.f("ck_webhooks_state")
        ),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_webhooks_claim_claims")),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.slug"], name=op.f("fk_webhooks_story_stories")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(
        op.f("ix_webhooks_created_at_id"), "webhooks", ["created_at", "id"], unique=False
    )

    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("message", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("replay", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("visible_at", instant, nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("first_tried_at", instant, nullable=True),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("settled_at", instant, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'dead')", name=op.f("ck_webhook_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["message"],
            ["webhook_messages.id"],
            name=op.f("fk_webhook_deliveries_message_webhook_messages"),
        ),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_webhooks")
        ),
        sa.PrimaryKeyConstraint("webhook", "message", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook", "visible_at", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_webhook_deliveries_in_flight",
        "webhook_deliveries",
        ["webhook", "visible_at"],
        unique=False,
        sqlite_where=sa.text("lease IS NOT NULL"),
        postgresql_where=sa.text("lease IS NOT NULL"),
    )
    op.create_index(
        "ix_webhook_deliveries_lane",
        "webhook_deliveries",
        ["webhook", "claim", "replay", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_webhook_deliveries_leased",
        "webhook_deliveries",
        ["lease"],
        unique=True,
        sqlite_where=sa.text("lease IS NOT NULL"),
        postgresql_where=sa.text("lease IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_message"), "webhook_deliveries", ["message"], unique=False
    )
    op.create_index(
        op.f("ix_webhook_deliveries_state_settled_at"),
        "webhook_deliveries",
        ["state", "settled_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_created_at_position_message"),
        "webhook_deliveries",
        ["webhook", "created_at", "position", "message"],
        unique=False,
    )

    op.create_table(
        "webhook_parties",
        sa.Column("webhook", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["party"], ["parties.slug"], name=op.f("fk_webhook_parties_party_parties")
        ),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhooks.id"], name=op.f("fk_webhook_parties_webhook_webhooks")
        ),
        sa.PrimaryKeyConstraint("webhook", "party", name=op.f("pk_webhook_parties")),
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("webhook", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("message", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("response_headers", sa.Text(), nullable=False),
        sa.Column("response_body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook", "message"],
            ["webhook_deliveries.webhook", "webhook_deliveries.message"],
            name=op.f("fk_webhook_attempts_webhook_message_webhook_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("webhook", "message", "number", name=op.f("pk_webhook_attempts")),
    )


def downgrade() -> None:
    op.drop_table("webhook_attempts")
    op.drop_table("webhook_parties")
    op.drop_index(
        op.f("ix_webhook_deliveries_webhook_created_at_position_message"),
        table_name="webhook_deliveries",
    )
    op.drop_index(op.f("ix_webhook_deliveries_state_settled_at"), table_name="webhook_deliveries")
    op.drop_index(op.f("ix_webhook_deliveries_message"), table_name="webhook_deliveries")
    op.drop_index(
        "ix_webhook_deliveries_leased",
        table_name="webhook_deliveries",
        sqlite_where=sa.text("lease IS NOT NULL"),
        postgresql_where=sa.text("lease IS NOT NULL"),
    )
    op.drop_index(
        "ix_webhook_deliveries_lane",
        table_name="webhook_deliveries",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(
        "ix_webhook_deliveries_in_flight",
        table_name="webhook_deliveries",
        sqlite_where=sa.text("lease IS NOT NULL"),
        postgresql_where=sa.text("lease IS NOT NULL"),
    )
    op.drop_index(
        "ix_webhook_deliveries_due",
        table_name="webhook_deliveries",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )

    op.drop_table("webhook_deliveries")
    op.drop_index(op.f("ix_webhooks_created_at_id"), table_name="webhooks")

    op.drop_table("webhooks")
    op.drop_table("webhook_messages")
