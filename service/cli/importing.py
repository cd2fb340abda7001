"""How an import runs, transaction by transaction, and how it is reported."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from service.cli import files, shell

if TYPE_CHECKING:
    from service.exchange.export_check import Tally
    from service.exchange.import_fields import Incoming, Refused
    from service.exchange.import_mapping import Mapping
    from service.exchange.import_reviews import Remarked
    from service.exchange.scratch import Scratch
    from service.store.engine import Database

SHOWN = 20
LISTED = 1_000
"""How many refusals are shown to a person, and listed in JSON; --report has all."""
ROWS = 100
"""Claims that are written in one transaction."""
REFUSALS = ("line", "record", "id", "field", "value", "reason")

RESUMED = (
    "A rename was under way where this was exported. It goes on here: at once where few claims "
    "show the name, else as soon as a server runs (claimdesk doctor says how far it is)."
)

Show = Callable[[int, int], None]
Rows = (
    Iterator["tuple[int, Incoming | Refused]"]
    | Iterator["tuple[int, Incoming | Refused | Remarked]"]
)


@dataclass
class Outcome:
    """What became of the lines of each kind, and what is to be said of the whole file."""

    tallies: "dict[str, Tally]"
    notes: list[str] = field(default_factory=list)


async def restore(
    database: "Database", source: BinaryIO, scratch: "Scratch", show: Show, *, dry_run: bool
) -> Outcome:
    """An export: check the whole file, then write what passed, a batch to a transaction."""
    from service.exchange import export_check, export_loading, rename_resumption
    from service.operations import clock

    total = 2 * files.size(source)
    tallies = await database.read(
        export_check.check, source, scratch, progress=lambda done: show(done, total)
    )
    if dry_run:
        return Outcome(tallies)
    now = shell.now()
    for kind, entries in export_loading.pending(source, scratch):
        try:
            await database.write(export_loading.write, kind, entries, now=now)
        except export_loading.UNUSABLE:
            # One of them is at fault: the others are not to suffer for it.
            for entry in entries:
                try:
                    await database.write(export_loading.write, kind, [entry], now=now)
                except export_loading.UNUSABLE as error:
                    scratch.refuse(export_loading.refusal(kind, entry, error))
                    tallies[kind].new -= 1
                    tallies[kind].refused += 1
        show(total // 2 + source.tell(), total)
    await database.write(clock.excuse_imported_events, now=now)
    outcome = Outcome(tallies)
    if any(tally.new for tally in tallies.values()):
        resumed = await database.write(rename_resumption.resume_renames, now=now)
        outcome.notes += [RESUMED] if resumed else []
    return outcome


async def bring_in(
    database: "Database",
    source: BinaryIO,
    rows: Rows,
    mapping: "Mapping",
    scratch: "Scratch",
    show: Show,
    *,
    dry_run: bool,
) -> Outcome:
    """Claims from elsewhere: each batch is a transaction, undone again in a dry run."""
    from service.accounts import account_commands
    from service.exchange import imports
    from service.exchange.export_check import Tally
    from service.exchange.import_fields import Refused
    from service.exchange.import_reviews import Remarked
    from service.exchange.scratch import Refusal

    total = files.size(source)
    known = await database.read(imports.directory)
    command = imports.rehearse if dry_run else imports.bring_in
    tally = Tally()

    def refuse(line: int, refused: "Refused") -> None:
        tally.refused += 1
        scratch.refuse(Refusal(line, "row", None, refused.field, refused.value, refused.reason))

    async def write(batch: "list[Incoming]") -> None:
        nonlocal known
        try:
            outcomes, known = await database.write(
                command, batch, mapping, known, actor=account_commands.IMPORTER, now=shell.now()
            )
        except imports.Rehearsed as rehearsed:
            outcomes, known = rehearsed.outcomes, rehearsed.known
        for one in outcomes:
            if one.refused is not None:
                refuse(one.line, one.refused)
            else:
                tally.new += one.new
                tally.known += not one.new
            for remark in one.remarks:
                scratch.remark(one.line, remark)
        show(source.tell(), total)

    batch: list[Incoming] = []
    for line, row in rows:
        if isinstance(row, Refused):
            refuse(line, row)
            continue
        if isinstance(row, Remarked):
            tally.known += row.known
            scratch.remark(line, row.remark)
            continue
        batch.append(row)
        if len(batch) == ROWS:
            await write(batch)
            batch = []
    if batch:
        await write(batch)
    return Outcome({"claim": tally})


def tell(outcome: Outcome, scratch: "Scratch", *, dry_run: bool, as_json: bool) -> None:
    """What was read, written and refused, for a person or a program."""
    refused, remarked = scratch.refused(), scratch.remarked()
    if as_json:
        shell.print_json(
            {
                "dry_run": dry_run,
                "records": {kind: asdict(tally) for kind, tally in outcome.tallies.items()},
                "refused": refused,
                "refusals": [asdict(one) for one in scratch.refusals(LISTED)],
                "remarked": remarked,
                "remarks": [
                    {"line": line, "remark": remark} for line, remark in scratch.remarks(LISTED)
                ],
                "notes": outcome.notes,
            }
        )
        return
    rows: list[dict[str, Any]] = [
        {"kind": kind, **asdict(one)} for kind, one in outcome.tallies.items()
    ]
    shell.print_table(("kind", "new", "known", "refused"), rows, empty="")
    if refused:
        shown = [asdict(one) for one in scratch.refusals(SHOWN)]
        shell.print_table(REFUSALS, shown, empty="")
    for line, remark in scratch.remarks(SHOWN):
        shell.note(f"line {line}: {remark}")
    if refused > SHOWN or remarked > SHOWN:
        shell.note("There are more: --report FILE has them all.")
    for note in outcome.notes:
        shell.note(note)
    if dry_run:
        shell.note("Nothing was written: this was a dry run.")


def report(scratch: "Scratch", path: Path | None) -> None:
    """All refusals and remarks as a sheet; an older one is overwritten."""
    if path is None:
        return
    from service.exchange import csv

    with files.written(str(path), force=True) as out:
        out.write(csv.lines([REFUSALS]))
        for one in scratch.refusals():
            out.write(csv.lines([list(asdict(one).values())]))
        for line, remark in scratch.remarks():
            out.write(csv.lines([[line, "remark", None, None, None, remark]]))
