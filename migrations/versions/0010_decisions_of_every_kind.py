"""decisions have a kind and may lapse; withdrawals say when the world heard of them

A proposal keeps what printed when it was made.  Those that wait already do not: an approval reads
it from the record, so nothing is invented for them here.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)
instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

STATES = "'pending', 'approved', 'rejected', 'withdrawn', 'superseded'"
NEW = {"kind": "status", "change": None, "seen": None, "prints": None}
"""What the stored state of a waiting proposal says beside what it said before."""


def upgrade() -> None:
    op.add_column("statements", sa.Column("withdrawal_said_at", instant, nullable=True))
    op.add_column("statements", sa.Column("withdrawal_precision", sa.String(16), nullable=True))
    with op.batch_alter_table("decisions") as decisions:
        decisions.add_column(
            sa.Column("kind", sa.String(16), nullable=False, server_default="status")
        )
        decisions.drop_constraint(op.f("ck_decisions_state"), type_="check")
        decisions.create_check_constraint(
            op.f("ck_decisions_state"), f"state IN ({STATES}, 'lapsed')"
        )
    _rewrite_waiting()
    _restore_from_record()


def downgrade() -> None:
    """The record keeps what the former schema cannot say: the kinds of decisions and that some
    lapsed.  An upgrade reads it there."""
    op.execute("UPDATE decisions SET state = 'superseded' WHERE state = 'lapsed'")
    with op.batch_alter_table("decisions") as decisions:
        decisions.drop_constraint(op.f("ck_decisions_state"), type_="check")
        decisions.create_check_constraint(op.f("ck_decisions_state"), f"state IN ({STATES})")
        decisions.drop_column("kind")
    with op.batch_alter_table("statements") as statements:
        statements.drop_column("withdrawal_precision")
        statements.drop_column("withdrawal_said_at")


def _rewrite_waiting() -> None:
    """Give the stored state of each claim with a waiting proposal what a proposal says now."""
    claims = sa.table(
        "claims", sa.column("id", identifier), sa.column("state"), sa.column("pending", sa.Boolean)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(claims).where(claims.c.pending == sa.true())).all():
        state = json.loads(row.state)
        if "kind" in state["pending"]:
            continue
        override = state["pending"]["override"]
        if override is not None:
            override["source"] = None
        state["pending"] |= NEW
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(claims).where(claims.c.id == row.id).values(state=text))


def _restore_from_record() -> None:
    """Read from the record what a downgrade left out.  There is nothing of it on a desk that comes
    from the release before."""
    events = sa.table("events", sa.column("type"), sa.column("data"))
    decisions = sa.table(
        "decisions", sa.column("id", identifier), sa.column("kind"), sa.column("state")
    )
    connection = op.get_bind()

    def read(kind):
        found = connection.execute(sa.select(events.c.data).where(events.c.type == kind))
        return [json.loads(data) for data in found.scalars().all()]

    for data in read("decision.proposed"):
        if data.get("kind", "status") != "status":
            mine = decisions.c.id == data["id"]
            connection.execute(sa.update(decisions).where(mine).values(kind=data["kind"]))
    for data in read("decision.lapsed"):
        mine = decisions.c.id == data["decision"]
        connection.execute(sa.update(decisions).where(mine).values(state="lapsed"))
