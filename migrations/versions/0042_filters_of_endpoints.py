"""endpoints are narrowed by statuses, kinds, tags, languages and severity, and may get no quotes"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)
COLUMNS = ("status_from", "status_to", "kinds", "severity")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column(
            "webhooks", sa.Column(name, sa.String(200), nullable=False, server_default="")
        )
    op.add_column(
        "webhooks", sa.Column("quotes", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.create_table(
        "webhook_filters",
        sa.Column("webhook", identifier, nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", sa.String(100), nullable=False),
        sa.CheckConstraint("name IN ('tags', 'languages')", name=op.f("ck_webhook_filters_name")),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhooks.id"], name=op.f("fk_webhook_filters_webhook_webhooks")
        ),
        sa.PrimaryKeyConstraint("webhook", "name", "value", name=op.f("pk_webhook_filters")),
    )


def downgrade() -> None:
    """Nothing goes to endpoints that are narrowed: the release of before would send them more."""
    op.execute(
        "UPDATE webhooks SET state = 'disabled', state_reason = 'its filters need a newer release' "
        "WHERE status_from <> '' OR status_to <> '' OR kinds <> '' OR severity <> '' "
        "OR NOT quotes OR id IN (SELECT webhook FROM webhook_filters)"
    )
    op.drop_table("webhook_filters")
    with op.batch_alter_table("webhooks") as webhooks:
        for name in (*COLUMNS, "quotes"):
            webhooks.drop_column(name)
