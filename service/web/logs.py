"""Structured logs: JSON lines in production, readable on a terminal; never a secret or a body."""

import logging
import sys
from typing import Any

import orjson
import structlog

from service.config import Settings


def configure(settings: Settings) -> None:
    """Set up structlog and the standard library's logging, both to standard error."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if text:
        # Not rich's tracebacks: they show local variables, and among those keys and bodies.
        plain = structlog.dev.plain_traceback
        shared.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))

        def write(*_: Any) -> Any:
            return structlog.PrintLogger(sys.stderr)
    else:
        shared += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ]

        def write(*_: Any) -> Any:
            return structlog.BytesLogger(sys.stderr.buffer)

    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Made anew for each line: a logger that keeps a standard error that is replaced and closed
        # later would raise where something only wanted to be said.
        logger_factory=write,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_ToStructlog()], force=True)


class _ToStructlog(logging.Handler):
    """Passes what libraries log on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _dumps(line: Any, **_: Any) -> bytes:
    return orjson.dumps(line, default=str)
