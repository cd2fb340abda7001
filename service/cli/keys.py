"""`claimdesk keys …`: what programs authenticate with."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from service.cli import databases, shell
from service.cli.users import require_name
from service.domain.access import Role
from service.domain.claims import format_instant
from service.store.engine import Connection

app = typer.Typer(
    help="API keys: what programs authenticate with.", no_args_is_help=True, **shell.STYLE
)

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for; the record names it.")],
    role: Annotated[Role, typer.Option(help="What the key may do.")],
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="From now (90m, 12h, 30d, 4w), or an instant with an offset."
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="The user as whom the key acts.")
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Make an API key and print it.  It is kept as a hash only and cannot be shown again."""
    now = shell.now()
    expires_at = moment(expires, now=now) if expires is not None else None
    made = databases.write(
        _make, name=require_name(name), role=role, expires_at=expires_at, email=user, now=now
    )
    if as_json:
        shell.print_json(made)
    else:
        until = f", until {made['expires_at']}" if expires_at else ""
        shell.note(f"The key {made['id']} ({role}{until}).  It is not shown again:")
        typer.echo(made["key"])


@app.command("list")
def list_(as_json: shell.AsJson = False) -> None:
    """List all keys, newest first; never the keys themselves."""
    found = databases.read(_every)
    if as_json:
        shell.print_json(found)
        return
    shell.print_table(
        ("id", "name", "role", "user", "created_at", "last_used_at", "expires_at", "revoked_at"),
        found,
        empty="There are no keys yet.  Make one: claimdesk keys create",
    )


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, or the whole key.")],
) -> None:
    """Revoke a key: servers refuse it within a second."""
    from service.accounts import account_commands

    # Whoever found a leaked key has the whole of it: cd_<id>_<secret>.
    found = re.fullmatch(r"cd_([^_]+)_.*", key_id.strip())
    key_id = found[1] if found else key_id.strip()
    databases.write(
        account_commands.revoke_key, key_id=key_id, actor=account_commands.SYSTEM, now=shell.now()
    )
    shell.note(f"The key {key_id} is revoked.")


def moment(text: str, *, now: datetime) -> datetime:
    """`30d` from now, or an RFC 3339 instant."""
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    try:
        if span is not None:
            return now + timedelta(**{UNITS[span[2]]: int(span[1])})
        instant = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise shell.misused(
            f"--expires {text}: say a time from now (90m, 12h, 30d, 4w), or an instant with an "
            f"offset, such as {format_instant(now.replace(microsecond=0) + timedelta(days=30))}."
        )
    return instant


def _make(
    connection: Connection,
    *,
    name: str,
    role: Role,
    expires_at: datetime | None,
    email: str | None,
    now: datetime,
) -> dict[str, Any]:
    from service.accounts import account_commands

    user = account_commands.find_user(connection, email) if email is not None else None
    made = account_commands.create_key(
        connection,
        name=name,
        role=role,
        expires_at=expires_at,
        user=user.id if user is not None else None,
        actor=account_commands.SYSTEM,
        now=now,
    )
    return {
        "id": made.id,
        "key": made.key,
        "role": made.role,
        "name": made.name,
        "user": user.email if user is not None else None,
        "expires_at": format_instant(expires_at) if expires_at is not None else None,
    }


def _every(connection: Connection) -> list[dict[str, Any]]:
    from service.accounts import account_queries
    from service.store.paging import MAX_LIMIT, Window, cut

    found: list[dict[str, Any]] = []
    after = None
    while True:
        window = Window(MAX_LIMIT, after)
        page, last = cut(
            account_queries.list_keys(connection, window),
            window,
            lambda row: [row["created_at"], row["id"]],
        )
        found += page
        if last is None:
            return found
        after = list(last)
