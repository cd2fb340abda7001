"""What every command shares: settings, errors in plain words, JSON and tables."""

import gc
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


class CommandError(Exception):
    """A command cannot go on.  The message says why, and what to do."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(CommandError):
    """An option or argument is wrong: exit code 2, as for an unknown option."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=MISUSED)


def read_clock() -> datetime:
    return datetime.now(UTC)


def read_version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("claimdesk")
    except PackageNotFoundError:
        return "(not installed)"


@cache
def load_settings() -> "Settings":
    """Return the settings of this process.  Raises UsageError, which names each wrong variable."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from service.config import Settings

    try:
        settings = Settings()
        _require_port(settings.database_url.get_secret_value())
        return settings
    except ValidationError as error:
        raise UsageError(_describe_bad_settings(error)) from error
    except SettingsError as error:
        raise UsageError(f"The settings cannot be read: {error}.") from error
    except ValueError as error:
        raise UsageError(f"{PREFIX}DATABASE_URL is not an address: {error}.") from error


def _require_port(url: str) -> None:
    """Raise ValueError if a port of a database URL is no number.

    A password may hold anything, so only what follows it is read.  There may be several servers,
    between commas.
    """
    servers = url.partition("://")[2].partition("?")[0].rpartition("@")[2].partition("/")[0]
    for server in servers.split(","):
        _ = urlsplit(f"//{server}").port


def _describe_bad_settings(error: "ValidationError") -> str:
    from service.config import Settings

    lines = ["These settings do not hold (environment variables, or the file .env):"]
    for fault in error.errors():
        field = str(fault["loc"][0]) if fault["loc"] else ""
        info = Settings.model_fields.get(field)
        value = "" if is_secret(field) else f"={fault['input']}"
        message = fault["msg"].removeprefix("Value error, ")
        if not field:  # of several settings together, which the message names
            lines.append(f"  {message}")
            continue
        lines.append(f"  {PREFIX}{field.upper()}{value}: {message[:1].lower()}{message[1:]}")
        if info is not None and info.description:
            lines.append(f"    {info.description}")
    return "\n".join(lines)


def is_secret(field: str) -> bool:
    """Whether a setting must not be printed as it is."""
    from service.config import Settings

    info = Settings.model_fields.get(field)
    return info is None or "Secret" in f"{info.annotation} {info.metadata} {info.default!r}"


def mask_password(url: str) -> str:
    """Return a database URL without its password."""
    url = re.sub(r"^([\w+]+://[^:@/?]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", url)


def describe_database() -> str:
    """Return which database is used, without its password."""
    return f"{PREFIX}DATABASE_URL is {describe_url()}"


def describe_url() -> str:
    """Return the database's URL without its password."""
    return mask_password(load_settings().database_url.get_secret_value())


# --- errors ---


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an expected error as a line or two, and exit with its code."""
    try:
        yield
    except CommandError as error:
        fail(str(error), code=error.code)
    except Unavailable as error:
        fail(_describe_unavailable(error))
    except ClaimdeskError as error:
        fail(_describe_refusal(error))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}")
    except Exception as error:
        explanation = _explain_database_error(error)
        if explanation is None:
            raise
        fail(explanation)


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)


def print_note(message: str) -> None:
    """Print a message for the person, not for the program that reads standard output."""
    typer.echo(message, err=True)


def _describe_refusal(error: ClaimdeskError) -> str:
    faults = error.extras.get("errors", ()) if isinstance(error, Invalid) else ()
    lines = [error.detail]
    for fault in faults:
        where = ".".join(str(part) for part in fault["loc"] if part != "body")
        if fault["msg"] not in error.detail:
            lines.append(f"  {where}: {fault['msg']}")
    return "\n".join(lines)


def _describe_unavailable(error: Unavailable) -> str:
    explanation = _explain_database_error(error)
    if explanation is not None:
        return explanation
    cause = error.__cause__
    reason = str(getattr(cause, "orig", None) or cause or error.detail)
    if load_settings().embedded:
        help_ = (
            "May this account write there, and is there room?  Is another process at work on it?"
        )
    else:
        help_ = "Is the server running there, and does it take connections from here?"
    first_line = reason.splitlines()[0]
    return f"The database cannot be reached: {first_line}\n  {describe_database()}\n  {help_}"


# PostgreSQL's error codes (appendix A of its documentation), and what to do.
SQLSTATES = {
    "3D000": "There is no such database on the server: create it first (createdb).",
    "28000": "The server does not let this user in.",
    "28P01": "The server does not accept this password.",
    "42501": "The database user may not do that.",
    "42P01": "The database lacks a table.  Run: claimdesk db upgrade",
    "42703": "The database lacks a column.  Run: claimdesk db upgrade",
    "53300": "The server has no connection left.",
}


def _explain_database_error(error: BaseException) -> str | None:
    """Explain an error whose cause has one of the codes above, or is a bad file; else None."""
    import sqlite3

    cause_ids: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in cause_ids:
        cause_ids.add(id(cause))
        code = getattr(cause, "sqlstate", None)
        if code in SQLSTATES:
            return f"{SQLSTATES[code]}\n  The server says: {cause}\n  {describe_database()}"
        # The class itself says that the file is bad; its subclasses say other things.
        if type(cause) is sqlite3.DatabaseError:
            return f"The database cannot be used: {cause}\n  {describe_database()}"
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None


# --- output ---


def print_json(document: Any) -> None:
    """Print one JSON document, and nothing else, on standard output."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """Print a table on a terminal; in a pipe, lines of tab-separated values with a heading."""
    lines = [[_format_cell(row.get(column)) for column in columns] for row in rows]
    headings = [column.replace("_", " ") for column in columns]
    if not sys.stdout.isatty():
        for line in (headings, *lines):
            typer.echo("\t".join(line))
    elif not lines:
        print_note(empty)
    else:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for position, heading in enumerate(headings):
            # The first column names the row: it has to be copied whole.
            table.add_column(heading, no_wrap=position == 0, overflow="fold")
        for line in lines:
            table.add_row(*map(Text, line))
        Console().print(table)


def _format_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def collect_garbage_rarely() -> None:
    """Let the garbage collector run seldom, in a command that works through very many rows.

    Rows make no cycles.  What was imported stays, and looking at it again and again takes a tenth
    of the time.
    """
    gc.freeze()
    gc.set_threshold(100_000, 10, 100)
