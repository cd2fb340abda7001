"""links and statements may be void, and a retraction or a withdrawal may end"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
ENDED = {"links": "retraction_ended_at", "statements": "withdrawal_ended_at"}


def upgrade() -> None:
    for table, ended in ENDED.items():
        for name, kind in (
            (ended, instant),
            ("voided_at", instant),
            ("void_reason", sa.Text),
            ("void_ended_at", instant),
        ):
            op.add_column(table, sa.Column(name, kind, nullable=True))
    _restore_from_record()


def downgrade() -> None:
    """The record keeps what the former schema cannot say."""
    for table, ended in ENDED.items():
        for name in (ended, "voided_at", "void_reason", "void_ended_at"):
            op.drop_column(table, name)


TYPES = ("link.voided", "link.restored", "claim.released", "statement.voided", "statement.restored")
BEGAN = {"retraction_ended_at": "retracted_at", "withdrawal_ended_at": "withdrawn_at"}


def _restore_from_record() -> None:
    """Give rows what a downgrade took from them.

    A desk that has never had this schema has no such events.
    """
    events = sa.table(
        "events",
        *(sa.column(name) for name in ("seq", "type", "subject", "data")),
        sa.column("recorded_at", instant),
    )
    told = sa.select(events).where(events.c.type.in_(TYPES)).order_by(events.c.seq)
    for line in op.get_bind().execute(told).all():
        kind, _, act = line.type.partition(".")
        data = json.loads(line.data)
        if kind == "claim":
            for link in data["restored"]:
                _end("links", link, "retraction_ended_at", line.recorded_at)
        elif kind == "statement" and line.subject is None:
            continue  # the claims' own lines of what the statement's line says
        else:
            table, key = ("links", data["link"]) if kind == "link" else ("statements", line.subject)
            if act == "restored":
                _end(table, key, f"{data['undoes']}_ended_at", line.recorded_at)
                continue
            rows = _describe(table)
            op.execute(
                rows.update()
                .where(rows.c.id == key)
                .values(voided_at=line.recorded_at, void_reason=data["reason"], void_ended_at=None)
            )


def _end(table: str, key: str, ended: str, moment: object) -> None:
    rows = _describe(table)
    began = rows.c[BEGAN.get(ended, "voided_at")]
    op.execute(rows.update().where(rows.c.id == key, began <= moment).values({ended: moment}))


def _describe(table: str) -> sa.TableClause:
    ended = ENDED[table]
    return sa.table(
        table,
        sa.column("id", sa.Uuid(as_uuid=False)),
        sa.column("void_reason"),
        *(sa.column(name, instant) for name in ("voided_at", "void_ended_at", ended, BEGAN[ended])),
    )
