"""parties may have another name within a sentence"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("parties", sa.Column("in_sentence", sa.String(120), nullable=True))
    _restore_from_record()


def downgrade() -> None:
    """The record keeps what the former schema cannot say."""
    op.drop_column("parties", "in_sentence")


def _restore_from_record() -> None:
    """Give parties what a downgrade took from them; others have no such events."""
    events = sa.table("events", *(sa.column(name) for name in ("seq", "kind", "subject", "data")))
    parties = sa.table("parties", sa.column("slug"), sa.column("in_sentence"))
    told = (
        sa.select(events.c.subject, events.c.data)
        .where(events.c.kind == "party", events.c.data.like('%"in_sentence":%'))
        .order_by(events.c.seq)
    )
    for slug, text in op.get_bind().execute(told).all():
        op.execute(
            parties.update()
            .where(parties.c.slug == slug)
            .values(in_sentence=json.loads(text)["in_sentence"])
        )
