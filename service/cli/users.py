"""`claimdesk users …`: the people who sign in."""

import re
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from service.cli import databases, shell
from service.domain import texts
from service.domain.access import Role

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
    link = sign_in_link(made.pop("token"))
    if as_json:
        shell.print_json(made | {"link": link})
    else:
        shell.note(f"{name} is a user now ({role}).  This link signs them in once, within a day:")
        typer.echo(link)


@app.command()
def link(email: Email, as_json: shell.AsJson = False) -> None:
    """Print another link with which a user signs in once, within a day."""
    from service.commands import accounts

    token = databases.write(accounts.create_sign_in_link, email=email, now=shell.now())
    if as_json:
        shell.print_json({"email": email.strip().lower(), "link": sign_in_link(token)})
    else:
        typer.echo(sign_in_link(token))


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


def sign_in_link(token: str, *, base: str | None = None) -> str:
    return f"{(base or shell.settings().base_url).rstrip('/')}/sign-in/{token}"


def make(
    session: Any,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Make a user, with a sign-in link's token."""
    from service.commands import accounts

    user_id = accounts.create_user(
        session,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        actor=accounts.SYSTEM,
        now=now,
    )
    token = accounts.create_sign_in_link(session, email, now=now)
    return {"id": user_id, "email": email.lower(), "name": name, "role": role, "token": token}


def every(session: Any) -> list[dict[str, Any]]:
    """All users, by address."""
    from service.queries import accounts
    from service.queries.paging import MAX_LIMIT, Window, cut

    found: list[dict[str, Any]] = []
    after = None
    while True:
        window = Window(MAX_LIMIT, after)
        page, last = cut(accounts.user_page(session, window), window, lambda row: [row["email"]])
        found += page
        if last is None:
            return found
        after = list(last)


def _change(session: Any, *, email: str, changes: dict[str, Any], now: datetime) -> None:
    from service.commands import accounts

    user = accounts.find_user(session, email)
    accounts.change_user(session, user.id, changes, actor=accounts.SYSTEM, now=now)


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
