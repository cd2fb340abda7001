"""Where a database is: what tells it from a copy of itself."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

MACHINE = Path("/etc/machine-id")


def describe_file(path: Path) -> dict[str, Any]:
    """The machine, the path and the file itself: a copy is another file, wherever it lies.

    A container without a machine's id, and a clone of a whole machine, cannot be told apart.
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


def describe_server(connection: Connection) -> dict[str, Any]:
    """PostgreSQL's own identity and the database's: a dump that was read in has another.

    A physical copy of a whole server keeps both, and cannot be told apart.
    """
    row = connection.execute(
        text(
            "SELECT (SELECT system_identifier::text FROM pg_control_system()), oid::bigint, "
            "datname FROM pg_database WHERE datname = current_database()"
        )
    ).one()
    return {"system": row[0], "oid": row[1], "path": row[2]}
