"""notes reply to notes"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

identifier = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.add_column("notes", sa.Column("reply_to", identifier, nullable=True))
    _restore_from_record()


def downgrade() -> None:
    """The record keeps what the former schema cannot say."""
    op.drop_column("notes", "reply_to")


def _restore_from_record() -> None:
    """Give notes what a downgrade took from them; others have no such events."""
    events = sa.table("events", *(sa.column(name) for name in ("kind", "type", "subject", "data")))
    notes = sa.table("notes", sa.column("id", identifier), sa.column("reply_to", identifier))
    replies = sa.select(events.c.subject, events.c.data).where(
        events.c.kind == "note",
        events.c.type == "note.recorded",
        events.c.data.like('%"reply_to":%'),
    )
    for note, text in op.get_bind().execute(replies).all():
        thread = json.loads(text).get("reply_to")
        if thread is not None:
            op.execute(notes.update().where(notes.c.id == note).values(reply_to=thread))
