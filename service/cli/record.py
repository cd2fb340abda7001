"""`claimdesk seed` and `claimdesk verify`: the record, filled and proved."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from service.cli import databases, progress, shell, verifying


def seed(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A seed file (TOML); without one, the article."),
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Load a seed file.  Loading it again changes nothing."""
    from service.domain import access
    from service.exchange import seeds

    path = file or seeds.find_default_file()
    plan = seeds.parse_seed_file(path.read_bytes())
    report = databases.write(
        seeds.load_plan, plan=plan, actor=access.SYSTEM, now=shell.read_clock()
    )
    if as_json:
        shell.print_json({"created": report.created, "unchanged": report.unchanged})
        return
    kinds = {kind: None for count in (report.created, report.unchanged) for kind in count}
    shell.print_table(
        ("kind", "created", "unchanged"),
        [
            {
                "kind": kind,
                "created": report.created.get(kind, 0),
                "unchanged": report.unchanged.get(kind, 0),
            }
            for kind in kinds
        ],
        empty=f"There is nothing in {path}.",
    )


def verify(
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many parts are checked at once; left out, one for a core."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep in this file what is checked, and go on from there when run again.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    as_json: shell.AsJson = False,
) -> None:
    """Prove everything derived from the record; exit 1 and name the first break where it fails."""
    with progress.ProgressBar("checked", quiet=quiet) as bar:
        report = verifying.verify(
            jobs=jobs or verifying.count_cores(), resume=resume, show=bar.show
        )
    if as_json:
        shell.print_json(asdict(report))
    elif report.ok:
        typer.echo(f"Everything holds: {report.claims} claims, {report.events} events.")
        shell.print_note("What nothing in the database can prove:")
        for remark in report.remarks:
            shell.print_note(f"  {remark.table}: {remark.what}")
    if report.first_break is None:
        return
    first = report.first_break
    event = "" if first.event is None else f", event {first.event}"
    _tell_administrators(
        f"{report.broken} breaks in {report.claims} claims, the first of {first.kind} "
        f"{first.claim}{event}: {first.what}"
    )
    shell.fail(
        f"The record does not hold: {report.broken} breaks in {report.claims} claims.  The first:\n"
        f"  {first.kind} {first.claim}{event}: {first.what}\n"
        f"  expected: {first.expected}\n"
        f"  found:    {first.found}"
    )


def _tell_administrators(what: str) -> None:
    """Put the break into administrators' inboxes, where the database can be written to."""
    from service.domain.errors import ClaimdeskError
    from service.notices import desk_alerts

    try:
        has_administrators = databases.write_to_known_schema(
            desk_alerts.tell_of_break, what=what, now=shell.read_clock()
        )
    except (shell.CommandError, ClaimdeskError, OSError) as error:
        shell.print_note(f"Administrators could not be told in their inbox: {error}")
        return
    if has_administrators:
        shell.print_note("Administrators are told in their inbox.")
