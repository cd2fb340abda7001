"""Where a database is, which tells it from a copy of itself."""

from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, text

MACHINE = Path("/etc/machine-id")
Location = dict[str, str | int | None]
"""What is compared: kept as JSON, and unlike for two databases."""


def describe_file(path: Path) -> Location:
    """Describe a file by machine, path and inode: a copy is another file, wherever it lies.

    Containers without a machine id, and clones of a whole machine, cannot be told apart.
    """
    try:
        machine = sha256(MACHINE.read_bytes().strip()).hexdigest()[:16]
    except OSError:
        machine = None
    return {
        "machine": machine,
        "path": str(path.resolve()),
        "file": path.stat().st_ino,
    }


def describe_server(connection: Connection) -> Location:
    """Describe a database by PostgreSQL's identity and its own: a restored dump has another.

    A physical copy of a whole server keeps both, and cannot be told apart.
    """
    row = connection.execute(
        text(
            "SELECT (SELECT system_identifier::text FROM pg_control_system()), oid::bigint, "
            "datname FROM pg_database WHERE datname = current_database()"
        )
    ).one()
    return {"system": row[0], "oid": row[1], "path": row[2]}
