"""A file in the exchange format, read line by line and checked for what it says of itself."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO

from service.domain.errors import Invalid
from service.exchange import format

BATCH = 500
"""Lines that are checked, and written, together."""
LONGEST = 64 * 1024 * 1024
WHAT_TO_DO = "Export it again, or fetch the whole file once more."


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: its number in the file, and what it says."""

    line: int
    values: dict[str, Any]


Batch = tuple[str, list[Entry]]
"""Consecutive lines of one kind."""


def batches(file: BinaryIO, *, checking: bool = False) -> Iterator[Batch]:
    """What stands between header and trailer, a batch at a time, from the file's beginning.

    With `checking`, counts and digest are held against the trailer's; a file that passed need not
    be checked again.  Raises Invalid for a file of another format or version, one that was cut off
    or changed, and lines that are no lines of it.
    """
    file.seek(0)
    digest = sha256()
    counts: Counter[str] = Counter()
    kind = ""
    waiting: list[Entry] = []
    for number, raw in enumerate(_lines(file), start=1):
        try:
            values = format.parse(raw)
        except ValueError as error:
            raise _invalid(number, str(error)) from error
        record = values.pop("record")
        if number == 1:
            _require_header(record, values)
        elif record == "trailer":
            if waiting:
                yield kind, waiting
            if checking:
                _require_trailer(number, values, counts, digest.hexdigest())
                if file.read(1):
                    raise _invalid(number + 1, "the file goes on after its last line")
            return
        else:
            if record != kind or len(waiting) == BATCH:
                if waiting:
                    yield kind, waiting
                _require_order(number, kind, record)
                kind, waiting = record, []
            waiting.append(Entry(number, values))
            counts[record] += 1
        if checking:
            digest.update(raw)
    raise Invalid(f"the file was cut off: its last line is missing.  {WHAT_TO_DO}")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while raw := file.readline(LONGEST):
        if len(raw) == LONGEST:
            raise Invalid("this is no export: a line has more than 64 MiB")
        yield raw


def _require_header(record: str, values: dict[str, Any]) -> None:
    if record != "header" or values.get("format") != format.FORMAT:
        raise Invalid("this is no export of Claimdesk: its first line does not say so")
    if values.get("version") not in format.READS:
        raise Invalid(
            f"the file has version {values.get('version')} of the format; this Claimdesk reads "
            f"versions {' and '.join(map(str, format.READS))}: use the Claimdesk that made it, "
            "or a later one"
        )


def _require_order(line: int, before: str, record: str) -> None:
    if record not in format.RECORDS:
        raise _invalid(line, f"there are no lines of the kind {record!r}")
    if before and format.RECORDS.index(record) < format.RECORDS.index(before):
        raise _invalid(line, f"a {record} stands after a {before}: lines are not in their order")


def _require_trailer(line: int, values: dict[str, Any], counts: Counter[str], digest: str) -> None:
    if values.get("counts") != {record: counts[record] for record in format.RECORDS}:
        raise _invalid(line, f"lines are missing, or too many.  {WHAT_TO_DO}")
    if values.get("sha256") != digest:
        raise _invalid(line, f"the file was changed or damaged.  {WHAT_TO_DO}")


def _invalid(line: int, why: str) -> Invalid:
    return Invalid(f"line {line}: {why}")
