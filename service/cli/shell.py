"""What every command shares: settings, refusals in words, JSON and tables."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypedDict
from urllib.parse import urlsplit

import typer

from service.domain.errors import ClaimdeskError, Invalid, Unavailable

if TYPE_CHECKING:
    from pydantic import ValidationError

    from service.config import Settings

PREFIX = "CLAIMDESK_"
FAILED, MISUSED, INTERRUPTED = 1, 2, 130


class Style(TypedDict):
    pretty_exceptions_enable: bool
    rich_markup_mode: None


# Plain help: rich's takes longer to import than the rest of the help takes to show.
STYLE: Style = {"pretty_exceptions_enable": False, "rich_markup_mode": None}

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Stopped(Exception):
    """A command cannot go on; the message says why and what to do."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def misused(message: str) -> Stopped:
    """For an option or argument that does not hold: exit code 2, as for an unknown option."""
    return Stopped(message, code=MISUSED)


def now() -> datetime:
    return datetime.now(UTC)


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("claimdesk")
    except PackageNotFoundError:
        return "(not installed)"


@cache
def settings() -> "Settings":
    """The settings of this process.  Stops with each variable at fault by its name."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from service.config import Settings

    try:
        found = Settings()
        _require_port(found.database_url.get_secret_value())
        return found
    except ValidationError as error:
        raise misused(_bad_settings(error)) from error
    except SettingsError as error:
        raise misused(f"The settings cannot be read: {error}.") from error
    except ValueError as error:
        raise misused(f"{PREFIX}DATABASE_URL is not an address: {error}.") from error


def _require_port(url: str) -> None:
    """Raises ValueError.  A password may hold anything: what counts begins after it.  There may be
    several places, between commas."""
    places = url.partition("://")[2].partition("?")[0].rpartition("@")[2].partition("/")[0]
    for place in places.split(","):
        _ = urlsplit(f"//{place}").port


def _bad_settings(error: "ValidationError") -> str:
    from service.config import Settings

    lines = ["These settings do not hold (environment variables, or the file .env):"]
    for fault in error.errors():
        field = str(fault["loc"][0]) if fault["loc"] else ""
        info = Settings.model_fields.get(field)
        given = "" if is_secret(field) else f"={fault['input']}"
        message = fault["msg"].removeprefix("Value error, ")
        if not field:  # of several settings together, which it names
            lines.append(f"  {message}")
            continue
        lines.append(f"  {PREFIX}{field.upper()}{given}: {message[:1].lower()}{message[1:]}")
        if info is not None and info.description:
            lines.append(f"    {info.description}")
    return "\n".join(lines)


def is_secret(field: str) -> bool:
    """Whether a setting must not be shown as it is."""
    from service.config import Settings

    info = Settings.model_fields.get(field)
    return info is None or "Secret" in f"{info.annotation} {info.metadata} {info.default!r}"


def masked(url: str) -> str:
    """A database URL without its password."""
    url = re.sub(r"^([\w+]+://[^:@/?]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", url)


def database() -> str:
    """The database in words, without its password."""
    return f"{PREFIX}DATABASE_URL is {masked(settings().database_url.get_secret_value())}"


# --- what goes wrong ---


@contextmanager
def refusals() -> Iterator[None]:
    """Turn everything that can be expected to go wrong into a line or two and an exit code."""
    try:
        yield
    except Stopped as stopped:
        fail(str(stopped), code=stopped.code)
    except Unavailable as error:
        fail(_unavailable(error))
    except ClaimdeskError as error:
        fail(_refusal(error))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}")
    except Exception as error:
        known = _database_says(error)
        if known is None:
            raise
        fail(known)


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)


def note(message: str) -> None:
    """Tell the person, not the program that reads standard output."""
    typer.echo(message, err=True)


def _refusal(error: ClaimdeskError) -> str:
    faults = error.extras.get("errors", ()) if isinstance(error, Invalid) else ()
    lines = [error.detail]
    for fault in faults:
        where = ".".join(str(part) for part in fault["loc"] if part != "body")
        if fault["msg"] not in error.detail:
            lines.append(f"  {where}: {fault['msg']}")
    return "\n".join(lines)


def _unavailable(error: Unavailable) -> str:
    known = _database_says(error)
    if known is not None:
        return known
    cause = error.__cause__
    reason = str(getattr(cause, "orig", None) or cause or error.detail)
    if settings().embedded:
        help_ = (
            "May this account write there, and is there room?  Is another process at work on it?"
        )
    else:
        help_ = "Is the server running there, and does it take connections from here?"
    return f"The database cannot be reached: {reason.splitlines()[0]}\n  {database()}\n  {help_}"


# What PostgreSQL says (its documentation's appendix A), and what to do.
SQLSTATES = {
    "3D000": "There is no such database on the server: create it first (createdb).",
    "28000": "The server does not let this user in.",
    "28P01": "The server does not accept this password.",
    "42501": "The database user may not do that.",
    "42P01": "The database lacks a table.  Run: claimdesk db upgrade",
    "42703": "The database lacks a column.  Run: claimdesk db upgrade",
    "53300": "The server has no connection left.",
}


def _database_says(error: BaseException) -> str | None:
    """What to tell about an error whose cause has one of the codes above, or is a bad file."""
    import sqlite3

    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        code = getattr(cause, "sqlstate", None)
        if code in SQLSTATES:
            return f"{SQLSTATES[code]}\n  The server says: {cause}\n  {database()}"
        # The class itself says that the file is bad; its subclasses say other things.
        if type(cause) is sqlite3.DatabaseError:
            return f"The database cannot be used: {cause}\n  {database()}"
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None


# --- what is printed ---


def print_json(document: Any) -> None:
    """One JSON document on standard output, and nothing else there."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """A table on a terminal; in a pipe, lines of tab-separated values with a heading."""
    lines = [[_cell(row.get(column)) for column in columns] for row in rows]
    headings = [column.replace("_", " ") for column in columns]
    if not sys.stdout.isatty():
        for line in (headings, *lines):
            typer.echo("\t".join(line))
    elif not lines:
        note(empty)
    else:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for n, heading in enumerate(headings):
            # What identifies a line has to be copied whole.
            table.add_column(heading, no_wrap=n == 0, overflow="fold")
        for line in lines:
            table.add_row(*map(Text, line))
        Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
