"""search"""

import sqlalchemy as sa
from alembic import op

from service.search.index import fulltext, indexing
from service.store.types import Sequence

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    dialect = connection.dialect.name
    for name, of, more in (
        ("claim_search", "claim", [sa.Column("former", sa.Text(), nullable=False)]),
        ("statement_search", "statement", []),
    ):
        op.create_table(
            name,
            sa.Column("number", Sequence, autoincrement=True, nullable=False),
            sa.Column(of, sa.Uuid(as_uuid=False), nullable=False),
            sa.Column("words", fulltext.Words(), nullable=False),
            *more,
            sa.ForeignKeyConstraint([of], [f"{of}s.id"], name=op.f(f"fk_{name}_{of}_{of}s")),
            sa.PrimaryKeyConstraint("number", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(of, name=op.f(f"uq_{name}_{of}")),
        )
    for statement in fulltext.schema(dialect):
        op.execute(statement)
    # What is recorded already is found from now on too.
    indexing.rebuild(connection)
    if dialect == "postgresql":
        for statement in fulltext.gin():
            op.execute(statement)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, index in fulltext.INDEXES.items():
        if sqlite:
            op.execute(f"DROP TABLE {index}")
        op.drop_table(name)
    if not sqlite:
        op.execute("DROP FUNCTION claimdesk_stretches()")
