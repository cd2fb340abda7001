"""Dump and restore a PostgreSQL database with its own programs: pg_dump, pg_restore and psql.

A dump is of one instant, whatever is written meanwhile.  It is restored in one transaction; what
was there before stays in a schema beside it.
"""

import os
import re
import shutil
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import orjson

from service.config import Settings
from service.domain.claims import format_instant
from service.domain.errors import Conflict, Unavailable
from service.store.installation import RESTORED

PASSWORD = re.compile(r"(?P<before>postgres(?:ql)?://[^:@/?]*):(?P<password>[^@]*)@")
MISSING = (
    "{name} is not installed here. Install PostgreSQL's client programs, of the server's version "
    "or a newer one (Debian: apt install postgresql-client), and run this again."
)
IN_USE = (
    "The database is in use ({sessions}). Stop every server, dispatcher and pooler that works on "
    "it first (nothing was changed)."
)
SESSIONS = """
SELECT DISTINCT coalesce(nullif(application_name, ''), 'a program without a name')
    || ' of ' || coalesce(host(client_addr), 'this machine')
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND coalesce(backend_type, 'client backend') = 'client backend'
"""


class Dumps:
    """Dumps and restores the database of `settings`."""

    def __init__(self, settings: Settings) -> None:
        address = settings.database_direct_url or settings.database_url
        self._environment = dict(os.environ)
        self._address = address.get_secret_value()
        match = PASSWORD.match(self._address)
        if match is not None:
            # Other accounts of the machine see a program's arguments, not its environment.
            self._environment["PGPASSWORD"] = unquote(match["password"])
            self._address = f"{match['before']}@{self._address[match.end() :]}"

    def dump(self, target: Path) -> None:
        """Write the database, as it is at one instant, to `target`."""
        self._run(
            "pg_dump",
            "--format=custom",
            "--schema=public",
            "--no-owner",
            "--no-privileges",
            f"--file={target}",
            f"--dbname={self._address}",
        )

    def require_dump(self, source: Path) -> None:
        """Require a dump of a desk.  Raises Conflict for another file."""
        try:
            contents = self._run("pg_restore", "--list", str(source))
        except Unavailable as error:
            raise Conflict(f"{source} is no dump of PostgreSQL: {error.detail}") from error
        tables = {"events", "claims", "installation", "alembic_version"}
        if not all(f" TABLE public {table} " in contents for table in tables):
            raise Conflict(f"{source} is no database of Claimdesk.")

    def require_alone(self) -> None:
        """Require that nobody else is connected to the database.  Raises Conflict."""
        sessions = self._query(SESSIONS)
        if sessions:
            raise Conflict(IN_USE.format(sessions=", ".join(sessions)))

    def restore(self, source: Path, *, now: datetime) -> str | None:
        """Put a dump in the place of what is there, all of it or nothing; return the schema in
        which the database that was there is kept, None where there was none.

        A note is left in what was restored: the next server begins a new epoch.
        """
        self.require_dump(source)
        self.require_alone()
        kept_schema = None
        if self._query("SELECT to_regclass('public.alembic_version')") != [""]:
            kept_schema = f"before_{now:%Y%m%dt%H%M%S%fz}"
        begin = [] if kept_schema is None else [f"ALTER SCHEMA public RENAME TO {kept_schema}"]
        begin += ["CREATE SCHEMA IF NOT EXISTS public", "GRANT USAGE ON SCHEMA public TO PUBLIC"]
        note = orjson.dumps({"source": source.name, "at": format_instant(now)}).decode()
        quoted_note = note.replace("'", "''")
        values = f"'{RESTORED}', '{quoted_note}'"
        end = f"INSERT INTO public.installation (name, value) VALUES ({values})"  # noqa: S608 -- quoted
        with tempfile.TemporaryDirectory() as folder:
            # The script is whole before its first line is executed.
            script = Path(folder) / "restore.sql"
            self._run(
                "pg_restore",
                "--schema=public",
                "--no-owner",
                "--no-privileges",
                f"--file={script}",
                str(source),
            )
            self._run(
                "psql",
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                f"--command={'; '.join(begin)}",
                f"--file={script}",
                f"--command={end}",
                f"--dbname={self._address}",
            )
        return kept_schema

    def _query(self, query: str) -> list[str]:
        answer = self._run(
            "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            f"--command={query}",
            f"--dbname={self._address}",
        )
        return answer.removesuffix("\n").split("\n") if answer else []

    def _run(self, name: str, *arguments: str) -> str:
        program = shutil.which(name)
        if program is None:
            raise Conflict(MISSING.format(name=name))
        process = subprocess.run(  # noqa: S603 -- no shell, and a program of PostgreSQL's
            [program, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["it said nothing"]
            raise Unavailable(f"{name} failed: {' '.join(lines[:3])}")
        return process.stdout
