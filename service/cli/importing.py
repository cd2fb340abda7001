"""Run an import, transaction by transaction, and report what became of it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from service.cli import files, shell

if TYPE_CHECKING:
    from service.exchange.export_check import Tally
    from service.exchange.import_fields import ClaimRow, RowRefusal
    from service.exchange.import_mapping import Mapping
    from service.exchange.import_recording import Outcome
    from service.exchange.import_reviews import RowRemark
    from service.exchange.scratch import Scratch
    from service.store.engine import Database

SHOWN = 20
LISTED = 1_000
"""How many refusals are shown to a person, and listed in JSON; --report has all."""
ROWS = 250
"""Claims that are written in one transaction."""
REFUSALS = ("line", "record", "id", "field", "value", "reason")
RESUMED = (
    "A rename was under way where this was exported. It goes on here: at once where few claims "
    "show the name, else as soon as a server runs (claimdesk doctor says how far it is)."
)
Show = Callable[[int, int], None]
Rows = Iterator["tuple[int, ClaimRow | RowRefusal | RowRemark]"]


@dataclass
class ImportOutcome:
    """How many lines of each kind are new, known or refused, and notes on the whole file."""

    tallies: "dict[str, Tally]"
    notes: list[str] = field(default_factory=list)


async def import_export(
    database: "Database", source: BinaryIO, scratch: "Scratch", show: Show, *, dry_run: bool
) -> ImportOutcome:
    """Check a whole export, then write what passed, a batch to a transaction."""
    from service.exchange import export_check, export_loading, rename_resumption
    from service.operations import clock

    shell.collect_garbage_rarely()
    total = 2 * files.measure_size(source)
    tallies = await database.read(
        export_check.check_export, source, scratch, progress=lambda count: show(count, total)
    )
    if dry_run:
        return ImportOutcome(tallies)
    now = shell.read_clock()
    for kind, lines in export_loading.read_pending(source, scratch):
        try:
            await database.write(export_loading.write_batch, kind, lines, now=now)
        except export_loading.UNUSABLE:
            # One of the lines is at fault: the others are written without it.
            for line in lines:
                try:
                    await database.write(export_loading.write_batch, kind, [line], now=now)
                except export_loading.UNUSABLE as error:
                    scratch.add_refusal(export_loading.describe_failure(kind, line, error))
                    tallies[kind].new -= 1
                    tallies[kind].refused += 1
        show(total // 2 + source.tell(), total)
    await database.write(clock.excuse_imported_events, now=now)
    outcome = ImportOutcome(tallies)
    if any(tally.new for tally in tallies.values()):
        resumption = await database.write(rename_resumption.resume_renames, now=now)
        outcome.notes += [RESUMED] if resumption else []
    return outcome


async def import_claims(
    database: "Database",
    source: BinaryIO,
    rows: Rows,
    mapping: "Mapping",
    scratch: "Scratch",
    show: Show,
    *,
    dry_run: bool,
) -> ImportOutcome:
    """Record claims from elsewhere.  Each batch is a transaction, undone again in a dry run."""
    from service.domain import access
    from service.exchange import import_directory, import_recording
    from service.exchange.export_check import Tally
    from service.exchange.import_fields import RowRefusal
    from service.exchange.import_reviews import RowRemark
    from service.exchange.scratch import Refusal

    shell.collect_garbage_rarely()
    total = files.measure_size(source)
    directory = await database.read(import_directory.read_directory)
    tally = Tally()

    def refuse(line: int, refusal: "RowRefusal") -> None:
        tally.refused += 1
        scratch.add_refusal(
            Refusal(line, "row", None, refusal.field, refusal.value, refusal.reason)
        )

    async def record(batch: "list[ClaimRow]", *, together: bool) -> "list[Outcome]":
        nonlocal directory
        try:
            outcomes, directory = await database.write(
                import_recording.record_rows,
                batch,
                mapping,
                directory,
                together=together,
                dry_run=dry_run,
                actor=access.IMPORTER,
                now=shell.read_clock(),
            )
        except import_recording.RehearsalDone as rehearsal:
            outcomes, directory = rehearsal.outcomes, rehearsal.directory
        return outcomes

    async def write(batch: "list[ClaimRow]") -> None:
        try:
            outcomes = await record(batch, together=True)
        except import_recording.BatchRefused:
            # The database refuses one of them: the others are written without it.
            outcomes = await record(batch, together=False)
        for outcome in outcomes:
            if outcome.refusal is not None:
                refuse(outcome.line, outcome.refusal)
            else:
                tally.new += outcome.is_new
                tally.known += not outcome.is_new
            for remark in outcome.remarks:
                scratch.add_remark(outcome.line, remark)
        show(source.tell(), total)

    batch: list[ClaimRow] = []
    for line, row in rows:
        if isinstance(row, RowRefusal):
            refuse(line, row)
        elif isinstance(row, RowRemark):
            tally.known += row.is_known
            scratch.add_remark(line, row.remark)
        else:
            batch.append(row)
            if len(batch) == ROWS:
                await write(batch)
                batch = []
    if batch:
        await write(batch)
    return ImportOutcome({"claim": tally})


def print_outcome(
    outcome: ImportOutcome, scratch: "Scratch", *, dry_run: bool, as_json: bool
) -> None:
    """Print what was read, written and refused, for a person or a program."""
    refusal_count, remark_count = scratch.count_refusals(), scratch.count_remarks()
    if as_json:
        shell.print_json(
            {
                "dry_run": dry_run,
                "records": {kind: asdict(tally) for kind, tally in outcome.tallies.items()},
                "refused": refusal_count,
                "refusals": [asdict(refusal) for refusal in scratch.list_refusals(LISTED)],
                "remarked": remark_count,
                "remarks": [
                    {"line": line, "remark": remark}
                    for line, remark in scratch.list_remarks(LISTED)
                ],
                "notes": outcome.notes,
            }
        )
        return
    rows = [{"kind": kind, **asdict(tally)} for kind, tally in outcome.tallies.items()]
    shell.print_table(("kind", "new", "known", "refused"), rows, empty="")
    if refusal_count:
        refusals = [asdict(refusal) for refusal in scratch.list_refusals(SHOWN)]
        shell.print_table(REFUSALS, refusals, empty="")
    for line, remark in scratch.list_remarks(SHOWN):
        shell.print_note(f"line {line}: {remark}")
    if refusal_count > SHOWN or remark_count > SHOWN:
        shell.print_note("There are more: --report FILE has them all.")
    for note in outcome.notes:
        shell.print_note(note)
    if dry_run:
        shell.print_note("Nothing was written: this was a dry run.")


def write_report(scratch: "Scratch", path: Path) -> None:
    """Write all refusals and remarks to a CSV file.  An older one is overwritten."""
    from service.exchange import claim_sheet

    with files.write_file(str(path), force=True) as out:
        out.write(claim_sheet.encode_rows([REFUSALS]))
        for refusal in scratch.list_refusals():
            out.write(claim_sheet.encode_rows([asdict(refusal).values()]))
        for line, remark in scratch.list_remarks():
            out.write(claim_sheet.encode_rows([[line, "remark", None, None, None, remark]]))
