"""`claimdesk backup` and `claimdesk restore`: a whole desk to a file, and back."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from service.cli import databases, files, shell

POSTGRESQL_BACKUP = (
    "Back up PostgreSQL with its own tools: pg_dump --format=custom --file FILE DATABASE"
)
POSTGRESQL_RESTORE = (
    "Restore PostgreSQL with its own tools into an empty database: pg_restore --dbname NEW FILE.  "
    "The first server on it begins a new epoch and holds webhooks until: claimdesk webhooks release"
)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: shell.AsJson = False,
) -> None:
    """Copy the desk to a file while it is served, and verify the copy."""
    from service.commands import verification
    from service.store import copies
    from service.store.reading import ReadOnlyFile

    source = databases.file()
    if source is None:
        raise shell.misused(POSTGRESQL_BACKUP)
    databases.require_file()
    with files.placed(file, force=force) as part:
        copies.copy_database(source, part)
        copy = ReadOnlyFile(part)
        try:
            with copy.engine.begin() as connection:
                report = verification.verify(connection)
        finally:
            copy.close()
    if as_json:
        shell.print_json({"file": str(file), "events": report.events, "verified": report.ok})
    else:
        shell.note(f"Copied to {file}: {report.claims} claims, {report.events} events.")
    if not report.ok:
        shell.fail("The copy is whole, but the record in it does not hold.  See: claimdesk verify")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What claimdesk backup wrote.")],
    desk: Annotated[
        bool, typer.Option("--desk", help="This is the desk from now on: send webhooks.")
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="This is a copy beside the desk: send nothing.")
    ] = False,
    as_json: shell.AsJson = False,
) -> None:
    """Put a backup in the database's place.  Nothing may be served meanwhile; the database that is
    there is kept beside it.  Webhooks are held until somebody says that this is the desk."""
    from service.commands import recovery
    from service.store import copies

    target = databases.file()
    if target is None:
        raise shell.misused(POSTGRESQL_RESTORE)
    if desk and copy:
        raise shell.misused("It is the desk or a copy: --desk or --copy, not both.")
    if not file.is_file():
        raise shell.misused(f"There is no file {file}.")
    answer = "desk" if desk else "copy" if copy else None
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        copies.copy_database(file.absolute(), part)
        epoch = copies.change_copy(
            part,
            recovery.restart_after_restore,
            source=file.name,
            answer=answer,
            now=shell.now(),
        )
        if target.exists():
            shutil.copymode(target, part)
        aside = copies.put_in_place(part, target, now=shell.now())
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    if as_json:
        shell.print_json(
            {
                "file": str(target),
                "kept": None if aside is None else str(aside),
                "epoch": epoch,
                "webhooks": "sent" if desk else "held",
            }
        )
        return
    shell.note(f"{file} was restored to {target}.  A new epoch of the record begins ({epoch}).")
    if aside is not None:
        shell.note(f"What was there before is kept: {aside}")
    if not desk:
        shell.note(
            "Webhooks are held, so that two desks do not send the same.  "
            "If this is the desk: claimdesk webhooks release"
        )
