"""the state of a claim keeps its first links only; each further one has a row of its own"""

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from service.search.index import indexing
from service.store import states

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

FIRST = 32
FURTHER = "further_links"
LONG = 8_000
"""Characters of a row that may be full: 4,000 names have more."""
identifier = sa.Uuid(as_uuid=False)

claims = sa.table("claims", sa.column("id", identifier), sa.column("state", sa.Text))
state_links = sa.table(
    "state_links",
    sa.column("claim", identifier),
    sa.column("place", sa.Integer),
    sa.column("state", sa.Text),
)
claim_search = sa.table("claim_search", sa.column("claim", identifier), sa.column("words"))
links = sa.table("links", sa.column("claim", identifier))


def upgrade() -> None:
    op.create_table(
        "state_links",
        sa.Column("claim", identifier, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name="fk_state_links_claim_claims"),
        sa.PrimaryKeyConstraint("claim", "place", name="pk_state_links"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    large = sa.select(links.c.claim).group_by(links.c.claim).having(sa.func.count() > FIRST)
    for claim in connection.scalars(large).all():
        state = _read(connection, claim)
        further = state["links"][FIRST:]
        if not further:
            continue
        connection.execute(
            sa.insert(state_links),
            [
                {"claim": claim, "place": place, "state": _write_out(link)}
                for place, link in enumerate(further, start=FIRST)
            ],
        )
        state["links"] = state["links"][:FIRST]
        _replace(connection, claim, state | {FURTHER: len(further)})
    _index_long_rows(connection)


def _index_long_rows(connection: sa.Connection) -> None:
    """Make the long rows of the search index again, which say from now on whether they are full.

    By the code that reads them, as 0004 makes all.
    """
    long = sa.func.length(sa.cast(claim_search.c.words, sa.Text)) > LONG
    for claim in connection.scalars(sa.select(claim_search.c.claim).where(long)).all():
        text = connection.scalar(sa.select(claims.c.state).where(claims.c.id == claim))
        indexing.renew(connection, [states.read_locked(connection, claim, text or "")])


def downgrade() -> None:
    connection = op.get_bind()
    for claim in connection.scalars(sa.select(state_links.c.claim).distinct()).all():
        state = _read(connection, claim)
        mine = sa.select(state_links.c.state).where(state_links.c.claim == claim)
        rows = connection.scalars(mine.order_by(state_links.c.place)).all()
        state["links"] += map(orjson.loads, rows)
        state.pop(FURTHER)
        _replace(connection, claim, state)
    op.drop_table("state_links")


def _read(connection: sa.Connection, claim: str) -> dict[str, Any]:
    text = connection.scalar(sa.select(claims.c.state).where(claims.c.id == claim))
    state: dict[str, Any] = orjson.loads(text or "")
    return state


def _replace(connection: sa.Connection, claim: str, state: dict[str, Any]) -> None:
    change = sa.update(claims).where(claims.c.id == claim)
    connection.execute(change.values(state=_write_out(state)))


def _write_out(shape: Any) -> str:
    return orjson.dumps(shape).decode()
