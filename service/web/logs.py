"""Structured logs: JSON lines in production, readable on a terminal; never a secret or a body."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from service.config import Settings


def configure_logging(settings: Settings) -> None:
    """Set up structlog and the standard library's logging, both to standard error."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared_processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks repeat what was sent: they become text first, and then harmless text.
    shared_processors += [structlog.processors.format_exc_info, escape_controls]
    if text:
        # Not rich's tracebacks: they show local variables, and among those keys and bodies.
        plain = structlog.dev.plain_traceback
        shared_processors.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))

        def write(*_: Any) -> Any:
            return structlog.PrintLogger(sys.stderr)
    else:
        shared_processors.append(structlog.processors.JSONRenderer(serializer=_dumps))

        def write(*_: Any) -> Any:
            return structlog.BytesLogger(sys.stderr.buffer)

    structlog.configure(
        processors=shared_processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Made anew for each line: a logger that keeps a standard error that is replaced and closed
        # later would raise where something only wanted to be said.
        logger_factory=write,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_ToStructlog()], force=True)


_UNPRINTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
LINES = frozenset({"exception", "stack"})
"""Fields of several lines, which are our own."""


def escape_controls(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Any:
    """Write out, as a backslash and a number, what could move a terminal or hide in a log."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = escape(value, lines=name in LINES)
        elif not isinstance(value, (int, float, bool, type(None))):
            # What is no plain text yet is written by a serializer that knows nothing of this.
            line[name] = _escape_all(value)
    return line


def escape(text: str, *, lines: bool = False) -> str:
    """Return a text without control and direction characters.

    `lines`: newlines and tabs stay, and what follows a newline is indented, so that no line of a
    traceback can be taken for one of the log.
    """
    if text.isprintable():
        return text

    def write_out(match: re.Match[str]) -> str:
        if lines and match[0] in "\n\t":
            return "\n    " if match[0] == "\n" else "\t"
        return ascii(match[0])[1:-1]

    return _UNPRINTED.sub(write_out, text)


def _escape_all(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {_escape_all(key): _escape_all(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_escape_all(item) for item in value]
    if isinstance(value, (int, float, bool, type(None))):
        return value
    return escape(str(value))


class _ToStructlog(logging.Handler):
    """Passes what libraries log on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _dumps(line: Any, **_: Any) -> bytes:
    return orjson.dumps(line, default=str)
