"""events know their claim's story, and are found by story and by type"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A claim's story never changes, so what is filled in here is what was so when each line was
# written, and the record says it in `claim.created`.  The table refuses every UPDATE: its guard
# steps aside for this one, inside the transaction, which holds the table locked.
FILL = """
UPDATE events SET story = (SELECT claims.story FROM claims WHERE claims.id = events.claim)
WHERE claim IN (SELECT id FROM claims WHERE story IS NOT NULL)
"""
SQLITE_GUARD = """
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
"""


def upgrade() -> None:
    op.add_column("events", sa.Column("story", sa.String(length=64), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_no_update")
        op.execute(FILL)
        op.execute(SQLITE_GUARD)
    else:
        op.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
        op.execute(FILL)
        op.execute("ALTER TABLE events ENABLE TRIGGER events_append_only")
    op.create_index(op.f("ix_events_story_seq"), "events", ["story", "seq"], unique=False)
    op.create_index(op.f("ix_events_type_seq"), "events", ["type", "seq"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_events_type_seq"), table_name="events")
    op.drop_index(op.f("ix_events_story_seq"), table_name="events")
    op.drop_column("events", "story")
