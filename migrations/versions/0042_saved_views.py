"""people and the desk save views of the board"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", identifier, nullable=False),
        sa.Column("user", identifier, nullable=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_saved_views_user_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("user", "name", name=op.f("uq_saved_views_user_name")),
    )
    of_desk = sa.text('"user" IS NULL')
    op.create_index(
        "uq_saved_views_of_desk",
        "saved_views",
        ["name"],
        unique=True,
        sqlite_where=of_desk,
        postgresql_where=of_desk,
    )


def downgrade() -> None:
    """What people saved is lost: it is no part of the record."""
    op.drop_table("saved_views")
