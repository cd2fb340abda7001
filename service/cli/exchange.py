"""`claimdesk export` and `claimdesk import`: write a desk to a file, and read files into one."""

import secrets
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from service.cli import databases, files, importing, progress, shell

if TYPE_CHECKING:
    from service.exchange.import_mapping import Mapping
    from service.store.engine import Database

DAY = ["%Y-%m-%d"]
REFUSED = 3
"""The exit code where some lines were refused, and all others are in."""
File = Annotated[
    str, typer.Argument(metavar="FILE", help="A file, or - for standard input/output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    DOSSIER = "dossier"


class ImportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    JSON = "json"
    CLAIMREVIEW = "claimreview"


def export(
    file: File,
    form: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="jsonl: everything; csv: the claims, for a sheet; dossier: claims drawn at "
            "random, as a page for an assessor.",
        ),
    ] = ExportFormat.JSONL,
    sample: Annotated[
        int, typer.Option("--sample", min=1, help="dossier: how many claims to draw.")
    ] = 12,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="dossier: what the draw follows from; left out, it is chosen."),
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", formats=DAY, help="dossier: the first day (UTC) of the period."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=DAY, help="dossier: the last day (UTC) of the period."),
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="dossier: show names of people beside their roles.")
    ] = False,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin a CSV file with a byte order mark, for Excel.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    quiet: Quiet = False,
    as_json: shell.AsJson = False,
) -> None:
    """Write everything the desk knows, history included and secrets excluded, to a file."""
    from service.exchange import export as exports

    if as_json and file == files.STANDARD_STREAM:
        raise shell.UsageError("--json and the export cannot both go to standard output.")
    if bom and form is not ExportFormat.CSV:
        raise shell.UsageError("--bom is for --format csv.")
    if form is ExportFormat.DOSSIER:
        _write_dossier(
            file,
            sample=sample,
            seed=seed,
            days=(begin, end),
            names=names,
            force=force,
            output=(quiet, as_json),
        )
        return
    if (seed, begin, end) != (None, None, None) or names:
        raise shell.UsageError("--seed, --from, --to and --names are for --format dossier.")
    unit = "lines" if form is ExportFormat.JSONL else "claims"
    with (
        files.write_file(file, force=force) as out,
        progress.ProgressBar(unit, quiet=quiet or as_json) as bar,
    ):
        if form is ExportFormat.CSV:
            rows = databases.read(exports.write_sheet, write=out.write, bom=bom, progress=bar.show)
            counts = {"claim": rows}
        else:
            counts = databases.read(exports.write_export, write=out.write, progress=bar.show)
    if as_json:
        shell.print_json({"file": file, "records": counts})
    elif not quiet:
        shell.print_note(f"Written: {sum(counts.values())} {unit}.")


def _write_dossier(
    file: str,
    *,
    sample: int,
    seed: int | None,
    days: tuple[datetime | None, datetime | None],
    names: bool,
    force: bool,
    output: tuple[bool, bool],
) -> None:
    """Write claims that are drawn at random from a period of days to a page."""
    from service.desk.dossier import dossier_document
    from service.domain.errors import Invalid
    from service.exchange import dossier as dossiers

    begin, end = days
    if begin is None or end is None:
        raise shell.UsageError("--format dossier takes --from and --to: the days of the period.")
    period = dossiers.Period(begin.replace(tzinfo=UTC), end.replace(tzinfo=UTC) + timedelta(days=1))
    seed = secrets.randbelow(10**9) if seed is None else seed
    quiet, as_json = output
    with files.write_file(file, force=force) as out:
        try:
            dossier = databases.read(dossiers.read_dossier, period=period, sample=sample, seed=seed)
        except Invalid as error:
            raise shell.UsageError(f"{error.detail[:1].upper()}{error.detail[1:]}.") from error
        page = dossier_document.render_dossier(
            dossier, publisher=shell.load_settings().publisher, shows_names=names
        )
        out.write(page.encode())
    if as_json:
        shell.print_json(
            {"file": file, "records": {"claim": sample}, "of": dossier.population, "seed": seed}
        )
    elif not quiet:
        count_text = f"{sample} of {dossier.population} claims"
        shell.print_note(f"Written: {count_text}, drawn with seed {seed}.")


