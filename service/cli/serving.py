"""`claimdesk serve`: its options, and what is checked before the server starts."""

import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import databases, shell, sockets, users
from service.domain.access import Role

if TYPE_CHECKING:
    from service.config import Settings
    from service.store.engine import Connection

FIRST_EMAIL, FIRST_NAME = "desk@localhost", "Desk"


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes that answer requests.")
    ] = 1,
    no_dispatch: Annotated[
        bool, typer.Option("--no-dispatch", help="Leave the webhook dispatcher out.")
    ] = False,
    seed: Annotated[
        bool,
        typer.Option(
            "--seed",
            help="In an empty database, make a first user and load the article; print a link "
            "with which the first administrator signs in.",
        ),
    ] = False,
    proxy_headers: Annotated[
        bool,
        typer.Option(
            "--proxy-headers",
            help="Believe X-Forwarded-For and -Proto from a proxy on 127.0.0.1, or on the "
            "addresses in the variable FORWARDED_ALLOW_IPS.",
        ),
    ] = False,
) -> None:
    """Serve the API and the desk.

    An embedded (SQLite) database is brought to the schema of this version first.  On PostgreSQL
    that takes `claimdesk db upgrade`: other servers may still be running on the old schema.
    """
    with _pause_garbage_collection():
        settings = shell.load_settings()
        with _open_listener(host, port) as listener:
            address = _build_address(host, listener.getsockname()[1])
            if "base_url" not in settings.model_fields_set:
                settings = settings.model_copy(update={"base_url": address})
            if no_dispatch:
                settings = settings.model_copy(update={"dispatch": False})
            databases.prepare_schema(create=True)
            greeting = f"Claimdesk {shell.read_version()} on {address}"
            greeting += f"\n{describe_place()}"
            if seed:
                greeting += f"\n{_start_desk(settings)}"

            from service.cli import server

            server.run(
                settings,
                listener,
                workers=workers,
                proxy_headers=proxy_headers,
                greet=lambda: shell.print_note(greeting),
            )


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Collect no garbage while the application is imported: all of it stays, and looking at it
    takes a tenth of the start.  The server collects again once it answers."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to this address, so that a port in use shows at once."""
    family, address = sockets.resolve_address(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise shell.CommandError(
            sockets.explain_not_listening(host, port, "serve", error)
        ) from error
    listener.set_inheritable(True)
    return listener


def _build_address(host: str, port: int) -> str:
    """Return the URL by which a browser on this machine reaches the server."""
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    return f"http://{local or (f'[{host}]' if ':' in host else host)}:{port}"


def describe_place() -> str:
    """Say which database is served, without its password, and what names another."""
    path = databases.find_file()
    place = shell.describe_url() if path is None else f"the file {path.resolve()}"
    return f"Its database is {place} (another: {shell.PREFIX}DATABASE_URL)"


def _start_desk(settings: "Settings") -> str:
    """Seed an empty database, and return what to tell about it."""
    token, was_seeded = databases.write(seed_empty_database, now=shell.read_clock())
    lines = ["The article is loaded."] if was_seeded else []
    if token is None:
        lines.append("No administrator is active: claimdesk users create --role admin …")
    else:
        link = users.build_sign_in_link(token, base=settings.base_url)
        lines.append(f"Sign in once, within a day: {link}")
    return "\n".join(lines)


def seed_empty_database(connection: "Connection", *, now: datetime) -> tuple[str | None, bool]:
    """Give an empty database a user and the article.

    Returns a sign-in token for the first administrator, None if none is active, and whether the
    article was loaded.
    """
    from service.accounts import sign_in_commands, user_commands
    from service.domain import access
    from service.exchange import seeds

    empty = seeds.is_empty(connection)
    if empty:
        plan = seeds.parse_seed_file(seeds.find_default_file().read_bytes())
        seeds.load_plan(connection, plan, actor=access.SYSTEM, now=now)
    if not user_commands.has_users(connection):
        user = users.create_user_with_link(
            connection, email=FIRST_EMAIL, name=FIRST_NAME, role=Role.ADMIN, now=now
        )
        return user.token, empty
    active = [
        user
        for user in users.list_users(connection)
        if user["role"] == Role.ADMIN and user["disabled_at"] is None
    ]
    if not active:
        return None, empty
    first = min(active, key=lambda user: (user["created_at"], user["email"]))
    token = sign_in_commands.create_sign_in_link(
        connection, first["id"], actor=access.SYSTEM, now=now
    )
    return token, empty
