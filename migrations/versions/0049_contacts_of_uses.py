"""mail goes to whoever printed a claim, once they have confirmed their address"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("contact", identifier))
    op.create_table(
        "contact_addresses",
        sa.Column("id", identifier, nullable=False),
        sa.Column("address", sa.String(254)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("due_at", instant),
        sa.Column("asked_at", instant),
        sa.Column("answered_at", instant),
        sa.Column("channel", identifier),
        sa.CheckConstraint(
            "state IN ('waiting', 'asked', 'confirmed', 'stopped')",
            name=op.f("ck_contact_addresses_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_addresses")),
        sa.UniqueConstraint("digest", name=op.f("uq_contact_addresses_digest")),
    )
    op.create_index(
        op.f("ix_contact_addresses_recorded_by_due_at"),
        "contact_addresses",
        ["recorded_by", "due_at"],
    )
    op.create_index(op.f("ix_contact_addresses_due_at"), "contact_addresses", ["due_at"])
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_contact_addresses_waiting",
        "contact_addresses",
        ["due_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "use_contacts",
        sa.Column("use", identifier, nullable=False),
        sa.Column("contact", identifier, nullable=False),
        sa.Column("mailed_version", sa.Integer()),
        sa.ForeignKeyConstraint(["use"], ["uses.id"], name=op.f("fk_use_contacts_use_uses")),
        sa.ForeignKeyConstraint(
            ["contact"],
            ["contact_addresses.id"],
            name=op.f("fk_use_contacts_contact_contact_addresses"),
        ),
        sa.PrimaryKeyConstraint("use", name=op.f("pk_use_contacts")),
    )
    op.create_index(op.f("ix_use_contacts_contact"), "use_contacts", ["contact"])


def downgrade() -> None:
    """The addresses are lost, with what waits to be sent to them."""
    endpoints = sa.table("webhooks", sa.column("id"), sa.column("contact"))
    own = sa.select(endpoints.c.id).where(endpoints.c.contact.is_not(None)).scalar_subquery()
    for name in ("webhook_attempts", "webhook_deliveries"):
        table = sa.table(name, sa.column("webhook"))
        op.execute(sa.delete(table).where(table.c.webhook.in_(own)))
    op.execute(sa.delete(endpoints).where(endpoints.c.contact.is_not(None)))
    op.drop_table("use_contacts")
    op.drop_table("contact_addresses")
    op.drop_column("webhooks", "contact")
