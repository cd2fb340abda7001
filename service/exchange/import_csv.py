"""Somebody else's CSV file, row by row: whatever is wrong with one row is its own affair.

A quote that is opened and never closed would swallow the rows after it: where a row runs on for
too long, or over what reads as rows of its own, its first line alone is refused and reading goes
on with the next.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from service.domain.errors import Invalid
from service.exchange import import_lines, import_rows
from service.exchange.import_fields import Incoming, Refused
from service.exchange.import_lines import FallbackLine, FileNotes
from service.exchange.import_mapping import Mapping, Sheet
from service.exchange.scratch import Scratch

MOST_LINES = 500
"""Lines of one row: more are taken for a quote that was never closed."""
DELIMITER_LINE = re.compile(r'(?i)"?sep=([^\r\n])"?[\r\n]*')
"""What Excel writes above a sheet, to say how its cells are parted."""
UNQUOTED = (
    "double a quote within a cell; if the file quotes nothing, say so in the mapping: [csv] "
    'quote = "none"'
)
OTHER_LETTERS = "the line is not UTF-8 and was read as Windows-1252: look at its letters"
STRAY_QUOTE = "a quote stands in it without its partner: it is taken as a letter"
DOUBTFUL = "a cell goes on over several lines and holds the delimiter: was a quote left open?"


def rows(
    file: BinaryIO, mapping: Mapping, scratch: Scratch, notes: FileNotes
) -> Iterator[tuple[int, Incoming | Refused]]:
    """Every row with its line: a claim, or why it is none.  Raises Invalid for a file that does
    not have the mapping's columns."""
    columns = mapping.columns
    if columns is None:
        raise Invalid("the mapping does not say which column is what: [columns]", loc=("columns",))
    named = columns.named()
    records = _Records(file, mapping, notes)
    headings: list[str] | None = None
    if mapping.csv.header:
        headings = _headings(records, named)
        records.expect(headings, _reader_of(headings, named, mapping))
        _note_columns(headings, named, notes)
    found = False
    for record in records:
        if isinstance(record.cells, Refused):
            found = True
            yield record.line, record.cells
            continue
        if not any(cell.strip() for cell in record.cells):
            continue
        found = True
        try:
            if headings is None:
                headings = _numbered(record.cells, named)
                records.expect(headings, _reader_of(headings, named, mapping))
            row = _row(record.line, record.cells, headings, named, mapping)
            row = replace(row, remarks=(*record.remarks, *row.remarks))
            yield record.line, import_rows.identify(row, record.cells, scratch)
        except Refused as refused:
            refused.field = named.get(refused.field or "", refused.field)
            yield record.line, refused
    if not found:
        notes.texts.append("The file has headings and no rows." if headings else "It is empty.")


def _row(
    line: int, cells: list[str], headings: list[str], named: dict[str, str], mapping: Mapping
) -> Incoming:
    if len(cells) > len(headings) and not any(cells[len(headings) :]):
        cells = cells[: len(headings)]
    if len(cells) != len(headings):
        reason = f"the row has {len(cells)} cells, the heading {len(headings)}"
        raise Refused(None, mapping.csv.delimiter.join(cells), reason)
    if mapping.csv.header and [cell.strip() for cell in cells] == headings:
        raise Refused(None, mapping.csv.delimiter.join(cells), "these are the headings again")
    row = dict(zip(headings, cells, strict=True))
    absent = {value.strip() for value in mapping.csv.missing}
    said = {
        field: value
        for field, column in named.items()
        if (value := row[column]).strip() and value.strip() not in absent
    }
    return import_rows.read(line, said, mapping)


def _reader_of(
    headings: list[str], named: dict[str, str], mapping: Mapping
) -> Callable[[list[str]], bool]:
    """How to tell whether cells are a row of the sheet."""

    def reads(cells: list[str]) -> bool:
        try:
            _row(0, cells, headings, named, mapping)
        except Refused:
            return False
        return True

    return reads


def _note_columns(headings: list[str], named: dict[str, str], notes: FileNotes) -> None:
    left = [heading for heading in headings if heading and heading not in named.values()]
    if left:
        notes.texts.append(f"Columns that the mapping does not take: {', '.join(left)}.")


