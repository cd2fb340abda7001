"""parties, speakers and sources that are one may be merged"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.add_column("parties", sa.Column("merged_name", sa.String(120), nullable=True))
    op.add_column("speakers", sa.Column("merged_into", identifier, nullable=True))
    op.add_column("speakers", sa.Column("merged_name", sa.String(200), nullable=True))
    op.add_column("speakers", sa.Column("merged_role", sa.String(200), nullable=True))
    op.add_column("sources", sa.Column("merged_into", identifier, nullable=True))
    with op.batch_alter_table("parties") as parties:
        parties.add_column(sa.Column("merged_into", sa.String(64), nullable=True))
        parties.create_foreign_key(
            op.f("fk_parties_merged_into_parties"), "parties", ["merged_into"], ["slug"]
        )
    _restore_from_record()


def downgrade() -> None:
    """What is merged keeps the name and the place that it was given."""
    with op.batch_alter_table("parties") as parties:
        parties.drop_constraint(op.f("fk_parties_merged_into_parties"), type_="foreignkey")
        parties.drop_column("merged_into")
        parties.drop_column("merged_name")
    for name in ("merged_into", "merged_name", "merged_role"):
        op.drop_column("speakers", name)
    op.drop_column("sources", "merged_into")


TABLES = {
    "party": ("parties", "slug", ("merged_into", "merged_name")),
    "speaker": ("speakers", "id", ("merged_into", "merged_name", "merged_role")),
    "source": ("sources", "id", ("merged_into",)),
}
TYPES = [f"{kind}.{act}" for kind in TABLES for act in ("merged", "separated")]


def _restore_from_record() -> None:
    """Give rows what a downgrade took from them.

    A desk that has never had this schema has no such events.
    """
    events = sa.table("events", *(sa.column(n) for n in ("seq", "kind", "type", "subject", "data")))
    told = sa.select(events).where(events.c.type.in_(TYPES)).order_by(events.c.seq)
    for line in op.get_bind().execute(told).all():
        table, key, names = TABLES[line.kind]
        rows = sa.table(
            table,
            *(
                sa.column(name, identifier if name == "id" or _is_id(table, name) else None)
                for name in (key, *names)
            ),
        )
        data = json.loads(line.data)
        op.execute(
            rows.update()
            .where(rows.c[key] == line.subject)
            .values({name: data[name] for name in names})
        )


def _is_id(table: str, name: str) -> bool:
    return name == "merged_into" and table != "parties"
