"""claims recorded by mistake are void"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

FORMER = "'active', 'withdrawn', 'merged'"
LATER = f"{FORMER}, 'void'"


def upgrade() -> None:
    _allow(FORMER, LATER)
    void = sa.text("lifecycle = 'void'")
    op.create_index(
        "ix_claims_void", "claims", ["changed_at", "id"], sqlite_where=void, postgresql_where=void
    )
    _turn("withdrawn", "void")


def downgrade() -> None:
    """A void claim becomes a withdrawn one: the release of before knows nothing nearer.  Its state
    keeps what it is, and an upgrade reads it there."""
    op.drop_index("ix_claims_void", table_name="claims")
    _turn("void", "withdrawn")
    _allow(LATER, FORMER)


def _turn(before: str, after: str) -> None:
    rows = sa.table("claims", sa.column("lifecycle"), sa.column("state"))
    void = rows.c.state.contains('"lifecycle":"void"')
    op.execute(rows.update().where(rows.c.lifecycle == before, void).values(lifecycle=after))


def _allow(before: str, after: str) -> None:
    """Let `lifecycle` have other values, without writing a desk's claims anew.

    SQLite has no statement for that; its documentation says to change a CHECK in the schema itself
    ("Making Other Kinds Of Table Schema Changes").
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_claims_lifecycle"), "claims", type_="check")
        op.create_check_constraint(op.f("ck_claims_lifecycle"), "claims", f"lifecycle IN ({after})")
        return
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'claims'"
        " AND instr(sql, ?) > 0",
        (f"lifecycle IN ({before})", f"lifecycle IN ({after})", f"lifecycle IN ({before})"),
    )
    if changed.rowcount != 1:
        raise RuntimeError("the table of claims does not say which lifecycles there are")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