def _headings(records: "_Records", named: dict[str, str]) -> list[str]:
    for record in records:
        if isinstance(record.cells, Refused):
            raise Invalid(f"the headings cannot be read: {record.cells.reason}")
        if any(cell.strip() for cell in record.cells):
            headings = [cell.strip() for cell in record.cells]
            break
    else:
        raise Invalid("the file has no headings: it is empty")
    for field, column in named.items():
        if headings.count(column) != 1:
            what = "twice" if column in headings else "not at all"
            raise Invalid(
                f"the mapping takes {field} from the column {column!r}, which the file has {what}; "
                f"it has: {', '.join(map(repr, headings))}",
                loc=("columns", field),
            )
    return headings


def _numbered(cells: list[str], named: dict[str, str]) -> list[str]:
    headings = [str(n) for n in range(1, len(cells) + 1)]
    for field, column in named.items():
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
    cells: list[str] | Refused
    remarks: tuple[str, ...] = ()


class _Records:
    """The records of a file, one after the other."""

    def __init__(self, file: BinaryIO, mapping: Mapping, notes: FileNotes) -> None:
        sheet = mapping.csv
        self._feed = _Feed(import_lines.read_lines(file, sheet.encoding, notes))
        self._sheet = self._find_delimiter(sheet, notes)
        self._width: int | None = None
        self._reads: Callable[[list[str]], bool] = lambda cells: False
        columns = mapping.columns
        self._tells = columns is not None and bool(columns.date or columns.url or columns.kind)
        """Whether a row that reads is more than cells of the right number."""
        self._iterator = self._read()

    def __iter__(self) -> Iterator[Record]:
        return self._iterator

    def expect(self, headings: list[str], reads: Callable[[list[str]], bool]) -> None:
        """Say how many cells a row has, and how to tell whether cells are a row."""
        self._width, self._reads = len(headings), reads

    def _find_delimiter(self, sheet: Sheet, notes: FileNotes) -> Sheet:
        """The sheet with the delimiter that the file itself names, where the mapping names none."""
        first = self._feed.peek()
        said = DELIMITER_LINE.fullmatch(first) if isinstance(first, str) else None
        if said is None:
            return sheet
        self._feed.begin()
        next(self._feed)
        if "delimiter" not in sheet.model_fields_set:
            return sheet.model_copy(update={"delimiter": said[1]})
        if sheet.delimiter != said[1]:
            notes.texts.append(
                f"The file says that {said[1]!r} parts its cells; the mapping's "
                f"{sheet.delimiter!r} was taken."
            )
        return sheet

    def _reader(self) -> Any:
        sheet = self._sheet
        if sheet.quote == "none":
            return csv.reader(self._feed, delimiter=sheet.delimiter, quoting=csv.QUOTE_NONE)
        # Strict: a row that is not well formed is refused, not guessed at.
        return csv.reader(self._feed, delimiter=sheet.delimiter, quotechar=sheet.quote, strict=True)

    def _read(self) -> Iterator[Record]:
        feed = self._feed
        reading = self._reader()
        while True:
            feed.begin()
            try:
                cells = next(reading)
            except StopIteration:
                return
            except (csv.Error, _Endless, _Unreadable) as error:
                first = feed.give_back()
                reading = self._reader()
                if isinstance(first, Refused):
                    yield Record(feed.first, first)
                    continue
                reason = f"the row is not well formed: {error}"
                if self._quote(first):
                    reason = f"{reason}; {UNQUOTED}"
                yield Record(feed.first, Refused(None, first, reason))
            else:
                taken = feed.taken
                record = Record(feed.first, cells, self._remarks(taken))
                if len(taken) > 1:
                    record = self._judge(record, cells, taken)
                if isinstance(record.cells, Refused):
                    reading = self._reader()
                yield record

    def _quote(self, text: str) -> int:
        return 0 if self._sheet.quote == "none" else text.count(self._sheet.quote)

    def _remarks(self, taken: list[str]) -> tuple[str, ...]:
        remarks = []
        if any(isinstance(line, FallbackLine) for line in taken):
            remarks.append(OTHER_LETTERS)
        if sum(map(self._quote, taken)) % 2:
            remarks.append(STRAY_QUOTE)
        return tuple(remarks)

    def _judge(self, record: Record, cells: list[str], taken: list[str]) -> Record:
        """Tell a row of several lines from rows that a stray quote made one of."""
        width = len(cells) if self._width is None else self._width
        fits = len(cells) == width
        running = [cell for cell in cells if "\n" in cell or "\r" in cell]
        if fits and not any(self._sheet.delimiter in cell for cell in running):
            return record
        alone = self._split_alone(taken[0])
        if len(alone) != width:
            if not fits:
                return self._refuse_lines(record, taken, width)
            return replace(record, remarks=(*record.remarks, DOUBTFUL))
        others = [len(self._split_alone(line)) == width for line in taken[1:]]
        if self._width is None:
            rows_of_their_own = all(others)
        elif not self._reads(alone):
            if not fits:
                return self._refuse_lines(record, taken, width)
            return replace(record, remarks=(*record.remarks, DOUBTFUL))
        else:
            rows_of_their_own = self._tells or all(others)
        if not rows_of_their_own:
            return self._refuse_lines(record, taken, width)
        first = self._feed.give_back()
        last = record.line + len(taken) - 1
        reason = (
            f"a quote is opened in it, and the next one stands in line {last}: the lines between "
            f"read as rows of their own; {UNQUOTED}"
        )
        return Record(record.line, Refused(None, str(first), reason))

    def _refuse_lines(self, record: Record, taken: list[str], width: int) -> Record:
        cells = record.cells
        count = len(cells) if isinstance(cells, list) else 0
        last = record.line + len(taken) - 1
        reason = (
            f"the row goes on to line {last} and has {count} cells, the heading {width}: was a "
            f"quote left open?  If so, {UNQUOTED}"
        )
        return Record(record.line, Refused(None, "".join(taken), reason))

    def _split_alone(self, line: str) -> list[str]:
        """The cells of a line where a quote that is not closed in it is a letter."""
        delimiter, quote = self._sheet.delimiter, self._sheet.quote
        line = line.rstrip("\r\n")
        cells, position = [], 0
        while True:
            end = self._quoted_end(line, position, delimiter, quote)
            if end is None:
                end = line.find(delimiter, position)
                end = len(line) if end < 0 else end
            cells.append(line[position:end])
            if end >= len(line):
                return cells
            position = end + 1

    @staticmethod
    def _quoted_end(line: str, start: int, delimiter: str, quote: str) -> int | None:
        """Where a cell ends that is quoted and closed in this line; None for another."""
        if not line.startswith(quote, start):
            return None
        at = start + 1
        while (at := line.find(quote, at)) >= 0:
            if line.startswith(quote, at + 1):
                at += 2
                continue
            closed = at + 1
            return closed if closed == len(line) or line[closed] == delimiter else None
        return None


class _Endless(Exception):
    """A row that runs on and on."""


class _Unreadable(Exception):
    """A line that cannot be read."""


class _Feed:
    """Lines for the CSV reader, which can be given back."""

    def __init__(self, lines: Iterator[str | Refused]) -> None:
        self._lines = lines
        self._again: deque[str | Refused] = deque()
        self._taken: list[str | Refused] = []
        self._next = 1
        self.first = 1

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if len(self._taken) == MOST_LINES:
            raise _Endless("a quote is opened and not closed")
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        self._next += 1
        if isinstance(line, Refused):
            raise _Unreadable("a quote is opened and not closed before a line that is too long")
        return line

    @property
    def taken(self) -> list[str]:
        """The lines of the present row."""
        return [line for line in self._taken if isinstance(line, str)]

    def peek(self) -> str | Refused | None:
        line = next(self._lines, None)
        if line is not None:
            self._again.append(line)
        return line

    def begin(self) -> None:
        self._taken.clear()
        self.first = self._next

    def give_back(self) -> str | Refused:
        """Give back all lines of the present row but its first, which is returned."""
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        self._next -= len(rest)
        return first
