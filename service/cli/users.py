"""`claimdesk users …`: the people who sign in."""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from service.cli import databases, shell
from service.domain import texts
from service.domain.access import Role
from service.domain.account_bounds import (
    EMAIL,
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
)

if TYPE_CHECKING:
    from service.accounts.user_commands import UserChanges
    from service.store.engine import Connection

app = typer.Typer(help="The people who sign in.", no_args_is_help=True, **shell.STYLE)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address they sign in with.")]


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
    password_hash = _hash_password(_read_password()) if password_stdin else None
    user = databases.write(
        create_user_with_link,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        now=shell.read_clock(),
    )
    link = _build_link(user.token, user.served_at)
    if as_json:
        shell.print_json(
            {"id": user.id, "email": email.lower(), "name": name, "role": role, "link": link}
        )
    else:
        shell.print_note(
            f"{name} is a user now ({role}).  This link signs them in once, within a day:"
        )
        typer.echo(link)


@app.command()
def link(email: Email, as_json: shell.AsJson = False) -> None:
    """Print another link with which a user signs in once, within a day."""
    address = _build_link(*databases.write(_create_link, email=email, now=shell.read_clock()))
    if as_json:
        shell.print_json({"email": email.strip().lower(), "link": address})
    else:
        typer.echo(address)


@app.command("list")
def list_(as_json: shell.AsJson = False) -> None:
    """List all users."""
    users = databases.read(list_users)
    if as_json:
        shell.print_json(users)
        return
    shell.print_table(
        ("email", "name", "role", "has_password", "created_at", "disabled_at"),
        users,
        empty="There are no users yet.  Make one: claimdesk users create",
    )


@app.command()
def disable(email: Email) -> None:
    """Sign a user out everywhere and keep them, and their keys, out."""
    databases.write(_change_user, email=email, changes={"disabled": True}, now=shell.read_clock())
    shell.print_note(f"{email} cannot sign in any more.")


@app.command()
def enable(email: Email) -> None:
    """Let a disabled user in again."""
    databases.write(_change_user, email=email, changes={"disabled": False}, now=shell.read_clock())
    shell.print_note(f"{email} can sign in again.")


@app.command()
def password(
    email: Email,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Set a user's password, and sign them out everywhere."""
    if stdin or not sys.stdin.isatty():
        new_password = _read_password()
    else:
        new_password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    changes = {"password_hash": _hash_password(new_password)}
    databases.write(_change_user, email=email, changes=changes, now=shell.read_clock())
    shell.print_note(f"The password of {email} is set.")


def build_sign_in_link(token: str, *, base: str) -> str:
    return f"{base.rstrip('/')}/sign-in/{token}"


def _build_link(token: str, served_at: str | None) -> str:
    """Return a sign-in link to the base URL of the settings, or to where a server last started.

    Prints which of them it was: only whoever runs this knows whether it is right.
    """
    settings = shell.load_settings()
    if "base_url" in settings.model_fields_set:
        base = settings.base_url
        if served_at not in (None, base.rstrip("/")):
            shell.print_note(
                f"The link leads to {base}, as CLAIMDESK_BASE_URL says; the server that was last "
                f"started says {served_at}."
            )
    elif served_at is not None:
        base = served_at
        shell.print_note(
            f"The link leads to {base}, where the server was last started.  If the desk is reached "
            "by another address, set CLAIMDESK_BASE_URL to it."
        )
    else:
        base = settings.base_url
        shell.print_note(
            f"No server was started on this database yet: the link leads to {base}.  If the desk "
            "will be elsewhere, set CLAIMDESK_BASE_URL."
        )
    return build_sign_in_link(token, base=base)


class NewUser(NamedTuple):
    id: str
    token: str
    """Of a sign-in link."""
    served_at: str | None
    """Where a server of this database was last started."""


def create_user_with_link(
    connection: "Connection",
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None = None,
    now: datetime,
) -> NewUser:
    """Create a user, and a link with which they sign in."""
    from service.accounts import user_commands
    from service.domain import access

    user_id = user_commands.create_user(
        connection,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        actor=access.SYSTEM,
        now=now,
    )
    return NewUser(user_id, *_create_link(connection, email=email, now=now))


def _create_link(connection: "Connection", *, email: str, now: datetime) -> tuple[str, str | None]:
    """Create a sign-in link.  Returns its token, and where the desk was last served."""
    from service.accounts import account_queries, sign_in_commands
    from service.domain import access

    user = account_queries.read_user_by_email(connection, email)
    token = sign_in_commands.create_sign_in_link(
        connection, user["id"], actor=access.SYSTEM, now=now
    )
    return token, account_queries.read_served_at(connection)


def list_users(connection: "Connection") -> Sequence[Mapping[str, Any]]:
    """Return all users, by address."""
    from service.accounts import account_queries
    from service.store import paging

    return paging.collect_rows(
        lambda window: account_queries.list_users(connection, window), lambda row: [row["email"]]
    )


def _change_user(
    connection: "Connection", *, email: str, changes: "UserChanges", now: datetime
) -> None:
    from service.accounts import account_queries, user_commands
    from service.domain import access

    user = account_queries.read_user_by_email(connection, email)
    user_commands.change_user(connection, user["id"], changes, actor=access.SYSTEM, now=now)


def require_email(email: str) -> str:
    email = email.strip()
    if not re.fullmatch(EMAIL, email) or len(email) > LONGEST_EMAIL:
        raise shell.UsageError(f"{email!r} is not an e-mail address.")
    try:
        return texts.check_address(email)
    except ValueError as error:
        raise shell.UsageError(f"{email!r} is not an e-mail address: {error}.") from error


def require_name(name: str) -> str:
    try:
        name = texts.clean_name(name)
    except ValueError as error:
        raise shell.UsageError(f"{name!r} is no name: {error}.") from error
    if len(name) > LONGEST_NAME:
        raise shell.UsageError(f"A name has 1 to {LONGEST_NAME} characters.")
    return name


def _read_password() -> str:
    # One line ending is the shell's, not the password's.
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _hash_password(password: str) -> str:
    # A form sends no line breaks: nobody could sign in with them.
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or {*"\x00\r\n"} & {*password}:
        raise shell.UsageError(
            f"A password is one line of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
        )
    from service.web import passwords

    return passwords.hash_password(password)
