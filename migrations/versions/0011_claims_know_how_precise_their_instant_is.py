"""claims know how precise their instant is: what is of a day is no midnight news"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    precision = sa.Column("precision", sa.String(16), nullable=False, server_default="day")
    op.add_column("claims", precision)
    if op.get_bind().dialect.name == "sqlite":
        said = "json_extract(document, '$.precision')"
    else:
        said = "document::json ->> 'precision'"
    op.execute(f"UPDATE claims SET precision = {said} WHERE {said} <> 'day'")  # noqa: S608


def downgrade() -> None:
    with op.batch_alter_table("claims") as claims:
        claims.drop_column("precision")
