"""the state of a claim keeps its first links only; each further one has a row of its own"""

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

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
links = sa.table(
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
    """Make the long rows of the search index again, which say from now on whether they are full."""
    search = op.get_context().script.get_revision("0004").module
    index, quotes = search.claim_search, search.quotes
    long = sa.func.length(sa.cast(index.c.words, sa.Text)) > LONG
    rows = connection.execute(sa.select(index.c.claim, index.c.former).where(long)).all()
    full_names = search.read_full_names(connection) if rows else {}
    for claim, former in rows:
        state = _read_whole(connection, claim)
        spoken = [state["origin_statement"], *(link["statement"] for link in state["links"])]
        said: dict[str, Any] = {}
        for first in range(0, len(spoken), search.BATCH):
            some = quotes.c.statement.in_(spoken[first : first + search.BATCH])
            said |= search.read_quotes(connection, some)
        row = search.make_claim_row(connection, state, said, full_names, set(former.split()))
        change = sa.update(index).where(index.c.claim == claim)
        connection.execute(change.values(words=row["words"], former=row["former"]))


def downgrade() -> None:
    connection = op.get_bind()
    for claim in connection.scalars(sa.select(state_links.c.claim).distinct()).all():
        state = _read_whole(connection, claim)
        state.pop(FURTHER)
        _replace(connection, claim, state)
    op.drop_table("state_links")


def _read_whole(connection: sa.Connection, claim: str) -> dict[str, Any]:
    state = _read(connection, claim)
    mine = sa.select(state_links.c.state).where(state_links.c.claim == claim)
    rows = connection.scalars(mine.order_by(state_links.c.place)).all()
    state["links"] += map(orjson.loads, rows)
    return state


def _read(connection: sa.Connection, claim: str) -> dict[str, Any]:
    text = connection.scalar(sa.select(claims.c.state).where(claims.c.id == claim))
    state: dict[str, Any] = orjson.loads(text or "")
    return state


def _replace(connection: sa.Connection, claim: str, state: dict[str, Any]) -> None:
    change = sa.update(claims).where(claims.c.id == claim)
    connection.execute(change.values(state=_write_out(state)))


def _write_out(shape: Any) -> str:
    return orjson.dumps(shape).decode()
