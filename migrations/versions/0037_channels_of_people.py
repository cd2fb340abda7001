"""an endpoint may be a person's own channel"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.add_column(sa.Column("owner", identifier, nullable=True))
        webhooks.create_foreign_key(op.f("fk_webhooks_owner_users"), "users", ["owner"], ["id"])
        webhooks.create_index(op.f("ix_webhooks_owner"), ["owner"])


def downgrade() -> None:
    """People's channels are lost: the release of before would send them every event."""
    webhook, owner = sa.column("webhook"), sa.column("owner")
    endpoints = sa.table("webhooks", sa.column("id"), owner)
    owned = sa.select(endpoints.c.id).where(owner.is_not(None))
    for table in ("webhook_attempts", "webhook_deliveries"):
        op.execute(sa.delete(sa.table(table, webhook)).where(webhook.in_(owned)))
    op.execute(sa.delete(endpoints).where(owner.is_not(None)))
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.drop_index(op.f("ix_webhooks_owner"))
        webhooks.drop_constraint(op.f("fk_webhooks_owner_users"), type_="foreignkey")
        webhooks.drop_column("owner")
