"""search keeps the names and quotes that it shows; more apostrophes are one

The rows of the search index are written anew by `claimdesk db upgrade`, once the schema is here.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

FURTHER = dict.fromkeys(map(ord, "‛ʻʾʿ＇"))
"""Apostrophes that are left out of names from here on, like those of 0021."""
BATCH = 1000


def upgrade() -> None:
    op.add_column("claim_search", sa.Column("fields", sa.Text(), nullable=False, server_default=""))
    _set_version()
    _fold_names()


def _set_version() -> None:
    """Say of which version the index is: where it has rows, they are older than any."""
    op.execute("DELETE FROM installation WHERE name = 'search_index'")
    rows = "SELECT 1 FROM claim_search UNION ALL SELECT 1 FROM statement_search LIMIT 1"
    if op.get_bind().execute(sa.text(rows)).first() is None:
        version = sa.text("INSERT INTO installation (name, value) VALUES ('search_index', :value)")
        op.get_bind().execute(version, {"value": '{"version":2,"table":null,"until":null}'})


def _fold_names() -> None:
    """Find speakers by their names without these apostrophes as well."""
    connection = op.get_bind()
    earlier = op.get_context().script.get_revision("0021").module
    key = "CAST(id AS VARCHAR(36))"
    folded = connection.execute(sa.text("SELECT party, folded_name, folded_role FROM speakers"))
    taken = {tuple(row) for row in folded}
    query = f"SELECT {key}, party, name, role FROM speakers ORDER BY created_at, id"  # noqa: S608
    changes = []
    for speaker, party, name, role in connection.execute(sa.text(query)).all():
        now = [earlier.fold_spelling(text.translate(FURTHER)) for text in (name, role or "")]
        was = [earlier.fold_spelling(text) for text in (name, role or "")]
        if now == was:
            continue
        if (party, *now) in taken:
            # Two spellings of one name: both stay, and new statements find the other speaker.
            now[0] = f"{now[0]}\n{earlier.spelled(speaker)}"
        taken.add((party, *now))
        changes.append({"key": speaker, "name": now[0], "role": now[1]})
    change = sa.text(
        f"UPDATE speakers SET folded_name = :name, folded_role = :role WHERE {key} = :key"  # noqa: S608
    )
    for first in range(0, len(changes), BATCH):
        connection.execute(change, changes[first : first + BATCH])


def downgrade() -> None:
    op.drop_column("claim_search", "fields")
