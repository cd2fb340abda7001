"""`claimdesk db …`: the schema, and the search index."""

import typer

from service.cli import databases, shell

app = typer.Typer(
    help="The database's schema and its search index.", no_args_is_help=True, **shell.STYLE
)


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this version: harmless where it has it already."""
    from service.store import migrate

    settings = shell.load_settings()
    before, head = _read_schema(), migrate.find_head()
    databases.require_known_schema(before)
    if before == head:
        shell.print_note(f"The schema is current ({head}).")
    else:
        migrate.upgrade(settings)
        shell.print_note(f"The schema is at {head} now (before: {before or 'nothing'}).")
    databases.bring_index_up_to_date()


@app.command()
def reindex() -> None:
    """Build the search index anew from the record, in batches, while the desk is at work.

    Where it is cut off, `claimdesk db upgrade` goes on with it.
    """
    databases.rebuild_index()


@app.command()
def current(as_json: shell.AsJson = False) -> None:
    """Say which schema the database has, and which this version needs."""
    from service.store import migrate

    existing, head = _read_schema(), migrate.find_head()
    if as_json:
        shell.print_json({"current": existing, "head": head})
    else:
        typer.echo(f"{existing or 'nothing'} (this version needs {head})")


@app.command()
def check() -> None:
    """Check that the schema is current and is what the code takes it for; exit 1 where not."""
    from service.store import migrate

    existing, head = _read_schema(), migrate.find_head()
    databases.require_known_schema(existing)
    if existing != head:
        shell.fail(f"The schema is at {existing or 'nothing'}, not at {head}.  {databases.UPGRADE}")
    differences = migrate.find_differences(shell.load_settings())
    for difference in differences:
        typer.echo(_describe_difference(difference))
    if differences:
        shell.fail(f"The schema differs from the code's in {len(differences)} places.")
    shell.print_note(f"The schema is current ({head}) and as the code takes it to be.")


def _read_schema() -> str | None:
    from service.store import migrate

    path = databases.find_file()
    # SQLite would create the file to answer.
    if path is not None and not path.exists():
        return None
    return migrate.read_current(shell.load_settings())


def _describe_difference(difference: object) -> str:
    """Describe one of Alembic's differences: ('add_table', Table), or a list of changes."""
    if isinstance(difference, list):
        return "; ".join(map(_describe_difference, difference))
    if isinstance(difference, tuple):
        return " ".join(str(part) for part in difference if part is not None)
    return str(difference)
