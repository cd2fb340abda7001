"""Read somebody else's CSV file row by row: what is wrong with one row refuses only that row.

A quote that is opened and never closed would swallow the rows after it.  Where a row goes on for
too many lines, or over lines that read as rows of their own, only its first line is refused, and
reading goes on with the next.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from service.domain.errors import Invalid
from service.exchange import import_lines, import_rows
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_lines import FallbackLine, FileNotes
from service.exchange.import_mapping import Mapping, SheetSettings
from service.exchange.scratch import Scratch

MOST_LINES = 500
"""A row of more lines is taken for a quote that was never closed."""
DELIMITER_LINE = re.compile(r'(?i)"?sep=([^\r\n])"?[\r\n]*')
"""The line that Excel writes above a sheet, to name its delimiter."""
QUOTE_ADVICE = (
    "double a quote within a cell; if the file quotes nothing, say so in the mapping: [csv] "
    'quote = "none"'
)
OTHER_ENCODING = "the line is not UTF-8 and was read as Windows-1252: look at its letters"
STRAY_QUOTE = "a quote stands in it without its partner: it is taken as a letter"
DOUBTFUL = "a cell goes on over several lines and holds the delimiter: was a quote left open?"


def read_rows(
    file: BinaryIO, mapping: Mapping, scratch: Scratch, notes: FileNotes
) -> Iterator[tuple[int, ClaimRow | RowRefusal]]:
    """Yield every row with its line: a claim, or why it is refused.  Raises Invalid for a file that
    does not have the mapping's columns."""
    if mapping.columns is None:
        raise Invalid("the mapping does not say which column is what: [columns]", loc=("columns",))
    columns = mapping.columns.list_columns()
    records = _RecordReader(file, mapping, notes)
    sheet: _Sheet | None = None
    if mapping.csv.header:
        sheet = _Sheet(_read_headings(records, columns), columns, mapping)
        records.expect(sheet)
        unused_headings = [name for name in sheet.headings if name and name not in columns.values()]
        if unused_headings:
            notes.texts.append(
                f"Columns that the mapping does not take: {', '.join(unused_headings)}."
            )
    is_empty = True
    for record in records:
        if isinstance(record.cells, RowRefusal):
            is_empty = False
            yield record.line, record.cells
            continue
        if not any(cell.strip() for cell in record.cells):
            continue
        is_empty = False
        try:
            if sheet is None:
                sheet = _Sheet(_number_columns(record.cells, columns), columns, mapping)
                records.expect(sheet)
            row = sheet.read_row(record.line, record.cells)
            row = replace(row, remarks=(*record.remarks, *row.remarks))
            yield record.line, import_rows.add_key(row, record.cells, scratch)
        except RowRefusal as refusal:
            refusal.field = columns.get(refusal.field or "", refusal.field)
            yield record.line, refusal
    if is_empty:
        notes.texts.append("The file has headings and no rows." if sheet else "It is empty.")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The headings of a sheet, and how its rows are read; `columns` has headings by field."""

    headings: list[str]
    columns: dict[str, str]
    mapping: Mapping

    def read_row(self, line: int, cells: list[str]) -> ClaimRow:
        """Read the cells of a row.  Raises RowRefusal."""
        headings, settings = self.headings, self.mapping.csv
        if len(cells) > len(headings) and not any(cells[len(headings) :]):
            cells = cells[: len(headings)]
        if len(cells) != len(headings):
            reason = f"the row has {len(cells)} cells, the heading {len(headings)}"
            raise RowRefusal(None, settings.delimiter.join(cells), reason)
        if settings.header and [cell.strip() for cell in cells] == headings:
            reason = "these are the headings again"
            raise RowRefusal(None, settings.delimiter.join(cells), reason)
        row = dict(zip(headings, cells, strict=True))
        missing = {"", *(value.strip() for value in settings.missing)}
        fields = {
            field: value
            for field, column in self.columns.items()
            if (value := row[column]).strip() not in missing
        }
        return import_rows.read_row(line, fields, self.mapping)

    def is_row(self, cells: list[str]) -> bool:
        try:
            self.read_row(0, cells)
        except RowRefusal:
            return False
        return True


def _read_headings(records: "_RecordReader", columns: dict[str, str]) -> list[str]:
    for record in records:
        if isinstance(record.cells, RowRefusal):
            raise Invalid(f"the headings cannot be read: {record.cells.reason}")
        if any(cell.strip() for cell in record.cells):
            headings = [cell.strip() for cell in record.cells]
            break
    else:
        raise Invalid("the file has no headings: it is empty")
    for field, column in columns.items():
        if headings.count(column) != 1:
            how_often = "twice" if column in headings else "not at all"
            raise Invalid(
                f"the mapping takes {field} from the column {column!r}, which the file has "
                f"{how_often}; it has: {', '.join(map(repr, headings))}",
                loc=("columns", field),
            )
    return headings


def _number_columns(cells: list[str], columns: dict[str, str]) -> list[str]:
    """Return the numbers of a sheet's columns, which serve as its headings."""
    headings = [str(number) for number in range(1, len(cells) + 1)]
    for field, column in columns.items():
        if column not in headings:
            raise Invalid(
                f"the mapping takes {field} from the column {column!r}; without headings, columns "
                f"have the numbers 1 to {len(cells)}",
                loc=("columns", field),
            )
    return headings


