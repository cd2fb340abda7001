"""the record is of every subject: statements, sources, parties and others beside claims"""

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KINDS = (
    "'claim', 'statement', 'source', 'party', 'speaker', 'story', 'note', 'person', 'key', "
    "'webhook', 'setting'"
)
CHECKS = {
    "ck_events_kind": f"kind IN ({KINDS})",
    "ck_events_claim": "(kind = 'claim') = (claim IS NOT NULL)",
    "ck_events_subject": "(claim IS NULL) = (subject IS NOT NULL)",
}
INDEXES = (
    ("ix_events_claim_number", ["claim", "number"], "claim IS NOT NULL", True),
    ("ix_events_subject_number", ["kind", "subject", "number"], "subject IS NOT NULL", True),
    ("ix_events_claim_seq", ["seq"], "claim IS NOT NULL", False),
    ("ix_events_story_seq", ["story", "seq"], "story IS NOT NULL", False),
    ("ix_events_type_seq", ["type", "seq"], "claim IS NOT NULL", False),
    ("ix_events_type_recorded", ["type", "recorded_at", "seq"], "claim IS NOT NULL", False),
    ("ix_events_story_recorded", ["story", "recorded_at", "seq"], "story IS NOT NULL", False),
    ("ix_events_story_said", ["story", "said_at", "seq"], "said_at IS NOT NULL", False),
)
FORMER_INDEXES = (
    ("ix_events_story_seq", ["story", "seq"], None),
    ("ix_events_type_seq", ["type", "seq"], None),
    ("ix_events_type_recorded_at_seq", ["type", "recorded_at", "seq"], None),
    ("ix_events_story_recorded", ["story", "recorded_at", "seq"], "story IS NOT NULL"),
    ("ix_events_story_said", ["story", "said_at", "seq"], "said_at IS NOT NULL"),
)
COPY = """
    INSERT INTO events_new (
      kind, seq, id, claim, number, type, recorded_at, actor, data, previous_hash, hash, story,
      said_at
    )
    SELECT 'claim', seq, id, claim, number, type, recorded_at, actor, data, previous_hash, hash,
      story, said_at
    FROM events
"""
COPY_BACK = """
    INSERT INTO events_new (
      seq, id, claim, number, type, recorded_at, actor, data, previous_hash, hash, story, said_at
    )
    SELECT seq, id, claim, number, type, recorded_at, actor, data, previous_hash, hash, story,
      said_at
    FROM events WHERE claim IS NOT NULL
"""
SALTS_KEPT = "withheld_salts"
"""Where a downgrade leaves the salts, for an upgrade to find: the older schema has no place."""
NUMBERS_GIVEN_UP = "numbers_given_up"
GUARDS = (
    """
    CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
    """,
    """
    CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
    """,
)
REPLACE_GUARD = """
    CREATE TRIGGER events_no_replace BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq OR id = NEW.id)
      OR EXISTS (SELECT 1 FROM events WHERE claim = NEW.claim AND number = NEW.number)
      {more}
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
"""
OTHERS = (
    "OR EXISTS (SELECT 1 FROM events"
    " WHERE kind = NEW.kind AND subject = NEW.subject AND number = NEW.number)"
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # SQLite cannot take NOT NULL from a column: the table is made anew and takes the old
        # one's rows, numbers and place.  Its guards go with the old table.
        _create(
            "events_new",
            [
                sa.Column("kind", sa.String(length=16), nullable=False),
                sa.Column("claim", sa.Uuid(as_uuid=False), nullable=True),
                sa.Column("subject", sa.String(length=64), nullable=True),
            ],
            [sa.Column("salts", sa.Text(), nullable=True)],
            [sa.CheckConstraint(rule, name=op.f(name)) for name, rule in CHECKS.items()],
        )
        op.execute(COPY)
        _take_the_old_ones_place()
    else:
        op.execute("ALTER TABLE events DISABLE TRIGGER USER")
        op.add_column(
            "events",
            sa.Column("kind", sa.String(length=16), nullable=False, server_default="claim"),
        )
        # Without a default an older release, which knows of claims alone, cannot write.
        op.alter_column("events", "kind", server_default=None)
        op.add_column("events", sa.Column("subject", sa.String(length=64), nullable=True))
        op.add_column("events", sa.Column("salts", sa.Text(), nullable=True))
        op.alter_column("events", "claim", nullable=True)
        for name, rule in CHECKS.items():
            op.create_check_constraint(op.f(name), "events", rule)
        op.drop_constraint(op.f("uq_events_claim_number"), "events", type_="unique")
        for name, _, _ in FORMER_INDEXES:
            op.drop_index(name, table_name="events")
    for name, columns, where, unique in INDEXES:
        op.create_index(
            name,
            "events",
            columns,
            unique=unique,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    _take_salts_back(connection)
    if connection.dialect.name == "sqlite":
        for guard in (*GUARDS, REPLACE_GUARD.format(more=OTHERS)):
            op.execute(guard)
    else:
        op.execute("ALTER TABLE events ENABLE TRIGGER USER")


def downgrade() -> None:
    """Only claims' events are kept: the older schema has no place for others."""
    connection = op.get_bind()
    _leave_salts(connection)
    _note_numbers_given_up(connection)
    if connection.dialect.name == "sqlite":
        _create(
            "events_new",
            [sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False)],
            [],
            [sa.UniqueConstraint("claim", "number", name=op.f("uq_events_claim_number"))],
        )
        op.execute(COPY_BACK)
        _take_the_old_ones_place()
    else:
        op.execute("ALTER TABLE events DISABLE TRIGGER USER")
        op.execute("DELETE FROM events WHERE claim IS NULL")
        for name, _, _, _ in INDEXES:
            op.drop_index(name, table_name="events")
        for name in CHECKS:
            op.drop_constraint(op.f(name), "events", type_="check")
        op.alter_column("events", "claim", nullable=False)
        for column in ("kind", "subject", "salts"):
            op.drop_column("events", column)
        op.create_unique_constraint(op.f("uq_events_claim_number"), "events", ["claim", "number"])
    for name, columns, where in FORMER_INDEXES:
        only = sa.text(where) if where else None
        op.create_index(
            name, "events", columns, unique=False, sqlite_where=only, postgresql_where=only
        )
    if connection.dialect.name == "sqlite":
        for guard in (*GUARDS, REPLACE_GUARD.format(more="")):
            op.execute(guard)
    else:
        op.execute("ALTER TABLE events ENABLE TRIGGER USER")


def _take_the_old_ones_place() -> None:
    """No number is given out twice: clients go on from the ones that they know."""
    newest = op.get_bind().scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'events'"))
    op.execute("DROP TABLE events")
    op.execute("ALTER TABLE events_new RENAME TO events")
    if newest is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        op.execute(
            sa.text("INSERT INTO sqlite_sequence VALUES ('events', :newest)").bindparams(
                newest=newest
            )
        )


def _create(
    name: str,
    about: list[sa.Column[object]],
    more: list[sa.Column[object]],
    constraints: list[sa.Constraint],
) -> None:
    """The table on SQLite, where instants are text of fixed width."""
    op.create_table(
        name,
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        *about,
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        *more,
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("story", sa.String(length=64), nullable=True),
        sa.Column("said_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_events_claim_claims")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
        *constraints,
        sqlite_autoincrement=True,
    )


events = sa.table("events", sa.column("seq", sa.BigInteger), sa.column("salts", sa.Text))
installation = sa.table("installation", sa.column("name"), sa.column("value", sa.Text))


def _leave_salts(connection: sa.Connection) -> None:
    rows = connection.execute(
        sa.select(events.c.seq, events.c.salts).where(events.c.salts.is_not(None))
    )
    kept = {str(row.seq): row.salts for row in rows}
    if kept:
        text = orjson.dumps(kept).decode()
        connection.execute(sa.insert(installation).values(name=SALTS_KEPT, value=text))


def _note_numbers_given_up(connection: sa.Connection) -> None:
    """How many numbers have no event from now on, so that nobody takes the gap for a deletion."""
    mine = installation.c.name == NUMBERS_GIVEN_UP
    before = int(connection.scalar(sa.select(installation.c.value).where(mine)) or 0)
    gone = connection.scalar(sa.text("SELECT count(*) FROM events WHERE claim IS NULL"))
    connection.execute(sa.delete(installation).where(mine))
    row = {"name": NUMBERS_GIVEN_UP, "value": str(before + (gone or 0))}
    connection.execute(sa.insert(installation).values(row))


def _take_salts_back(connection: sa.Connection) -> None:
    mine = installation.c.name == SALTS_KEPT
    kept = connection.scalar(sa.select(installation.c.value).where(mine))
    if kept is None:
        return
    connection.execute(
        sa.update(events)
        .where(events.c.seq == sa.bindparam("number"))
        .values(salts=sa.bindparam("text")),
        [{"number": int(seq), "text": text} for seq, text in orjson.loads(kept).items()],
    )
    connection.execute(sa.delete(installation).where(mine))
