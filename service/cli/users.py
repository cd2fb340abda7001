"""`claimdesk users …`: the people who sign in."""

import re
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from service.cli import databases, shell
from service.domain import texts
from service.domain.access import Role
from service.store.engine import Connection

app = typer.Typer(help="The people who sign in.", no_args_is_help=True, **shell.STYLE)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address they sign in with.")]
LONGEST_NAME = 120
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000


@app.command()
def create(
    email: Annotated[str, typer.Option(help="The address they sign in with.")],
    name: Annotated[str, typer.Option(help="How the record names them.")],
    role: Annotated[Role, typer.Option(help="What they may do.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a password from standard input.")
    ] = False,
    as_json: shell.AsJson = False,
) -> None:
    """Make a user and print a link with which they sign in once, within a day."""
    email, name = require_email(email), require_name(name)
    hashed = _hash(_password_from_stdin()) if password_stdin else None
    made = databases.write(
        make, email=email, name=name, role=role, password_hash=hashed, now=shell.now()
    )
    link = _link_to_desk(made.pop("token"), made.pop("served_at"))
    if as_json:
        shell.print_json(made | {"link": link})
    else:
        shell.note(f"{name} is a user now ({role}).  This link signs them in once, within a day:")
        typer.echo(link)


@app.command()
def link(email: Email, as_json: shell.AsJson = False) -> None:
    """Print another link with which a user signs in once, within a day."""
    link = _link_to_desk(*databases.write(_make_link, email=email, now=shell.now()))
    if as_json:
        shell.print_json({"email": email.strip().lower(), "link": link})
    else:
        typer.echo(link)


@app.command("list")
def list_(as_json: shell.AsJson = False) -> None:
    """List all users."""
    found = databases.read(every)
    if as_json:
        shell.print_json(found)
        return
    shell.print_table(
        ("email", "name", "role", "has_password", "created_at", "disabled_at"),
        found,
        empty="There are no users yet.  Make one: claimdesk users create",
    )


@app.command()
def disable(email: Email) -> None:
    """Sign a user out everywhere and keep them, and their keys, out."""
    databases.write(_change, email=email, changes={"disabled": True}, now=shell.now())
    shell.note(f"{email} cannot sign in any more.")


@app.command()
def enable(email: Email) -> None:
    """Let a disabled user in again."""
    databases.write(_change, email=email, changes={"disabled": False}, now=shell.now())
    shell.note(f"{email} can sign in again.")


@app.command()
def password(
    email: Email,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Set a user's password, and sign them out everywhere."""
    if stdin or not sys.stdin.isatty():
        chosen = _password_from_stdin()
    else:
        chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    changes = {"password_hash": _hash(chosen)}
    databases.write(_change, email=email, changes=changes, now=shell.now())
    shell.note(f"The password of {email} is set.")


def sign_in_link(token: str, *, base: str) -> str:
    return f"{base.rstrip('/')}/sign-in/{token}"


def _link_to_desk(token: str, served_at: str | None) -> str:
    """The link, to where the desk is: as it is set, else where a server was last started.

    Says which it was, as only whoever types this knows whether it is right.
    """
    settings = shell.settings()
    if "base_url" in settings.model_fields_set:
        base = settings.base_url
        if served_at not in (None, base.rstrip("/")):
            shell.note(
                f"The link leads to {base}, as CLAIMDESK_BASE_URL says; the server that was last "
                f"started says {served_at}."
            )
    elif served_at is not None:
        base = served_at
        shell.note(
            f"The link leads to {base}, where the server was last started.  If the desk is reached "
            "by another address, set CLAIMDESK_BASE_URL to it."
        )
    else:
        base = settings.base_url
        shell.note(
            f"No server was started on this database yet: the link leads to {base}.  If the desk "
            "will be elsewhere, set CLAIMDESK_BASE_URL."
        )
    return sign_in_link(token, base=base)


def make(
    connection: Connection,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Make a user, with a sign-in link's token."""
    from service.accounts import account_commands, account_queries

    user_id = account_commands.create_user(
        connection,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        actor=account_commands.SYSTEM,
        now=now,
    )
    token = account_commands.create_sign_in_link(connection, email, now=now)
    return {
        "id": user_id,
        "email": email.lower(),
        "name": name,
        "role": role,
        "token": token,
        "served_at": account_queries.served_at(connection),
    }


def _make_link(connection: Connection, *, email: str, now: datetime) -> tuple[str, str | None]:
    """A sign-in link's token, and where the desk is served."""
    from service.accounts import account_commands, account_queries

    token = account_commands.create_sign_in_link(connection, email, now=now)
    return token, account_queries.served_at(connection)


def every(connection: Connection) -> list[dict[str, Any]]:
    """All users, by address."""
    from service.accounts import account_queries
    from service.store.paging import MAX_LIMIT, Window, cut

    found: list[dict[str, Any]] = []
    after = None
    while True:
        window = Window(MAX_LIMIT, after)
        page, last = cut(
            account_queries.list_users(connection, window), window, lambda row: [row["email"]]
        )
        found += page
        if last is None:
            return found
        after = list(last)


def _change(connection: Connection, *, email: str, changes: dict[str, Any], now: datetime) -> None:
    from service.accounts import account_commands

    user = account_commands.find_user(connection, email)
    account_commands.change_user(
        connection, user.id, changes, actor=account_commands.SYSTEM, now=now
    )


# The same bounds as in the API's schemas: what is made here must be valid there.


def require_email(email: str) -> str:
    email = email.strip()
    if not re.fullmatch(r"[^@\s\x00]+@[^@\s\x00]+", email) or len(email) > 254:
        raise shell.misused(f"{email!r} is not an e-mail address.")
    try:
        return texts.check_address(email)
    except ValueError as error:
        raise shell.misused(f"{email!r} is not an e-mail address: {error}.") from error


def require_name(name: str) -> str:
    try:
        name = texts.clean_name(name)
    except ValueError as error:
        raise shell.misused(f"{name!r} is no name: {error}.") from error
    if len(name) > LONGEST_NAME:
        raise shell.misused(f"A name has 1 to {LONGEST_NAME} characters.")
    return name


def _password_from_stdin() -> str:
    # One line ending is the shell's, not the password's.
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _hash(chosen: str) -> str:
    if not SHORTEST_PASSWORD <= len(chosen) <= LONGEST_PASSWORD or "\x00" in chosen:
        raise shell.misused(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    from service.web import passwords

    return passwords.hash_password(chosen)
