"""Which releases may write to a database.

A server may be at work while a newer release brings its database to another schema.  What a process
knows, the newest schema its code has, it tells with every connection: PostgreSQL by its
application_name (`claimdesk 0012`), SQLite by the size of its cache (that many KiB more than 64
MiB), which is the only thing of a connection that a trigger can see there.  Triggers refuse
processes that know too little; those of releases before this one name no schema, and have a cache
of 64 MiB sharp.  They are no migration but made anew after each (`guard`): SQLite loses triggers
where a migration rebuilds a table.

A process on a newer schema than its own goes on where it is not refused; where it is, its
readiness, which tries a change, says that it has to be stopped (docs/infrastructure.md).
"""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from service.domain.errors import Unavailable
from service.store.failures import REFUSED_CODE, RELEASE_REFUSED
from service.store.tables import INDEXES

OLDEST = 21
"""The schema that a process has to know to go on writing to the one of this release.  A release
whose schema others cannot write to raises it to its own."""
CACHE_KIB = 65_536
TRIGGER = "claimdesk_release"
DERIVED = {"alembic_version", "claim_versions", *INDEXES}
"""Tables without a trigger: nothing is written to them alone."""
PACKAGE = Path(__file__).parent.parent
OLDER = (
    "The database has schema {current}, and this Claimdesk needs {own}. Run: claimdesk db upgrade"
)


def find_scripts() -> Path:
    """The folder of migrations: in the package where it was installed, else in the checkout."""
    packaged = PACKAGE / "_migrations"
    return packaged if packaged.is_dir() else PACKAGE.parent / "migrations"


@cache
def schema() -> int:
    """The newest schema that this code knows, by the number in its migration's name."""
    found = (find_scripts() / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")
    return max(int(path.name[:4]) for path in found)


def application_name() -> str:
    """What this process is called on PostgreSQL."""
    return f"claimdesk {schema():04}"


def cache_size() -> int:
    """The pragma `cache_size` of this process's writing connections on SQLite."""
    return -(CACHE_KIB + schema())


def guard(connection: Connection) -> None:
    """Have the database refuse processes that do not know its schema, in place of what refused
    them before."""
    unguard(connection)
    tables = _tables(connection)
    if connection.dialect.name == "sqlite":
        sizes = f"{-(CACHE_KIB + OLDEST - 1)} AND {-CACHE_KIB}"
        condition = f"(SELECT cache_size FROM pragma_cache_size) BETWEEN {sizes}"  # noqa: S608
        for table in tables:
            for act in ("INSERT", "UPDATE", "DELETE"):
                connection.exec_driver_sql(
                    f"CREATE TRIGGER {TRIGGER}_{table}_{act.lower()} BEFORE {act} ON {table} "
                    f"WHEN {condition} BEGIN SELECT RAISE(ABORT, '{RELEASE_REFUSED}'); END"
                )
        return
    connection.exec_driver_sql(
        f"CREATE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{RELEASE_REFUSED}' USING ERRCODE = '{REFUSED_CODE}'; END $$"
    )
    for table in tables:
        connection.exec_driver_sql(
            f"CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT WHEN (current_setting('application_name') COLLATE \"C\" >= "
            "'claimdesk' AND current_setting('application_name') COLLATE \"C\" < "
            f"'claimdesk {OLDEST:04}') EXECUTE FUNCTION {TRIGGER}()"
        )


def unguard(connection: Connection) -> None:
    """Take away what `guard` made: before tables are rebuilt, and from a schema of a release that
    knows nothing of it."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {TRIGGER}() CASCADE")
        return
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for (name,) in names.fetchall():
        if name.startswith(f"{TRIGGER}_"):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")


def require_schema(connection: Connection) -> None:
    """Raises Unavailable where the database's schema is older than this code.  Whether a newer one
    takes this process's changes, is seen by trying one."""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    current, own = int(str(found)[:4]), schema()
    if current < own:
        raise Unavailable(OLDER.format(current=f"{current:04}", own=f"{own:04}"))


def _tables(connection: Connection) -> list[str]:
    indexes = tuple(INDEXES.values())
    return [
        name
        for name in inspect(connection).get_table_names()
        if name not in DERIVED and not name.startswith(indexes)
    ]
