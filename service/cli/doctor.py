"""`claimdesk doctor`: report what is wrong with a desk, and what to do about it.

It changes nothing: it neither migrates nor waits for a writer.  A check that fails is reported, and
the others are made.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from service.cli import databases, doctor_place, shell
from service.domain.diagnosis import Finding, Level, make_fault
from service.domain.errors import ClaimdeskError

if TYPE_CHECKING:
    from service.store.engine import Connection, Database

Check = Callable[..., list[Finding]]


def doctor(as_json: shell.AsJson = False) -> None:
    """Look for what is wrong with this desk, and say what to do.  Changes nothing; exit code 1
    where there is something to do."""
    settings = shell.load_settings()
    findings: list[Finding] = []
    names: list[str] = []

    def make_check(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
        names.append(name)
        try:
            new_findings = check()
        except Exception as error:
            # Whatever it is, it must not keep the other checks from being made.
            new_findings = [_describe_failure(name, error)]
        findings.extend(new_findings)
        return new_findings

    make_check("settings", partial(doctor_place.check_settings, settings))
    file = databases.find_file()
    if file is not None:
        make_check("file", partial(doctor_place.check_file, file))
        make_check("disk", partial(doctor_place.check_room, file))
    is_readable = file is None or file.exists()
    if is_readable and not make_check("schema", partial(doctor_place.check_schema, settings)):
        databases.run_reading(partial(_check_database, make_check=make_check))
    _print_findings(findings, names, as_json=as_json)
    if any(finding.level is Level.FAULT for finding in findings):
        raise typer.Exit(shell.FAILED)


async def _check_database(
    database: "Database", *, make_check: Callable[[str, Callable[[], list[Finding]]], Any]
) -> None:
    """Make each check of the database, on a connection that cannot write."""
    for name, check in _list_checks():
        try:
            findings = await database.read(check)
        except Exception as error:
            # As above; `make_check` reports it.
            make_check(name, partial(_raise, error))
        else:
            make_check(name, partial(list, findings))


def _raise(error: Exception) -> list[Finding]:
    raise error


def _list_checks() -> list[tuple[str, Check]]:
    from service.notices import notice_checks
    from service.operations import doctor_desk, doctor_rows
    from service.store import location
    from service.verification import rename_checks
    from service.webhooks import webhook_checks

    settings, now, file = shell.load_settings(), shell.read_clock(), databases.find_file()
    tolerance = timedelta(seconds=settings.clock_tolerance_seconds)

    def check_epoch(connection: "Connection") -> list[Finding]:
        place = location.describe_file(file) if file else location.describe_server(connection)
        return doctor_desk.check_epoch(connection, home=place)

    return [
        ("integrity", doctor_desk.check_integrity),
        ("notes", doctor_desk.check_values),
        ("clock", partial(doctor_desk.check_clock, now=now, tolerance=tolerance)),
        ("epoch", check_epoch),
        ("people", doctor_desk.check_people),
        ("names", doctor_desk.check_names),
        ("renames", rename_checks.check_renames),
        ("endpoints", webhook_checks.check_endpoints),
        ("deliveries", partial(webhook_checks.check_deliveries, now=now)),
        ("notices", partial(notice_checks.check_notices, now=now)),
        ("references", doctor_rows.find_dangling_rows),
        ("values", doctor_rows.find_malformed_values),
    ]


def _describe_failure(name: str, error: Exception) -> Finding:
    if isinstance(error, shell.CommandError):
        return make_fault(name, str(error).splitlines()[0], "Do that first, then look again.")
    reason = error.detail if isinstance(error, ClaimdeskError) else str(error).splitlines()[0]
    return make_fault(
        name,
        f"This could not be looked at: {type(error).__name__}: {reason}",
        "Mend what else is named here, then look again; if nothing is, put a backup in the "
        "database's place: claimdesk restore FILE",
    )


def _print_findings(findings: list[Finding], names: list[str], *, as_json: bool) -> None:
    faults = [finding for finding in findings if finding.level is Level.FAULT]
    if as_json:
        shell.print_json(
            {
                "ok": not faults,
                "findings": [asdict(finding) for finding in findings],
                "looked_at": names,
            }
        )
        return
    for finding in sorted(findings, key=lambda finding: finding.level is Level.REMARK):
        mark = "!" if finding.level is Level.FAULT else "-"
        typer.echo(f"{mark} {finding.check}: {finding.what}\n    {finding.advice}")
    names_in_line = ", ".join(names)
    if faults:
        count = "One thing" if len(faults) == 1 else f"{len(faults)} things"
        typer.echo(f"{count} to do.  Looked at: {names_in_line}.")
    else:
        typer.echo(f"Nothing is wrong.  Looked at: {names_in_line}.")
