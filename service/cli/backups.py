"""`claimdesk backup` and `claimdesk restore`: copy a whole desk to a file, and put it back."""

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from service.cli import databases, files, shell


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: shell.AsJson = False,
) -> None:
    """Copy the desk to a file while it is served, and verify the copy."""
    from service.operations import copies
    from service.store.read_only import ReadOnlyFile
    from service.verification import verification

    source = databases.find_file()
    if source is None:
        _dump(file, force=force, as_json=as_json)
        return
    databases.require_file()
    with files.place_file(file, force=force) as part:
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
        shell.print_note(f"Copied to {file}: {report.claims} claims, {report.events} events.")
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
    if desk and copy:
        raise shell.UsageError("It is the desk or a copy: --desk or --copy, not both.")
    if not file.is_file():
        raise shell.UsageError(f"There is no file {file}.")
    answer = "desk" if desk else "copy" if copy else _ask_answer()
    target = databases.find_file()
    if target is None:
        place, former_copy, epoch = _restore_dump(file, answer)
    else:
        place, former_copy, epoch = _restore_file(file, target.absolute(), answer)
    if as_json:
        shell.print_json(
            {
                "file": place,
                "kept": former_copy,
                "epoch": epoch,
                "webhooks": "sent" if answer == "desk" else "held",
            }
        )
        return
    shell.print_note(
        f"{file} was restored to {place}.  A new epoch of the record begins ({epoch})."
    )
    if former_copy is not None:
        shell.print_note(f"What was there before is kept: {former_copy}")
    if answer != "desk":
        shell.print_note(
            "Webhooks are held, so that two desks do not send the same.  "
            "If this is the desk: claimdesk webhooks release"
        )


def _ask_answer() -> str | None:
    """Ask the operator whether this is the desk.  A program is not asked."""
    if not sys.stdin.isatty():
        return None
    question = "Is this the desk from now on, which sends webhooks (and not a copy beside it)?"
    return "desk" if typer.confirm(question, default=False, err=True) else "copy"


def _restore_file(file: Path, target: Path, answer: str | None) -> tuple[str, str | None, str]:
    """Put a backup in the place of an embedded database; return where that is, where the database
    that was there is kept, and the epoch."""
    from service.operations import copies, recovery

    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        copies.copy_database(file.absolute(), part)
        epoch = copies.change_copy(
            part,
            recovery.restart_after_restore,
            reason=recovery.describe_restore(file.name),
            answer=answer,
            now=shell.read_clock(),
        )
        if target.exists():
            shutil.copymode(target, part)
        aside = copies.put_in_place(part, target, now=shell.read_clock())
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return str(target), None if aside is None else str(aside), epoch


def _dump(file: Path, *, force: bool, as_json: bool) -> None:
    """Copy a PostgreSQL database to a file."""
    from service.operations.dumps import Dumps

    databases.require_readable()
    dumps = Dumps(shell.load_settings())
    with files.place_file(file, force=force) as part:
        dumps.dump(part)
        dumps.require_dump(part)
    if as_json:
        shell.print_json({"file": str(file), "events": None, "verified": None})
    else:
        shell.print_note(
            f"Copied to {file}.  To prove what is in it, restore it into an empty database and "
            "run: claimdesk verify"
        )


def _restore_dump(file: Path, answer: str | None) -> tuple[str, str | None, str]:
    """Put a dump in the place of a PostgreSQL database, as `_restore_file` does."""
    from service.operations import recovery
    from service.operations.dumps import Dumps

    former_copy = Dumps(shell.load_settings()).restore(file.absolute(), now=shell.read_clock())
    epoch = databases.write_without_clock_check(
        recovery.restart_after_restore,
        reason=recovery.describe_restore(file.name),
        answer=answer,
        now=shell.read_clock(),
    )
    return (
        shell.describe_url(),
        former_copy,
        epoch,
    )