def import_(
    file: File,
    form: Annotated[
        ImportFormat | None,
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

    given_mapping = None if mapping is None else _read_mapping(mapping)
    with (
        files.open_input(file) as source,
        closing(Scratch()) as scratch,
        progress.ProgressBar("bytes", quiet=quiet or as_json) as bar,
    ):
        taken_form = form or _detect_format(file, source, given_mapping)
        meanings = _require_mapping(taken_form, given_mapping)

        async def work(database: "Database") -> importing.ImportOutcome:
            if meanings is None:
                return await importing.import_export(
                    database, source, scratch, bar.show, dry_run=dry_run
                )
            notes = FileNotes()
            rows: importing.Rows
            if taken_form is ImportFormat.CSV:
                rows = import_csv.read_rows(source, meanings, scratch, notes)
            elif taken_form is ImportFormat.JSON:
                rows = import_lists.read_rows(source, meanings, scratch, notes)
            else:
                rows = import_reviews.read_reviews(source, meanings, scratch)
            outcome = await importing.import_claims(
                database, source, rows, meanings, scratch, bar.show, dry_run=dry_run
            )
            outcome.notes += notes.texts
            if notes.fallback_lines:
                outcome.notes.append(FALLBACK.format(notes.fallback_lines))
            return outcome

        try:
            outcome = databases.run_writing(work, create=True)
        except Invalid as error:
            detection = "" if form else f"  (It was taken for --format {taken_form.value}.)"
            raise shell.UsageError(f"{file}: {error.detail}{detection}") from error
        if form is None and taken_form is not ImportFormat.JSONL:
            outcome.notes.insert(0, f"The file was taken for --format {taken_form.value}.")
        if report is not None:
            importing.write_report(scratch, report)
        importing.print_outcome(outcome, scratch, dry_run=dry_run, as_json=as_json)
        if scratch.count_refusals():
            raise typer.Exit(REFUSED)


MAPPING_ADVICE = (
    "a file that says what the columns mean.  See docs/exchange.md, and seeds/example-mapping.toml."
)
FALLBACK = "{} lines are not UTF-8 and were read as Windows-1252: look at their letters."


def _detect_format(file: str, source: BinaryIO, mapping: "Mapping | None") -> ImportFormat:
    """Return what format a file has, by how it begins and by what the mapping says of it."""
    from service.domain.errors import Invalid
    from service.exchange import import_documents, import_lines

    source.seek(0)
    start = source.read(64 * 1024)
    source.seek(0)
    try:
        import_lines.require_text(start)
    except Invalid as error:
        raise shell.UsageError(f"{file}: {error.detail}") from error
    text = import_documents.decode_start(start)
    if text.startswith(("{", "[")):
        if '"record"' in text.partition("\n")[0]:
            return ImportFormat.JSONL
        has_columns = mapping is not None and mapping.columns is not None
        return ImportFormat.JSON if has_columns else ImportFormat.CLAIMREVIEW
    if text.startswith("<"):
        return ImportFormat.CLAIMREVIEW
    if mapping is None:
        if not text:
            return ImportFormat.JSONL
        reason = f"{file} is no export, no JSON and no page"
        raise shell.UsageError(f"{reason}.  A sheet of claims needs --mapping: {MAPPING_ADVICE}")
    return ImportFormat.CSV


def _require_mapping(form: ImportFormat, mapping: "Mapping | None") -> "Mapping | None":
    """Return what the fields of the data mean; None for an export, which needs no mapping."""
    from service.exchange import import_mapping

    if form is ImportFormat.JSONL:
        if mapping is not None:
            raise shell.UsageError("--mapping is for --format csv, json and claimreview.")
        return None
    if mapping is not None:
        return mapping
    if form is ImportFormat.CLAIMREVIEW:
        return import_mapping.Mapping(name="claimreview")
    raise shell.UsageError(f"--format {form.value} needs --mapping: {MAPPING_ADVICE}")


def _read_mapping(path: Path) -> "Mapping":
    from service.domain.errors import Invalid
    from service.exchange import import_mapping

    try:
        return import_mapping.parse_mapping(path.read_bytes())
    except Invalid as error:
        faults = "".join(
            f"\n  {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.extras["errors"][1:]
        )
        raise shell.UsageError(f"{path}: {error.detail}{faults}") from error
