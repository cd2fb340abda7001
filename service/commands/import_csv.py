"""Somebody else's CSV file, row by row: whatever is wrong with one row is its own affair.

Lines are read and decoded one at a time, so that memory stays of one size and one bad byte spoils
one row.  A quote that is opened and never closed would swallow the rest of the file: where a row
runs on for too long, its first line alone is refused and reading goes on with the next.
"""

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, BinaryIO

from service.commands import import_fields as fields
from service.commands.import_fields import Incoming, Refused
from service.commands.import_mapping import Mapping
from service.domain.errors import Invalid
from service.store.scratch import Scratch

LONGEST_LINE = 1_000_000
MOST_LINES = 500
"""Lines of one row: more are taken for a quote that was never closed."""
FALLBACK = "cp1252"


@dataclass(slots=True)
class Told:
    """What is to be said of the file as a whole."""

    fallback_lines: int = 0
    """Lines that are no UTF-8 and were read as Windows-1252."""


def rows(
    file: BinaryIO, mapping: Mapping, scratch: Scratch, told: Told
) -> Iterator[tuple[int, Incoming | Refused]]:
    """Every row with its line: a claim, or why it is none.  Raises Invalid for a file that does
    not have the mapping's columns."""
    columns = mapping.columns
    if columns is None:
        raise Invalid("the mapping does not say which column is what: [columns]", loc=("columns",))
    named = columns.named()
    records = _records(file, mapping, told)
    headings: list[str] | None = None
    if mapping.csv.header:
        headings = _headings(records, named)
    for line, cells in records:
        if isinstance(cells, Refused):
            yield line, cells
            continue
        if not any(cell.strip() for cell in cells):
            continue
        try:
            if headings is None:
                headings = _numbered(cells, named)
            yield line, _row(line, cells, headings, named, mapping, scratch)
        except Refused as refused:
            refused.field = named.get(refused.field or "", refused.field)
            yield line, refused


def _row(
    line: int,
    cells: list[str],
    headings: list[str],
    named: dict[str, str],
    mapping: Mapping,
    scratch: Scratch,
) -> Incoming:
    if len(cells) > len(headings) and not any(cells[len(headings) :]):
        cells = cells[: len(headings)]
    if len(cells) != len(headings):
        reason = f"the row has {len(cells)} cells, the heading {len(headings)}"
        raise Refused(None, mapping.csv.delimiter.join(cells), reason)
    row = dict(zip(headings, cells, strict=True))
    absent = {one.strip() for one in mapping.csv.missing}
    said = {
        field: value
        for field, column in named.items()
        if (value := row[column]).strip() and value.strip() not in absent
    }
    incoming = read(line, said, mapping)
    return _keyed(incoming, cells, said.get("id"), scratch)


def _keyed(incoming: Incoming, cells: list[str], own: str | None, scratch: Scratch) -> Incoming:
    """The row with what it is known again by: its own id; or its content, and the how-manieth of
    that content it is."""
    key: tuple[str, ...]
    if own is not None:
        before = scratch.name(f"id {own.strip()}", incoming.line)
        if before is not None:
            raise Refused("id", own, f"line {before} has this id too")
        key = ("id", own.strip())
    else:
        content = sha256("\x1f".join(cells).encode("utf-8", "surrogatepass")).hexdigest()
        key = ("row", content, str(scratch.count(content)))
    return replace(incoming, key=key)


def read(line: int, said: dict[str, str], mapping: Mapping) -> Incoming:
    """A row's fields.  Raises Refused."""
    defaults, dates = mapping.defaults, mapping.dates
    text = fields.text("text", said.get("text"))
    if text is None:
        raise Refused("text", None, "there is no claim")
    given = said.get("date", defaults.date)
    claimed = fields.moment("date", given, dates.formats, dates.timezone)
    if claimed is None:
        raise Refused("date", None, "there is no date, and the mapping has no default")
    url = fields.address("url", said.get("url", defaults.url))
    if url is None:
        raise Refused("url", None, "there is no address, and the mapping has no default")
    story = fields.text("story", said.get("story", defaults.story))
    return Incoming(
        line=line,
        key=(),
        text=text,
        claimed_at=claimed[0],
        precision=claimed[1],
        url=url,
        kind=fields.kind(said.get("kind"), defaults.kind),
        language=fields.language(said.get("language", defaults.language)) or defaults.language,
        claimant=fields.text("claimant", said.get("claimant")),
        speaker=fields.text("speaker", said.get("speaker")),
        role=fields.text("role", said.get("role")),
        publisher=fields.text("publisher", said.get("publisher", defaults.publisher)),
        title=fields.text("title", said.get("title")),
        quote=fields.text("quote", said.get("quote")),
        label=fields.text("label", said.get("label")),
        rated_by=fields.text("rated_by", said.get("rated_by", mapping.rated_by)),
        explanation=fields.text("explanation", said.get("explanation")),
        tags=fields.tags([*defaults.tags, *said.get("tags", "").split(mapping.tag_separator)]),
        story=story,
    )


def _headings(records: Iterator[tuple[int, Any]], named: dict[str, str]) -> list[str]:
    for _, cells in records:
        if isinstance(cells, Refused):
            raise Invalid(f"the headings cannot be read: {cells.reason}")
        if any(cell.strip() for cell in cells):
            headings = [cell.strip() for cell in cells]
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


def _records(
    file: BinaryIO, mapping: Mapping, told: Told
) -> Iterator[tuple[int, list[str] | Refused]]:
    """Every record with the line that it begins in."""
    feed = _Feed(_lines(file, mapping.csv.encoding, told))

    def reader() -> Any:
        # Strict: a row that is not well formed is refused, not guessed at.
        return csv.reader(feed, delimiter=mapping.csv.delimiter, strict=True)

    reading = reader()
    while True:
        feed.begin()
        try:
            cells = next(reading)
        except StopIteration:
            return
        except (csv.Error, _Endless) as error:
            first = feed.give_back()
            yield feed.first, Refused(None, first, f"the row is not well formed: {error}")
            reading = reader()
        else:
            yield feed.first, cells


class _Endless(Exception):
    """A row that runs on and on."""


class _Feed:
    """Lines for the CSV reader, which can be given back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
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
        return line

    def begin(self) -> None:
        self._taken.clear()
        self.first = self._next

    def give_back(self) -> str:
        """Give back all lines of the present row but its first, which is returned."""
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        self._next -= len(rest)
        return first


def _lines(file: BinaryIO, encoding: str, told: Told) -> Iterator[str]:
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if encoding == "auto" and start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Invalid('the file is UTF-16: say so in the mapping ([csv] encoding = "utf-16")')
    if encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        yield from _wide(file, encoding)
        return
    begun = False
    while raw := file.readline(LONGEST_LINE):
        line = _decoded(raw, encoding, told)
        yield line if begun else line.removeprefix("\ufeff")
        begun = True


def _wide(file: BinaryIO, encoding: str) -> Iterator[str]:
    wrapped = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield from wrapped
    except UnicodeError as error:
        raise Invalid(f"the file is not {encoding}: {error}") from error
    finally:
        wrapped.detach()


def _decoded(raw: bytes, encoding: str, told: Told) -> str:
    """A line as text; bytes that are no characters become what `fields.text` refuses."""
    if encoding != "auto":
        return raw.decode(encoding, "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        told.fallback_lines += 1
    try:
        return raw.decode(FALLBACK)
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")
