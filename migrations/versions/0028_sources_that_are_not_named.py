"""sources that are not named, and instants of which only the month or the year is known"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

FORMER = "precision IN ('day', 'hour', 'minute', 'second')"
LATER = "precision IN ('year', 'month', 'day', 'hour', 'minute', 'second')"
NAMES = ("party", "root")


def upgrade() -> None:
    op.add_column("statements", sa.Column("attribution", sa.String(16)))
    op.add_column("statements", sa.Column("description", sa.String(300)))
    op.add_column("statements", sa.Column("reason", sa.Text))
    _allow_precisions(FORMER, LATER)
    if op.get_bind().dialect.name != "sqlite":
        for name in NAMES:
            op.alter_column("links", name, nullable=True)
    else:
        for name in NAMES:
            _replace_in_schema("links", f"{name} VARCHAR(64) NOT NULL", f"{name} VARCHAR(64)")
    links = sa.table("links", sa.column("party"), sa.column("root"))
    op.execute(links.update().where(links.c.party == "").values(party=None, root=None))
    _restore_from_record()


def _restore_from_record() -> None:
    """Give statements what a downgrade took from them.

    A desk that has never had this schema has no such events.
    """
    columns = ("type", "subject", "number", "data")
    events = sa.table("events", *(sa.column(name) for name in columns))
    names = ("attribution", "description", "reason", "precision")
    statements = sa.table(
        "statements", sa.column("id", sa.Uuid(as_uuid=False)), *(sa.column(name) for name in names)
    )
    recorded = sa.and_(
        events.c.type == "statement.recorded",
        sa.or_(
            *(
                events.c.data.like(f'%"{name}":"{value}"%')
                for name, value in (
                    ("attribution", "unnamed"),
                    ("precision", "month"),
                    ("precision", "year"),
                )
            )
        ),
    )
    stating = (
        sa.select(events.c.type, events.c.subject, events.c.data)
        .where(sa.or_(recorded, events.c.type == "statement.corrected"))
        .order_by(events.c.number)
    )
    for type, subject, text in op.get_bind().execute(stating).all():
        data = json.loads(text)
        if type == "statement.recorded":
            values = {name: data.get(name) for name in names}
        else:
            values = {name: data["after"][name] for name in names if name in data["after"]}
        if values:
            op.execute(statements.update().where(statements.c.id == subject).values(**values))
    ends = sa.table(
        "statements", *(sa.column(name) for name in ("precision", "said_at", "said_end"))
    )
    for span in ("month", "year"):
        # Instants are of one width on SQLite, and what is less than a second stays as it is.
        end = sa.literal_column(
            f"said_at + interval '1 {span}'"
            if op.get_bind().dialect.name != "sqlite"
            else f"strftime('%Y-%m-%dT%H:%M:%S', substr(said_at, 1, 19), '+1 {span}')"
            " || substr(said_at, 20)"
        )
        op.execute(ends.update().where(ends.c.precision == span).values(said_end=end))


def downgrade() -> None:
    """What only a month or a year is known of becomes a day, its first; a link of a source that is
    not named has no party by any name."""
    rows = sa.table("statements", sa.column("precision"))
    op.execute(rows.update().where(rows.c.precision.in_(["month", "year"])).values(precision="day"))
    _allow_precisions(LATER, FORMER)
    links = sa.table("links", sa.column("party"), sa.column("root"))
    op.execute(links.update().where(links.c.party.is_(None)).values(party="", root=""))
    if op.get_bind().dialect.name != "sqlite":
        for name in NAMES:
            op.alter_column("links", name, nullable=False)
    else:
        for name in NAMES:
            _replace_in_schema("links", f"{name} VARCHAR(64)", f"{name} VARCHAR(64) NOT NULL")
    for name in ("reason", "description", "attribution"):
        op.drop_column("statements", name)


def _allow_precisions(before: str, after: str) -> None:
    """Let the `precision` of a statement have other values."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_statements_precision"), "statements", type_="check")
        op.create_check_constraint(op.f("ck_statements_precision"), "statements", after)
    else:
        _replace_in_schema("statements", before, after)


def _replace_in_schema(table: str, before: str, after: str) -> None:
    """Change what SQLite's schema says of a table, without writing its rows anew.

    SQLite has no statement for that; its documentation says how it is done ("Making Other Kinds Of
    Table Schema Changes").
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?)"
        " WHERE type = 'table' AND name = ? AND instr(sql, ?) > 0",
        (before, after, table, before),
    )
    if changed.rowcount != 1:
        raise RuntimeError(f"the table of {table} does not say {before}")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
