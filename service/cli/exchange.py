"""`claimdesk export` and `claimdesk import`: a desk to a file, and files to a desk."""

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from service.cli import databases, files, progress, shell

if TYPE_CHECKING:
    from service.commands.exchange_check import Tally
    from service.store.engine import Database
    from service.store.scratch import Scratch

REFUSED = 3
"""The exit code where some lines were refused, and all others are in."""
SHOWN = 20
LISTED = 1_000
"""How many refusals are shown to a person, and listed in JSON; --report has all."""

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A file, or - for standard input/output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


class Form(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


def export(
    file: File,
    form: Annotated[
        Form, typer.Option("--format", help="jsonl: everything; csv: the claims, for a sheet.")
    ] = Form.JSONL,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin a CSV file with a byte order mark, for Excel.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    quiet: Quiet = False,
    as_json: shell.AsJson = False,
) -> None:
    """Write everything the desk knows, history included and secrets excluded, to a file."""
    from service.queries import exchange

    if as_json and file == files.STANDARD:
        raise shell.misused("--json and the export cannot both go to standard output.")
    if bom and form is not Form.CSV:
        raise shell.misused("--bom is for --format csv.")
    what = "lines" if form is Form.JSONL else "claims"
    with (
        files.written(file, force=force) as out,
        progress.Bar(what, quiet=quiet or as_json) as bar,
    ):
        if form is Form.CSV:
            rows = databases.read(exchange.sheet, write=out.write, bom=bom, progress=bar.show)
            counts = {"claim": rows}
        else:
            counts = databases.read(exchange.dump, write=out.write, progress=bar.show)
    if as_json:
        shell.print_json({"file": file, "records": counts})
    elif not quiet:
        shell.note(f"Written: {sum(counts.values())} {what}.")


def import_(
    file: File,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the whole file; write nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all that was refused to a CSV file.")
    ] = None,
    quiet: Quiet = False,
    as_json: shell.AsJson = False,
) -> None:
    """Bring an export in.  What is there already stays; cut off, it goes on when run again.

    Exit code 0: all is in; 3: some lines were refused, the others are in; 2: the file cannot be
    used at all.
    """
    from service.domain.errors import Invalid
    from service.store.scratch import Scratch

    scratch = Scratch()
    with (
        files.opened(file) as source,
        progress.Bar("bytes", quiet=quiet or as_json) as bar,
    ):

        async def work(database: "Database") -> "dict[str, Tally]":
            return await bring_in(database, source, scratch, bar.show, dry_run=dry_run)

        try:
            tallies = databases.using(work, create=True)
        except Invalid as error:
            raise shell.misused(f"{file}: {error.detail}") from error
    _tell(tallies, scratch, dry_run=dry_run, as_json=as_json)
    _report(scratch, report)
    if scratch.refused():
        raise typer.Exit(REFUSED)


async def bring_in(
    database: "Database",
    source: BinaryIO,
    scratch: "Scratch",
    show: Callable[[int, int], None],
    *,
    dry_run: bool,
) -> "dict[str, Tally]":
    """Check the whole file, then write what passed, a batch to a transaction."""
    from service.commands import exchange, exchange_check

    total = 2 * files.size(source)
    tallies = await database.read(
        exchange_check.check, source, scratch, progress=lambda done: show(done, total)
    )
    if dry_run:
        return tallies
    now = shell.now()
    for kind, entries in exchange.pending(source, scratch):
        try:
            await database.write(exchange.write, kind, entries, now=now)
        except exchange.UNUSABLE:
            # One of them is at fault: the others are not to suffer for it.
            for entry in entries:
                try:
                    await database.write(exchange.write, kind, [entry], now=now)
                except exchange.UNUSABLE as error:
                    scratch.refuse(exchange.refusal(kind, entry, error))
                    tallies[kind].new -= 1
                    tallies[kind].refused += 1
        show(total // 2 + source.tell(), total)
    return tallies


def _tell(tallies: "dict[str, Tally]", scratch: "Scratch", *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        shell.print_json(
            {
                "dry_run": dry_run,
                "records": {kind: asdict(tally) for kind, tally in tallies.items()},
                "refused": scratch.refused(),
                "refusals": [asdict(one) for one in scratch.refusals(LISTED)],
            }
        )
        return
    rows: list[dict[str, Any]] = [{"kind": kind, **asdict(one)} for kind, one in tallies.items()]
    shell.print_table(("kind", "new", "known", "refused"), rows, empty="")
    refused = scratch.refused()
    if refused:
        shell.print_table(
            ("line", *COLUMNS), [asdict(one) for one in scratch.refusals(SHOWN)], empty=""
        )
    if refused > SHOWN:
        shell.note(f"{refused - SHOWN} more were refused: --report FILE has them all.")
    if dry_run:
        shell.note("Nothing was written: this was a dry run.")


COLUMNS = ("record", "id", "field", "value", "reason")


def _report(scratch: "Scratch", path: Path | None) -> None:
    """All refusals as a sheet; an older one is overwritten."""
    if path is None:
        return
    from service.formats import csv

    with files.written(str(path), force=True) as out:
        out.write(csv.lines([("line", *COLUMNS)]))
        for one in scratch.refusals():
            out.write(csv.lines([list(asdict(one).values())]))