@dataclass(frozen=True, slots=True)
class Record:
    """A row's cells, or why it cannot be read, with the line that it begins in."""

    line: int
    cells: list[str] | RowRefusal
    remarks: tuple[str, ...] = ()


class _RecordReader:
    """Reads the records of a file, one after the other."""

    def __init__(self, file: BinaryIO, mapping: Mapping, notes: FileNotes) -> None:
        settings, columns = mapping.csv, mapping.columns
        self._feed = _LineFeed(import_lines.read_lines(file, settings.encoding, notes))
        self._settings = self._find_delimiter(settings, notes)
        self._sheet: _Sheet | None = None
        self._is_telling = columns is not None and bool(columns.date or columns.url or columns.kind)
        """Whether more than the number of cells tells that a line is a row of the sheet."""
        self._iterator = self._read_records()

    def __iter__(self) -> Iterator[Record]:
        return self._iterator

    def expect(self, sheet: _Sheet) -> None:
        """Read on with what is known of the sheet: how many cells a row has, and what is a row."""
        self._sheet = sheet

    def _find_delimiter(self, settings: SheetSettings, notes: FileNotes) -> SheetSettings:
        """Return the settings with the delimiter of the file, where the mapping names none."""
        first = self._feed.peek()
        match = DELIMITER_LINE.fullmatch(first) if isinstance(first, str) else None
        if match is None:
            return settings
        self._feed.begin_row()
        next(self._feed)
        if "delimiter" not in settings.model_fields_set:
            return settings.model_copy(update={"delimiter": match[1]})
        if settings.delimiter != match[1]:
            notes.texts.append(
                f"The file says that {match[1]!r} parts its cells; the mapping's "
                f"{settings.delimiter!r} was taken."
            )
        return settings

    def _start_reader(self) -> Iterator[list[str]]:
        delimiter, quote = self._settings.delimiter, self._settings.quote
        if quote == "none":
            return csv.reader(self._feed, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        # Strict: a row that is not well formed is refused, not guessed at.
        return csv.reader(self._feed, delimiter=delimiter, quotechar=quote, strict=True)

    def _read_records(self) -> Iterator[Record]:
        feed = self._feed
        reader = self._start_reader()
        while True:
            feed.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooManyLines, _UnreadableLine) as error:
                first = feed.give_back()
                reader = self._start_reader()
                if isinstance(first, RowRefusal):
                    yield Record(feed.first, first)
                    continue
                reason = f"the row is not well formed: {error}"
                if self._count_quotes(first):
                    reason = f"{reason}; {QUOTE_ADVICE}"
                yield Record(feed.first, RowRefusal(None, first, reason))
            else:
                record = self._check_lines(cells, feed.lines)
                if isinstance(record.cells, RowRefusal):
                    reader = self._start_reader()
                yield record

    def _count_quotes(self, text: str) -> int:
        return 0 if self._settings.quote == "none" else text.count(self._settings.quote)

    def _check_lines(self, cells: list[str], lines: list[str]) -> Record:
        """Tell a row of several lines from rows that a stray quote joined."""
        remarks = []
        if any(isinstance(line, FallbackLine) for line in lines):
            remarks.append(OTHER_ENCODING)
        if sum(map(self._count_quotes, lines)) % 2:
            remarks.append(STRAY_QUOTE)
        record = Record(self._feed.first, cells, tuple(remarks))
        width = len(self._sheet.headings) if self._sheet else len(cells)
        is_fitting = len(cells) == width
        running = [cell for cell in cells if "\n" in cell or "\r" in cell]
        if len(lines) == 1 or (
            is_fitting and not any(self._settings.delimiter in cell for cell in running)
        ):
            return record
        first = self._split_line(lines[0])
        if len(first) != width or (self._sheet and not self._sheet.is_row(first)):
            if not is_fitting:
                return self._refuse_lines(record, cells, lines, width)
            return replace(record, remarks=(*record.remarks, DOUBTFUL))
        are_rows = all(len(self._split_line(line)) == width for line in lines[1:])
        if not are_rows and not (self._sheet and self._is_telling):
            return self._refuse_lines(record, cells, lines, width)
        first_line = self._feed.give_back()
        last = record.line + len(lines) - 1
        reason = (
            f"a quote is opened in it, and the next one stands in line {last}: the lines between "
            f"read as rows of their own; {QUOTE_ADVICE}"
        )
        return Record(record.line, RowRefusal(None, str(first_line), reason))

    def _refuse_lines(
        self, record: Record, cells: list[str], lines: list[str], width: int
    ) -> Record:
        last = record.line + len(lines) - 1
        reason = (
            f"the row goes on to line {last} and has {len(cells)} cells, the heading {width}: was "
            f"a quote left open?  If so, {QUOTE_ADVICE}"
        )
        return Record(record.line, RowRefusal(None, "".join(lines), reason))

    def _split_line(self, line: str) -> list[str]:
        """Split a line into cells, where a quote that is not closed in it is a letter."""
        delimiter, quote = self._settings.delimiter, self._settings.quote
        line = line.rstrip("\r\n")
        cells, position = [], 0
        while True:
            end = self._find_quoted_end(line, position, delimiter, quote)
            if end is None:
                end = line.find(delimiter, position)
                end = len(line) if end < 0 else end
            cells.append(line[position:end])
            if end >= len(line):
                return cells
            position = end + 1

    @staticmethod
    def _find_quoted_end(line: str, start: int, delimiter: str, quote: str) -> int | None:
        """Return where a cell ends that is quoted and closed in this line; None for another."""
        if not line.startswith(quote, start):
            return None
        at = start + 1
        while (at := line.find(quote, at)) >= 0:
            if line.startswith(quote, at + 1):
                at += 2
                continue
            after_quote = at + 1
            return (
                after_quote if after_quote == len(line) or line[after_quote] == delimiter else None
            )
        return None


