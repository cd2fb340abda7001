"""`claimdesk keys …`: API keys, with which programs authenticate."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import databases, shell
from service.cli.users import require_name
from service.domain.access import Role
from service.domain.claims import format_instant

if TYPE_CHECKING:
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
    now = shell.read_clock()
    expires_at = parse_expiry(expires, now=now) if expires is not None else None
    key = databases.write(
        _create_key, name=require_name(name), role=role, expires_at=expires_at, email=user, now=now
    )
    if as_json:
        shell.print_json(key)
    else:
        until = f", until {key['expires_at']}" if expires_at else ""
        shell.print_note(f"The key {key['id']} ({role}{until}).  It is not shown again:")
        typer.echo(key["key"])


@app.command("list")
def list_(as_json: shell.AsJson = False) -> None:
    """List all keys, newest first; never the keys themselves."""
    keys = databases.read(_list_keys)
    if as_json:
        shell.print_json(keys)
        return
    shell.print_table(
        ("id", "name", "role", "user", "created_at", "last_used_at", "expires_at", "revoked_at"),
        keys,
        empty="There are no keys yet.  Make one: claimdesk keys create",
    )


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, or the whole key.")],
) -> None:
    """Revoke a key: servers refuse it within a second."""
    from service.accounts import key_commands
    from service.domain import access

    # Whoever found a leaked key has the whole of it: cd_<id>_<secret>.
    whole = re.fullmatch(r"cd_([^_]+)_.*", key_id.strip())
    key_id = whole[1] if whole else key_id.strip()
    databases.write(
        key_commands.revoke_key,
        key_id=key_id,
        actor=access.SYSTEM,
        now=shell.read_clock(),
    )
    shell.print_note(f"The key {key_id} is revoked.")


def parse_expiry(text: str, *, now: datetime) -> datetime:
    """Parse `30d`, from now, or an RFC 3339 instant."""
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    try:
        if span is not None:
            return now + timedelta(**{UNITS[span[2]]: int(span[1])})
        instant = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise shell.UsageError(
            f"--expires {text}: say a time from now (90m, 12h, 30d, 4w), or an instant with an "
            f"offset, such as {format_instant(now.replace(microsecond=0) + timedelta(days=30))}."
        )
    return instant


def _create_key(
    connection: "Connection",
    *,
    name: str,
    role: Role,
    expires_at: datetime | None,
    email: str | None,
    now: datetime,
) -> Mapping[str, Any]:
    from service.accounts import account_queries, key_commands
    from service.domain import access

    user = account_queries.read_user_by_email(connection, email) if email is not None else None
    key = key_commands.create_key(
        connection,
        name=name,
        role=role,
        expires_at=expires_at,
        user=user["id"] if user is not None else None,
        actor=access.SYSTEM,
        now=now,
    )
    return {
        "id": key.id,
        "key": key.key,
        "role": key.role,
        "name": key.name,
        "user": user["email"] if user is not None else None,
        "expires_at": format_instant(expires_at) if expires_at else None,
    }


def _list_keys(connection: "Connection") -> Sequence[Mapping[str, Any]]:
    from service.accounts import account_queries
    from service.store import paging

    return paging.collect_rows(
        lambda window: account_queries.list_keys(connection, window),
        lambda row: [row["created_at"], row["id"]],
    )
