"""`claimdesk export` and `claimdesk import`: a desk to a file, and files to a desk."""

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from service.cli import databases, files, importing, progress, shell

if TYPE_CHECKING:
    from service.exchange.import_mapping import Mapping
    from service.store.engine import Database

REFUSED = 3
"""The exit code where some lines were refused, and all others are in."""
File = Annotated[
    str, typer.Argument(metavar="FILE", help="A file, or - for standard input/output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


class Form(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class Incoming(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    JSON = "json"
    CLAIMREVIEW = "claimreview"


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
    from service.exchange import export as exchange

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
    form: Annotated[
        Incoming | None,
        typer.Option(
            "--format",
            help="jsonl: an export; csv, json, claimreview: claims from elsewhere.  "
            "Left out, it is found out, and said.",
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="MAPPING", help="TOML or JSON: what columns and labels mean."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the whole file; write nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all that was refused to a CSV file.")
    ] = None,
    quiet: Quiet = False,
    as_json: shell.AsJson = False,
) -> None:
    """Bring in an export, or claims from elsewhere.  What is there already stays; cut off, it goes
    on when run again.

    Exit code 0: all is in; 3: some lines were refused, the others are in; 2: the file or the
    mapping cannot be used at all.
    """
    from service.domain.errors import Invalid
    from service.exchange import import_csv, import_lists, import_reviews
    from service.exchange.import_lines import FileNotes
    from service.exchange.scratch import Scratch

    given = None if mapping is None else _read_mapping(mapping)
    with (
        files.opened(file) as source,
        closing(Scratch()) as scratch,
        progress.Bar("bytes", quiet=quiet or as_json) as bar,
    ):
        taken = form or _detect(file, source, given)
        meant = _require_mapping(taken, given)

        async def work(database: "Database") -> importing.Outcome:
            if meant is None:
                return await importing.restore(database, source, scratch, bar.show, dry_run=dry_run)
            notes = FileNotes()
            rows: importing.Rows
            if taken is Incoming.CSV:
                rows = import_csv.rows(source, meant, scratch, notes)
            elif taken is Incoming.JSON:
                rows = import_lists.rows(source, meant, scratch, notes)
            else:
                rows = import_reviews.reviews(source, meant, scratch)
            outcome = await importing.bring_in(
                database, source, rows, meant, scratch, bar.show, dry_run=dry_run
            )
            outcome.notes += notes.texts
            if notes.fallback_lines:
                outcome.notes.append(FALLBACK.format(notes.fallback_lines))
            return outcome

        try:
            outcome = databases.using(work, create=True)
        except Invalid as error:
            detected = "" if form else f"  (It was taken for --format {taken.value}.)"
            raise shell.misused(f"{file}: {error.detail}{detected}") from error
        if form is None and taken is not Incoming.JSONL:
            outcome.notes.insert(0, f"The file was taken for --format {taken.value}.")
        importing.report(scratch, report)
        importing.tell(outcome, scratch, dry_run=dry_run, as_json=as_json)
        if scratch.refused():
            raise typer.Exit(REFUSED)


EXPLAINED = (
    "a file that says what the columns mean.  See docs/exchange.md, and seeds/example-mapping.toml."
)
FALLBACK = "{} lines are not UTF-8 and were read as Windows-1252: look at their letters."


def _detect(file: str, source: BinaryIO, mapping: "Mapping | None") -> Incoming:
    """Find out what a file is by how it begins, and by what the mapping says of it."""
    from service.domain.errors import Invalid
    from service.exchange import import_documents, import_lines

    source.seek(0)
    start = source.read(64 * 1024)
    source.seek(0)
    try:
        import_lines.refuse_packed(start)
    except Invalid as error:
        raise shell.misused(f"{file}: {error.detail}") from error
    begins = import_documents.decode_start(start)
    if begins.startswith(("{", "[")):
        if '"record"' in begins.partition("\n")[0]:
            return Incoming.JSONL
        listed = mapping is not None and mapping.columns is not None
        return Incoming.JSON if listed else Incoming.CLAIMREVIEW
    if begins.startswith("<"):
        return Incoming.CLAIMREVIEW
    if mapping is None:
        if not begins:
            return Incoming.JSONL
        what = f"{file} is no export, no JSON and no page"
        raise shell.misused(f"{what}.  A sheet of claims needs --mapping: {EXPLAINED}")
    return Incoming.CSV


def _require_mapping(form: Incoming, mapping: "Mapping | None") -> "Mapping | None":
    """What the data means; None for an export, which needs no telling."""
    from service.exchange import import_mapping

    if form is Incoming.JSONL:
        if mapping is not None:
            raise shell.misused("--mapping is for --format csv, json and claimreview.")
        return None
    if mapping is not None:
        return mapping
    if form is Incoming.CLAIMREVIEW:
        return import_mapping.Mapping(name="claimreview")
    raise shell.misused(f"--format {form.value} needs --mapping: {EXPLAINED}")


def _read_mapping(path: Path) -> "Mapping":
    from service.domain.errors import Invalid
    from service.exchange import import_mapping

    try:
        return import_mapping.parse(path.read_bytes())
    except Invalid as error:
        faults = "".join(
            f"\n  {'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.extras["errors"][1:]
        )
        raise shell.misused(f"{path}: {error.detail}{faults}") from error
