"""how people sign in: who made a link, a key or a password, and how often one may try"""

import json
import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LongText = sa.Text()
Id = sa.Uuid(as_uuid=False)
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("password_by", LongText, nullable=True))
    op.add_column("api_keys", sa.Column("made_by", LongText, nullable=True))
    op.add_column("sessions", sa.Column("opened_by", LongText, nullable=True))
    op.add_column("sign_in_links", sa.Column("made_by", LongText, nullable=True))
    op.add_column("sign_in_links", sa.Column("made_by_name", sa.String(120), nullable=True))
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.create_index(op.f("ix_sign_in_links_expires_at"), "sign_in_links", ["expires_at"])
    op.create_table(
        "sign_in_tries",
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("free_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_sign_in_tries")),
    )
    op.create_index(op.f("ix_sign_in_tries_free_at"), "sign_in_tries", ["free_at"])
    op.execute(
        sa.text("INSERT INTO installation (name, value) VALUES ('device_key', :key)").bindparams(
            key=secrets.token_hex(32)
        )
    )
    _rewrite_waiting(lambda waiting: waiting.setdefault("proposed_through", []))


def downgrade() -> None:
    _rewrite_waiting(lambda waiting: waiting.pop("proposed_through", None))
    op.execute(sa.text("DELETE FROM installation WHERE name = 'device_key'"))
    op.drop_table("sign_in_tries")
    op.drop_index(op.f("ix_sign_in_links_expires_at"), table_name="sign_in_links")
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions")
    for table, columns in (
        ("sign_in_links", ("made_by_name", "made_by")),
        ("sessions", ("opened_by",)),
        ("api_keys", ("made_by",)),
        ("users", ("password_by",)),
    ):
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.drop_column(column)


def _rewrite_waiting(change: Any) -> None:
    """Change what the stored state of each claim says of the proposal that waits on it."""
    claims = sa.table(
        "claims", sa.column("id", Id), sa.column("state"), sa.column("pending", sa.Boolean)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(claims).where(claims.c.pending)).all():
        state = json.loads(row.state)
        change(state["pending"])
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(claims).where(claims.c.id == row.id).values(state=text))
