"""endpoints are narrowed by statuses, kinds, tags, languages and severity, and may get no quotes"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)
LISTS = ("tags", "languages")
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
    _restore_filters()


def _restore_filters() -> None:
    """Give endpoints back the filters that the record has, where a downgrade took them."""
    connection = op.get_bind()
    events = sa.table(
        "events", sa.column("kind"), sa.column("subject"), sa.column("number"), sa.column("data")
    )
    endpoints = sa.table("webhooks", sa.column("id", identifier), sa.column("quotes", sa.Boolean))
    for name in COLUMNS:
        endpoints.append_column(sa.column(name))
    filters = sa.table(
        "webhook_filters", sa.column("webhook", identifier), sa.column("name"), sa.column("value")
    )
    known = set(connection.scalars(sa.select(endpoints.c.id)))
    chosen: dict[str, dict[str, object]] = {}
    for line in connection.execute(
        sa.select(events.c.subject, events.c.data)
        .where(events.c.kind == "webhook")
        .order_by(events.c.subject, events.c.number)
    ):
        data = json.loads(line.data)
        stated = {name: data[name] for name in (*COLUMNS, "quotes", *LISTS) if name in data}
        if stated and line.subject in known:
            chosen.setdefault(line.subject, {}).update(stated)
    for webhook, stated in chosen.items():
        values = {name: value for name, value in stated.items() if name not in LISTS}
        if values:
            connection.execute(sa.update(endpoints).where(endpoints.c.id == webhook).values(values))
        for name in LISTS:
            for value in stated.get(name) or ():
                row = {"webhook": webhook, "name": name, "value": value}
                connection.execute(sa.insert(filters).values(row))


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
