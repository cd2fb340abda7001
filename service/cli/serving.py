"""`claimdesk serve`: the options, and what has to hold before the server starts."""

import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import databases, shell, users
from service.domain.access import Role
from service.store.engine import Connection

if TYPE_CHECKING:
    from service.config import Settings

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
    with _no_collections():
        settings = shell.settings()
        with _listen(host, port) as listener:
            address = _address(host, listener.getsockname()[1])
            if "base_url" not in settings.model_fields_set:
                settings = settings.model_copy(update={"base_url": address})
            if no_dispatch:
                settings = settings.model_copy(update={"dispatch": False})
            databases.ready(create=True)
            greeting = f"Claimdesk {shell.version()} on {address}"
            if seed:
                greeting += f"\n{_start_desk(settings)}"

            from service.cli import server

            server.run(
                settings,
                listener,
                workers=workers,
                proxy_headers=proxy_headers,
                greet=lambda: shell.note(greeting),
            )


@contextmanager
def _no_collections() -> Iterator[None]:
    """Look for no garbage while the application is imported, all of which stays: a tenth of the
    time that a start takes.  The server looks again from its first answer on."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _listen(host: str, port: int) -> socket.socket:
    """A socket on this address, bound before anything else is done: a port in use shows at once."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise shell.misused(f"--host {host}: {error.strerror}.") from error
    # `localhost` is 127.0.0.1 and ::1: the first is what everything else here takes it for.
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise shell.Stopped(
            f"{host}:{port} cannot be listened on: {error.strerror}.  "
            "Another port: claimdesk serve --port N"
        ) from error
    listener.set_inheritable(True)
    return listener


def _address(host: str, port: int) -> str:
    """How a browser on this machine reaches the server."""
    reached = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    if reached is None:
        reached = f"[{host}]" if ":" in host else host
    return f"http://{reached}:{port}"


def _start_desk(settings: "Settings") -> str:
    """What `--seed` does, and what it has to say."""
    token, loaded = databases.write(seeded, now=shell.now())
    lines = ["The article is loaded."] if loaded else []
    if token is None:
        lines.append("No administrator is active: claimdesk users create --role admin …")
    else:
        link = users.sign_in_link(token, base=settings.base_url)
        lines.append(f"Sign in once, within a day: {link}")
    return "\n".join(lines)


def seeded(connection: Connection, *, now: datetime) -> tuple[str | None, bool]:
    """Give an empty database a user and the article.

    Gives a sign-in token for the first administrator, None where none is active, and whether
    the article was loaded.
    """
    from service.accounts import account_commands
    from service.exchange import seeds

    empty = seeds.is_empty(connection)
    if empty:
        plan = seeds.parse_seed_file(seeds.find_default_file().read_bytes())
        seeds.load_plan(connection, plan, actor=account_commands.SYSTEM, now=now)
    if not account_commands.has_users(connection):
        made = users.make(connection, email=FIRST_EMAIL, name=FIRST_NAME, role=Role.ADMIN, now=now)
        return made["token"], empty
    active = [
        user
        for user in users.every(connection)
        if user["role"] == Role.ADMIN and user["disabled_at"] is None
    ]
    if not active:
        return None, empty
    first = min(active, key=lambda user: (user["created_at"], user["email"]))
    return account_commands.create_sign_in_link(connection, first["email"], now=now), empty
