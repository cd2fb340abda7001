"""`claimdesk epoch`: show the epoch of the record, or begin another."""

from typing import Annotated

import typer

from service.cli import databases, shell

app = typer.Typer(no_args_is_help=True, help="Which epoch of the record this is.")


@app.command("show")
def show(as_json: shell.AsJson = False) -> None:
    """Show the epoch, and whether webhooks are held."""
    from service.operations import recovery

    epoch = databases.read(recovery.describe_epoch)
    if as_json:
        shell.print_json(epoch)
        return
    typer.echo(f"Epoch {epoch['number']}{': ' + epoch['reason'] if epoch['reason'] else ''}")
    if epoch["webhooks_held"]:
        shell.print_note("Webhooks are held.  If this is the desk: claimdesk webhooks release")


@app.command("begin")
def begin(
    reason: Annotated[
        str, typer.Option("--reason", help="What happened, for those who are told to start again.")
    ] = "the database was put back by other means",
) -> None:
    """Say that the database was put back by other means than claimdesk restore, such as a physical
    backup: clients are told to start again, and webhooks are held."""
    from service.operations import recovery

    reason = reason.strip()
    if not reason:
        raise shell.UsageError("--reason: say what happened.")
    epoch = databases.write(
        recovery.restart_after_restore, reason=reason, answer=None, now=shell.read_clock()
    )
    shell.print_note(
        f"A new epoch of the record begins ({epoch}).  Servers that run take it up within half a "
        "minute.\nWebhooks are held.  If this is the desk: claimdesk webhooks release"
    )
