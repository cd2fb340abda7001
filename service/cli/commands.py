"""The root of the command line: every command and group by its name."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli import (
    backups,
    clock,
    configuration,
    dispatching,
    doctor,
    document,
    epochs,
    exchange,
    keys,
    notify,
    policy,
    record,
    schema,
    serving,
    shell,
    users,
    webhooks,
)


class Claimdesk(TyperGroup):
    """Prints expected errors in a line or two, instead of a stack trace."""

    def invoke(self, ctx: Any) -> Any:
        with shell.report_errors():
            return super().invoke(ctx)


def _show_version(is_asked_for: bool) -> None:
    if is_asked_for:
        typer.echo(f"claimdesk {shell.read_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Say the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """A fact-checking desk's memory: claims, statements, decisions, and who said what when.

    Settings come from CLAIMDESK_… environment variables and a .env file: see claimdesk config.
    """


def _version() -> None:
    """Say the version."""
    _show_version(True)


app = typer.Typer(
    name="claimdesk", cls=Claimdesk, callback=_root, no_args_is_help=True, **shell.STYLE
)
app.command("serve")(serving.serve)
app.command("dispatch")(dispatching.dispatch)
app.add_typer(schema.app, name="db")
app.command("seed")(record.seed)
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(notify.app, name="notify")
app.command("policy")(policy.policy)
app.command("verify")(record.verify)
app.command("doctor")(doctor.doctor)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.add_typer(epochs.app, name="epoch")
app.add_typer(clock.app, name="clock")
app.command("export")(exchange.export)
app.command("import")(exchange.import_)
app.command("config")(configuration.show_settings)
app.command("openapi")(document.print_openapi)
app.command("version")(_version)
