"""Which releases may write to a database.

A server may be at work while a newer release upgrades its database to another schema.  Each process
says with every connection which schema is the newest that its code knows: on PostgreSQL by its
application_name (`claimdesk 0012`), on SQLite by the size of its cache (that many KiB more than 64
MiB), which is the only thing of a connection that a trigger can see there.  Triggers refuse
processes that know too little; releases before this one name no schema, and have a cache of exactly
64 MiB.  The triggers are no migration but are created again after each (`create_triggers`): SQLite
loses triggers when a migration rebuilds a table.

A process on a newer schema than its own goes on unless it is refused.  Once it is, its readiness,
which tries a change, says that it has to be stopped (docs/infrastructure.md).
"""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from service.domain.errors import Unavailable
from service.store.failures import REFUSED_CODE, RELEASE_REFUSED
from service.store.tables import INDEXES

OLDEST_WRITER = 50
"""The oldest schema that a process must know to write to this release's.  A release with a schema
that older ones cannot write to raises it to its own."""
CACHE_KIB = 65_536
TRIGGER = "claimdesk_release"
DERIVED = {"alembic_version", "claim_versions", *INDEXES}
"""Tables without a trigger: they are only written together with others."""
PACKAGE = Path(__file__).parent.parent
OLDER = (
    "The database has schema {current}, and this Claimdesk needs {own}. Run: claimdesk db upgrade"
)


def find_scripts() -> Path:
    """Return the folder of migrations: in an installed package, else in the checkout."""
    package_folder = PACKAGE / "_migrations"
    return package_folder if package_folder.is_dir() else PACKAGE.parent / "migrations"


@cache
def find_newest_schema() -> int:
    """Return the newest schema that this code knows, by the number in its migration's name."""
    files = (find_scripts() / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")
    return max(int(path.name[:4]) for path in files)


def build_application_name() -> str:
    """Return the application_name of this process on PostgreSQL."""
    return f"claimdesk {find_newest_schema():04}"


def compute_cache_size() -> int:
    """Return the pragma `cache_size` of this process's writing connections on SQLite."""
    return -(CACHE_KIB + find_newest_schema())


def create_triggers(connection: Connection) -> None:
    """Replace the triggers, so that the database refuses processes that do not know its schema."""
    drop_triggers(connection)
    tables = _list_guarded_tables(connection)
    if connection.dialect.name == "sqlite":
        sizes = f"{-(CACHE_KIB + OLDEST_WRITER - 1)} AND {-CACHE_KIB}"
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
            f"'claimdesk {OLDEST_WRITER:04}') EXECUTE FUNCTION {TRIGGER}()"
        )


def drop_triggers(connection: Connection) -> None:
    """Drop the triggers: before tables are rebuilt, and from a schema whose release has none."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {TRIGGER}() CASCADE")
        return
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for (name,) in names.fetchall():
        if name.startswith(f"{TRIGGER}_"):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")


def require_schema(connection: Connection) -> None:
    """Raise Unavailable if the database's schema is older than this code.

    Whether a newer schema takes this process's changes is found out by trying one.
    """
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    current, own = int(str(version)[:4]), find_newest_schema()
    if current < own:
        raise Unavailable(OLDER.format(current=f"{current:04}", own=f"{own:04}"))


def _list_guarded_tables(connection: Connection) -> list[str]:
    indexes = tuple(INDEXES.values())
    return [
        name
        for name in inspect(connection).get_table_names()
        if name not in DERIVED and not name.startswith(indexes)
    ]
