"""decisions have a kind and may lapse; withdrawals say when the world heard of them

A proposal keeps what printed when it was made.  Those that wait already do not: an approval reads
it from the record, so nothing is invented for them here.
"""

import json

import sqlalchemy as sa
from alembic import op

from service.store.types import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATES = "'pending', 'approved', 'rejected', 'withdrawn', 'superseded'"
NEW = {"kind": "status", "change": None, "seen": None, "prints": None}
"""What the stored state of a waiting proposal says beside what it said before."""


def upgrade() -> None:
    op.add_column("statements", sa.Column("withdrawal_said_at", Instant(), nullable=True))
    op.add_column("statements", sa.Column("withdrawal_precision", sa.String(16), nullable=True))
    with op.batch_alter_table("decisions") as decisions:
        decisions.add_column(
            sa.Column("kind", sa.String(16), nullable=False, server_default="status")
        )
        decisions.drop_constraint(op.f("ck_decisions_state"), type_="check")
        decisions.create_check_constraint(
            op.f("ck_decisions_state"), f"state IN ({STATES}, 'lapsed')"
        )
    _rewrite_waiting(lambda waiting: {**_source(waiting, True), **NEW})


def downgrade() -> None:
    """Proposals of other kinds than a change of status, and those that lapsed, cannot be said in
    the former schema: their rows go, and the record keeps them."""
    _rewrite_waiting(
        lambda waiting: (
            {k: v for k, v in _source(waiting, False).items() if k not in NEW}
            if waiting["kind"] == "status"
            else None
        )
    )
    op.execute("UPDATE decisions SET state = 'superseded' WHERE state = 'lapsed'")
    op.execute("DELETE FROM decisions WHERE kind <> 'status'")
    with op.batch_alter_table("decisions") as decisions:
        decisions.drop_constraint(op.f("ck_decisions_state"), type_="check")
        decisions.create_check_constraint(op.f("ck_decisions_state"), f"state IN ({STATES})")
        decisions.drop_column("kind")
    with op.batch_alter_table("statements") as statements:
        statements.drop_column("withdrawal_precision")
        statements.drop_column("withdrawal_said_at")


def _source(waiting, kept):
    """The proposal with, or without, the source that an override may rest on."""
    override = waiting["override"]
    if override is None:
        return waiting
    named = {"code": override["code"], "note": override["note"]}
    return {**waiting, "override": {**named, "source": None} if kept else named}


def _rewrite_waiting(change) -> None:
    claims = sa.table("claims", sa.column("id"), sa.column("state"), sa.column("pending"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(claims).where(claims.c.pending == sa.true())).all():
        state = json.loads(row.state)
        state["pending"] = change(state["pending"])
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
        connection.execute(
            sa.update(claims)
            .where(claims.c.id == row.id)
            .values(state=text, pending=state["pending"] is not None)
        )
