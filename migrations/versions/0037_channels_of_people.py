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
    endpoints = sa.table("webhooks", sa.column("id"), sa.column("owner"))
    owned = sa.select(endpoints.c.id).where(endpoints.c.owner.is_not(None))
    for name in ("webhook_attempts", "webhook_deliveries"):
        table = sa.table(name, sa.column("webhook"))
        op.execute(sa.delete(table).where(table.c.webhook.in_(owned)))
    op.execute(sa.delete(endpoints).where(endpoints.c.owner.is_not(None)))
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.drop_index(op.f("ix_webhooks_owner"))
        webhooks.drop_constraint(op.f("fk_webhooks_owner_users"), type_="foreignkey")
        webhooks.drop_column("owner")
