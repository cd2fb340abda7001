"""former versions take a quarter of the room, and an index that none asks is gone

A row of a SQLite table without rowid that is longer than a quarter of a page goes on in a page of its
own. Those of `claim_versions` all are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)
instant = sa.String(27)
COLUMNS = (
    "claim, version, recorded_at, superseded_at, status, lifecycle, agrees, part_of, assignee, "
    "document"
)


def upgrade() -> None:
    # The unique index on statement and position answers what it did.
    op.drop_index("ix_quotes_statement", table_name="quotes")
    if op.get_bind().dialect.name == "sqlite":
        _replace_table(with_rowid=True)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _replace_table(with_rowid=False)
    op.create_index("ix_quotes_statement", "quotes", ["statement"])


def _replace_table(*, with_rowid: bool) -> None:
    op.create_table(
        "claim_versions_new",
        sa.Column("claim", identifier, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant, nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("part_of", identifier, nullable=True),
        sa.Column("assignee", sa.String(64), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim"], ["claims.id"], name=op.f("fk_claim_versions_claim_claims")
        ),
        sa.PrimaryKeyConstraint("claim", "superseded_at", name=op.f("pk_claim_versions")),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(
        f"INSERT INTO claim_versions_new ({COLUMNS}) "  # noqa: S608
        f"SELECT {COLUMNS} FROM claim_versions ORDER BY claim, superseded_at"
    )
    op.drop_table("claim_versions")
    op.rename_table("claim_versions_new", "claim_versions")
    for columns in (["recorded_at", "claim"], ["status", "recorded_at", "claim"]):
        name = f"ix_claim_versions_{'_'.join(columns)}"
        op.create_index(op.f(name), "claim_versions", columns)
    op.create_index(
        "ix_claim_versions_part_of",
        "claim_versions",
        ["part_of", "recorded_at", "claim"],
        sqlite_where=sa.text("part_of IS NOT NULL"),
    )