class _TooManyLines(Exception):
    """A row goes on for more lines than a row may have."""


class _UnreadableLine(Exception):
    """A line that cannot be read."""


class _LineFeed:
    """Gives lines to the CSV reader, and takes them back."""

    def __init__(self, lines: Iterator[str | RowRefusal]) -> None:
        self._source = lines
        self._returned: deque[str | RowRefusal] = deque()
        self._row: list[str | RowRefusal] = []
        self._next = 1
        self.first = 1
        """The number of the present row's first line."""

    def __iter__(self) -> "_LineFeed":
        return self

    def __next__(self) -> str:
        if len(self._row) == MOST_LINES:
            raise _TooManyLines("a quote is opened and not closed")
        line = self._returned.popleft() if self._returned else next(self._source)
        self._row.append(line)
        self._next += 1
        if isinstance(line, RowRefusal):
            raise _UnreadableLine("a quote is opened and not closed before a line that is too long")
        return line

    @property
    def lines(self) -> list[str]:
        """The lines of the present row."""
        return [line for line in self._row if isinstance(line, str)]

    def peek(self) -> str | RowRefusal | None:
        line = next(self._source, None)
        if line is not None:
            self._returned.append(line)
        return line

    def begin_row(self) -> None:
        self._row.clear()
        self.first = self._next

    def give_back(self) -> str | RowRefusal:
        """Take back all lines of the present row but its first, which is returned."""
        first, *rest = self._row
        self._returned.extendleft(reversed(rest))
        self._next -= len(rest)
        return first
