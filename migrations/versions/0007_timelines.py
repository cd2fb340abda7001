"""when the world heard what an event tells of, and a story's events by either clock"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# As in 0003 the guard steps aside while a column is filled that no hash covers; what it says
# stands in the line's own data.  SQLite keeps instants as text of one width.
SQLITE_FILL = """
UPDATE events SET said_at = (
  SELECT substr(told, 1, 19) || iif(length(told) = 20, '.000000Z', substr(told, 20))
  FROM (SELECT json_extract(
    data, iif(type = 'claim.created', '$.claimed_at', '$.link.said_at')
  ) AS told)
) WHERE type IN ('claim.created', 'link.created')
"""
POSTGRESQL_FILL = """
UPDATE events SET said_at = CAST(CASE type
  WHEN 'claim.created' THEN CAST(data AS json) ->> 'claimed_at'
  ELSE CAST(data AS json) -> 'link' ->> 'said_at'
END AS timestamptz) WHERE type IN ('claim.created', 'link.created')
"""
SQLITE_GUARD = """
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
"""
INDEXES = (
    ("ix_events_story_recorded", "recorded_at", "story IS NOT NULL"),
    ("ix_events_story_said", "said_at", "said_at IS NOT NULL"),
)


def upgrade() -> None:
    op.add_column("events", sa.Column("said_at", instant, nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_no_update")
        op.execute(SQLITE_FILL)
        op.execute(SQLITE_GUARD)
    else:
        op.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
        op.execute(POSTGRESQL_FILL)
        op.execute("ALTER TABLE events ENABLE TRIGGER events_append_only")
    for name, clock, where in INDEXES:
        op.create_index(
            name,
            "events",
            ["story", clock, "seq"],
            unique=False,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(name, table_name="events")
    op.drop_column("events", "said_at")
