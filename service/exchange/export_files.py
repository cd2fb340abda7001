"""Read a file in the exchange format line by line, and check what it says of itself."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from service.domain.errors import Invalid
from service.exchange import export_format

BATCH = 500
"""Lines that are checked, and written, together."""
LONGEST = 64 * 1024 * 1024
ADVICE = "Export it again, or fetch the whole file once more."


@dataclass(frozen=True, slots=True)
class ExportLine:
    """A line of an export: its number in the file, and its fields, which may be anything yet."""

    number: int
    values: dict[str, object]

    def find_key(self) -> str | None:
        """Return the key that the line gives its thing, where it is a text."""
        key = self.values.get("id", self.values.get("slug"))
        return key if isinstance(key, str) else None

    def find_claim(self) -> str | None:
        """Return the claim that the line of an event names, where it is a text."""
        claim = self.values.get("claim")
        return claim if isinstance(claim, str) else None


def read_batches(
    file: BinaryIO, *, checking: bool = False
) -> Iterator[tuple[str, list[ExportLine]]]:
    """Yield the lines between header and trailer from the file's beginning: consecutive lines of
    one kind, at most `BATCH` at a time.

    With `checking`, counts and digest are compared with the trailer's; a file that passed need not
    be checked again.  Raises Invalid for a file of another format or version, one that was cut off
    or changed, and lines that do not belong in it.
    """
    file.seek(0)
    digest = sha256()
    counts: Counter[str] = Counter()
    kind = ""
    batch: list[ExportLine] = []
    for number, raw in enumerate(_read_lines(file), start=1):
        try:
            record, values = export_format.parse_line(raw)
        except ValueError as error:
            raise _build_error(number, f"{error}.  {ADVICE}") from error
        if number == 1:
            _require_header(record, values)
        elif record == "trailer":
            if batch:
                yield kind, batch
            if checking:
                _require_trailer(number, values, counts, digest.hexdigest())
                if file.read(1):
                    raise _build_error(number + 1, "the file goes on after its last line")
            return
        else:
            if record != kind or len(batch) == BATCH:
                if batch:
                    yield kind, batch
                _require_order(number, kind, record)
                kind, batch = record, []
            batch.append(ExportLine(number, values))
            counts[record] += 1
        if checking:
            digest.update(raw)
    raise Invalid(f"the file was cut off: its last line is missing.  {ADVICE}")


def _read_lines(file: BinaryIO) -> Iterator[bytes]:
    while raw := file.readline(LONGEST):
        if len(raw) == LONGEST:
            raise Invalid("this is no export: a line has more than 64 MiB")
        yield raw


def _require_header(record: str, values: dict[str, object]) -> None:
    if record != "header" or values.get("format") != export_format.FORMAT:
        raise Invalid("this is no export of Claimdesk: its first line does not say so")
    if values.get("version") not in export_format.READABLE_VERSIONS:
        versions = " and ".join(map(str, export_format.READABLE_VERSIONS))
        raise Invalid(
            f"the file has version {values.get('version')} of the format; this Claimdesk reads "
            f"versions {versions}: use the Claimdesk that made it, or a later one"
        )


def _require_order(number: int, before: str, record: str) -> None:
    order = export_format.RECORDS
    if record not in order:
        raise _build_error(number, f"there are no lines of the kind {record!r}")
    if before and order.index(record) < order.index(before):
        reason = f"a {record} stands after a {before}: lines are not in their order"
        raise _build_error(number, reason)


def _require_trailer(
    number: int, values: dict[str, object], counts: Counter[str], digest: str
) -> None:
    if values.get("counts") != export_format.list_counts(counts):
        raise _build_error(number, f"lines are missing, or too many.  {ADVICE}")
    if values.get("sha256") != digest:
        raise _build_error(number, f"the file was changed or damaged.  {ADVICE}")


def _build_error(number: int, reason: str) -> Invalid:
    return Invalid(f"line {number}: {reason}")
