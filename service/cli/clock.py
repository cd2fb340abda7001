"""`claimdesk clock`: compare this machine's clock with the record, or accept it as right."""

import typer

from service.cli import databases, shell

app = typer.Typer(no_args_is_help=True, help="The clock that changes are stamped with.")


@app.command("show")
def show(as_json: shell.AsJson = False) -> None:
    """Compare the clock with the record.  Exit code 1 where it cannot be right."""
    from datetime import timedelta

    from service.domain import clocks
    from service.operations import clock

    now = shell.read_clock()
    reference = databases.read(clock.read_clock_reference, now=now)
    tolerance = timedelta(seconds=shell.load_settings().clock_tolerance_seconds)
    fault = clocks.find_clock_fault(reference, now=now, tolerance=tolerance)
    if as_json:
        shell.print_json(
            {
                "now": now,
                "newest_event": reference.newest_event,
                "last_seen": reference.last_seen,
                "accepted_at": reference.accepted_at,
                "fault": fault,
            }
        )
        if fault is not None:
            raise typer.Exit(shell.FAILED)
    elif fault is not None:
        shell.fail(f"{fault} {clocks.ADVICE}")
    else:
        typer.echo(f"The clock says {now:%Y-%m-%d %H:%M:%S} UTC; nothing speaks against it.")


@app.command("accept")
def accept() -> None:
    """Say that the clock is right as it is.  That is recorded, and changes are taken again; what
    was stamped wrongly before stays in the record as it is."""
    from service.operations import clock

    now = shell.read_clock()
    databases.write_without_clock_check(clock.accept_clock, now=now)
    shell.print_note(
        f"Recorded: at {now:%Y-%m-%d %H:%M:%S} UTC the clock is right.  "
        "Servers that run take changes again within half a minute."
    )
