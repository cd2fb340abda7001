"""`claimdesk db …`: the schema."""

import typer

from service.cli import databases, shell

app = typer.Typer(help="The database's schema.", no_args_is_help=True, **shell.STYLE)


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this version: harmless where it has it already."""
    from service.store import migrate

    settings = shell.settings()
    before, head = _current(), migrate.head()
    databases.require_known(before)
    if before == head:
        shell.note(f"The schema is current ({head}).")
        return
    migrate.upgrade(settings)
    shell.note(f"The schema is at {head} now (before: {before or 'nothing'}).")


@app.command()
def current(as_json: shell.AsJson = False) -> None:
    """Say which schema the database has, and which this version needs."""
    from service.store import migrate

    has, head = _current(), migrate.head()
    if as_json:
        shell.print_json({"current": has, "head": head})
    else:
        typer.echo(f"{has or 'nothing'} (this version needs {head})")


@app.command()
def check() -> None:
    """Check that the schema is current and is what the code takes it for; exit 1 where not."""
    from service.store import migrate

    has, head = _current(), migrate.head()
    databases.require_known(has)
    if has != head:
        shell.fail(f"The schema is at {has or 'nothing'}, not at {head}.  {databases.UPGRADE}")
    differences = migrate.differences(shell.settings())
    for difference in differences:
        typer.echo(_words(difference))
    if differences:
        shell.fail(f"The schema differs from the code's in {len(differences)} places.")
    shell.note(f"The schema is current ({head}) and as the code takes it to be.")


def _current() -> str | None:
    from service.store import migrate

    path = databases.file()
    # Asking SQLite would make the file.
    if path is not None and not path.exists():
        return None
    return migrate.current(shell.settings())


def _words(difference: object) -> str:
    """One of Alembic's differences: ('add_table', Table), or a list of changes to one column."""
    if isinstance(difference, list):
        return "; ".join(map(_words, difference))
    if isinstance(difference, tuple):
        return " ".join(str(part) for part in difference if part is not None)
    return str(difference)
