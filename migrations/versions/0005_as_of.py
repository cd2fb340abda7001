"""what held at an instant: of a claim without its history, of the tree of parties at all"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "party_versions",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant, nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["slug"], ["parties.slug"], name=op.f("fk_party_versions_slug_parties")
        ),
        sa.PrimaryKeyConstraint("slug", "recorded_at", name=op.f("pk_party_versions")),
    )
    op.create_index(op.f("ix_party_versions_parent"), "party_versions", ["parent"], unique=False)
    # How the tree was before today nobody wrote down: as it is stands for what it was.
    op.execute(
        "INSERT INTO party_versions (slug, recorded_at, name, parent, root) "
        "SELECT slug, created_at, name, parent, root FROM parties"
    )
    # What held for no time answers no question, and the new key has no place for it.
    op.execute("DELETE FROM claim_versions WHERE superseded_at <= recorded_at")
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("claim_versions", sa.Column("part_of", sa.Uuid(as_uuid=False)))
        op.execute(
            "UPDATE claim_versions SET part_of = CAST(CAST(document AS json) ->> 'part_of' AS uuid) "
            "WHERE CAST(document AS json) ->> 'part_of' IS NOT NULL"
        )
        op.drop_constraint("pk_claim_versions", "claim_versions")
        op.create_primary_key("pk_claim_versions", "claim_versions", ["claim", "superseded_at"])
    else:
        _replace_on_sqlite(
            [sa.Column("part_of", sa.Uuid(as_uuid=False))],
            ["claim", "superseded_at"],
            "INSERT INTO claim_versions_new (claim, version, recorded_at, superseded_at, status, "
            "lifecycle, agrees, part_of, assignee, document) "
            "SELECT claim, version, recorded_at, superseded_at, status, lifecycle, agrees, "
            "replace(json_extract(document, '$.part_of'), '-', ''), assignee, document "
            "FROM claim_versions",
        )
    where = sa.text("part_of IS NOT NULL")
    op.create_index(
        "ix_claim_versions_part_of",
        "claim_versions",
        ["part_of", "recorded_at", "claim"],
        unique=False,
        sqlite_where=where,
        postgresql_where=where,
    )


def _replace_on_sqlite(added: list[sa.Column[object]], key: list[str], copy: str) -> None:
    """A table without rowid *is* its primary key: another key is another table."""
    op.create_table(
        "claim_versions_new",
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant, nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("lifecycle", sa.String(length=16), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        *added,
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim"], ["claims.id"], name=op.f("fk_claim_versions_claim_claims")
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_claim_versions")),
        sqlite_with_rowid=False,
    )
    op.execute(copy)
    op.drop_table("claim_versions")
    op.rename_table("claim_versions_new", "claim_versions")
    op.create_index(
        op.f("ix_claim_versions_recorded_at_claim"), "claim_versions", ["recorded_at", "claim"]
    )
    op.create_index(
        op.f("ix_claim_versions_status_recorded_at_claim"),
        "claim_versions",
        ["status", "recorded_at", "claim"],
    )


def downgrade() -> None:
    op.drop_index("ix_claim_versions_part_of", table_name="claim_versions")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_claim_versions", "claim_versions")
        op.create_primary_key("pk_claim_versions", "claim_versions", ["claim", "version"])
        op.drop_column("claim_versions", "part_of")
    else:
        _replace_on_sqlite(
            [],
            ["claim", "version"],
            "INSERT INTO claim_versions_new (claim, version, recorded_at, superseded_at, status, "
            "lifecycle, agrees, assignee, document) "
            "SELECT claim, version, recorded_at, superseded_at, status, lifecycle, agrees, "
            "assignee, document FROM claim_versions",
        )
    op.drop_index(op.f("ix_party_versions_parent"), table_name="party_versions")
    op.drop_table("party_versions")
