"""lists are in the order of the ends of the days and hours that are known"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SPANS = {
    "year": "1 year",
    "month": "1 month",
    "day": "86400 seconds",
    "hour": "3600 seconds",
    "minute": "60 seconds",
    "second": "1 seconds",
}
"""How long what is known lasts; a downgrade may have left months and years, which came later."""
LAST = "9999-12-31T23:59:59.999999Z"
"""SQLite has no later instant, and neither has Python."""
INDEXES = (
    ("statements", "ix_statements_said_at_id", ["said_at", "id"]),
    ("statements", "ix_statements_party_said_at_id", ["party", "said_at", "id"]),
    ("claims", "ix_claims_claimed_at_id", ["claimed_at", "id"]),
)
STORY_SAID = "ix_events_story_said"

moments = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("statements", "claims", "events"):
        op.add_column(table, sa.Column(_column(table), moments, nullable=True))
    op.execute(_fill("statements", "precision", sqlite))
    op.execute(_fill("claims", "precision", sqlite))
    _fill_events(sqlite)
    for table in ("statements", "claims"):
        with op.batch_alter_table(table) as altered:
            altered.alter_column(_column(table), existing_type=moments, nullable=False)
    for table, name, columns in INDEXES:
        op.drop_index(name, table_name=table)
        op.create_index(_ending(name), table, [_ending(column) for column in columns])
    _index_events("said_end")


def downgrade() -> None:
    _index_events("said_at")
    for table, name, columns in INDEXES:
        op.drop_index(_ending(name), table_name=table)
        op.create_index(name, table, columns)
    for table in ("statements", "claims", "events"):
        op.drop_column(table, _column(table))


def _column(table: str) -> str:
    return "claimed_end" if table == "claims" else "said_end"


def _ending(name: str) -> str:
    return name.replace("said_at", "said_end").replace("claimed_at", "claimed_end")


def _fill(table: str, precision: str, sqlite: bool, where: str = "") -> str:
    """The statement that gives each row the end of what its instant stands for."""
    column = _column(table)
    begin = column.replace("_end", "_at")
    if sqlite:
        # Instants are text of one width; what is less than a second stays as it is.
        after = " ".join(f"WHEN '{name}' THEN '+{span}'" for name, span in SPANS.items())
        moved = (
            f"strftime('%Y-%m-%dT%H:%M:%S', substr({begin}, 1, 19), CASE {precision} {after} END)"
        )
        end = f"coalesce({moved} || substr({begin}, 20), '{LAST}')"
    else:
        after = " ".join(f"WHEN '{name}' THEN interval '{span}'" for name, span in SPANS.items())
        end = f"least({begin} + (CASE {precision} {after} END), '{LAST}')"
    return f"UPDATE {table} SET {column} = {end} {where}"  # noqa: S608 -- names of this file


def _fill_events(sqlite: bool) -> None:
    """The record's guard steps aside while a column is filled that no hash covers: what it says
    stands in the line's own data."""
    told = "WHERE said_at IS NOT NULL"
    if sqlite:
        connection = op.get_bind()
        guard = connection.scalar(
            sa.text("SELECT sql FROM sqlite_master WHERE name = 'events_no_update'")
        )
        op.execute("DROP TRIGGER events_no_update")
        precision = (
            "CASE WHEN json_valid(data) THEN json_extract(data, "
            "iif(type = 'claim.created', '$.precision', '$.link.precision')) END"
        )
        op.execute(_fill("events", f"({precision})", sqlite, told))
        op.execute(guard)
        return
    op.execute("ALTER TABLE events DISABLE TRIGGER USER")
    # The data is canonical JSON: within a text its quotation marks would be escaped.
    precision = """substring(data from '"precision":"(year|month|day|hour|minute|second)"')"""
    op.execute(_fill("events", precision, sqlite, told))
    op.execute("ALTER TABLE events ENABLE TRIGGER USER")


def _index_events(clock: str) -> None:
    where = sa.text(f"{clock} IS NOT NULL")
    op.drop_index(STORY_SAID, table_name="events")
    op.create_index(
        STORY_SAID,
        "events",
        ["story", clock, "seq"],
        unique=False,
        sqlite_where=where,
        postgresql_where=where,
    )
