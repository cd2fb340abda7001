"""Statements whose rows wait to be written: alone, or together with the claim that is made of them.

Together costs one round trip to the database where there would be two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, Insert, insert

from service.domain.claims import Basis, Precision, Unnamed, Voice, choose_voice
from service.record import writer
from service.record.writer import EventRow
from service.search.index import index_writer
from service.search.index.searchable_fields import FieldSources
from service.store.compiled_statements import Parameters, StatementBatch, bind_columns
from service.store.tables import quotes, statements

STATEMENT_COLUMNS = (
    "id",
    "party",
    "speaker",
    "attribution",
    "description",
    "reason",
    "said_at",
    "said_end",
    "precision",
    "basis",
    "recorded_at",
    "recorded_by",
)
QUOTE_COLUMNS = tuple(column.name for column in quotes.c)


@dataclass(frozen=True, slots=True)
class RecordedStatement:
    """A statement as links and claims need it; `voice` is None if nobody stands behind it."""

    id: str
    voice: Voice | Unnamed | None
    said_at: datetime
    precision: Precision
    basis: Basis
    quote: str


@dataclass(frozen=True, slots=True)
class PendingStatement:
    """A statement with the rows to be written: its own, its quotes' and its events'."""

    statement: RecordedStatement
    row: Parameters
    quote_rows: Sequence[Parameters]
    lines: list[EventRow]
    sources: FieldSources
    """What the search index needs of it, and of a claim that is made of it."""

    @property
    def voice(self) -> Voice | None:
        """By whose names the statement is found."""
        return choose_voice(self.statement.voice)

    def write(self, connection: Connection) -> None:
        """Write it by itself."""
        parameters = self.build_parameters() | writer.build_parameters("line", self.lines)
        _build_recording(len(self.quote_rows), len(self.lines)).run(connection, parameters)

    def build_parameters(self) -> dict[str, object]:
        """Return the parameters of `build_inserts`."""
        rows = [self.row, *self.quote_rows]
        parameters = {
            f"{place}_{name}": value
            for place, row in enumerate(rows)
            for name, value in row.items()
        }
        return parameters | index_writer.build_new_statement_row(
            self.statement.id, self.voice, self.sources
        )


def build_inserts(renderings: int) -> list[Insert]:
    """Build the inserts of a statement with so many quotes, without its events."""
    return [
        insert(statements).values(bind_columns(statements, STATEMENT_COLUMNS, "0")),
        insert(quotes).values(
            [bind_columns(quotes, QUOTE_COLUMNS, f"{i + 1}") for i in range(renderings)]
        ),
        index_writer.INSERT_NEW_STATEMENT,
    ]


@lru_cache
def _build_recording(renderings: int, lines: int) -> StatementBatch:
    return StatementBatch(*build_inserts(renderings), writer.build_insert(lines, "line"))
