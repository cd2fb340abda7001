"""Decode the lines of somebody else's text file one at a time, whatever ends them.

Memory stays of one size, and one bad byte spoils one line.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import AnyStr, BinaryIO

from service.domain.errors import Invalid
from service.exchange.import_fields import RowRefusal

CHUNK = 64 * 1024
LONGEST_LINE = 1_000_000
FALLBACK = "cp1252"
MARK = "\ufeff"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The first bytes of a file that say its encoding; longer ones first, for they begin alike."""
NO_TEXT = (
    (b"PK\x03\x04", "a zip archive, as workbooks (.xlsx, .ods) are: save it as CSV"),
    (b"\x1f\x8b", "compressed: unpack it"),
    (b"\xd0\xcf\x11\xe0", "a workbook (.xls): save it as CSV"),
    (b"%PDF", "a PDF"),
)
END_BYTES = re.compile(rb"\r\n|\n|\r(?!\Z)")
END_TEXT = re.compile(r"\r\n|\n|\r(?!\Z)")
"""A carriage return at the very end may be the first half of a line's end."""


class FallbackLine(str):
    """A line that is not UTF-8 and was read as Windows-1252."""

    __slots__ = ()


@dataclass(slots=True)
class FileNotes:
    """What is reported of a file as a whole."""

    fallback_lines: int = 0
    """How many lines are not UTF-8 and were read as Windows-1252."""
    texts: list[str] = field(default_factory=list)


def read_lines(file: BinaryIO, encoding: str, notes: FileNotes) -> Iterator[str | RowRefusal]:
    """Yield every line with its end.  A line that is too long is refused, and reading goes on
    after it.

    Raises Invalid for a file that is no text, or not in the encoding that the mapping says.
    """
    encoding = _find_encoding(file, encoding, notes)
    for number, line in enumerate(_decode_lines(file, encoding, notes)):
        if number == 0 and isinstance(line, str) and line.startswith(MARK):
            line = line.removeprefix(MARK)
        yield line


def require_text(start: bytes) -> None:
    """Require a text file.  Raises Invalid, with what to do, for one that begins as what is no
    text."""
    for magic, kind in NO_TEXT:
        if start.startswith(magic):
            raise Invalid(f"the file is {kind}")


def _find_encoding(file: BinaryIO, encoding: str, notes: FileNotes) -> str:
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    require_text(start)
    marked_as = next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if encoding != "auto":
        if marked_as is not None and not _normalize_encoding(encoding).startswith(marked_as):
            raise Invalid(
                f"the file begins with the mark of {marked_as}, the mapping says {encoding}"
            )
        return encoding
    if marked_as in ("utf-16", "utf-32"):
        notes.texts.append(f"The file is {marked_as.upper()}.")
        return marked_as
    if b"\x00" in start[:4] and start.strip(b"\x00"):
        raise Invalid(
            "the file seems to be UTF-16 without its mark: say so in the mapping, such as "
            '[csv] encoding = "utf-16-le"'
        )
    return encoding


def _normalize_encoding(name: str) -> str:
    return name.lower().replace("_", "-")


def _decode_lines(file: BinaryIO, encoding: str, notes: FileNotes) -> Iterator[str | RowRefusal]:
    if encoding == "auto":
        for raw in _split_lines(iter(lambda: file.read(CHUNK), b""), END_BYTES, b""):
            yield raw if isinstance(raw, RowRefusal) else _decode_line(raw, notes)
        return
    is_wide = _normalize_encoding(encoding).startswith(("utf-16", "utf-32"))
    # Bytes that are no characters become what `import_fields.clean_text` refuses.
    errors = "strict" if is_wide else "surrogateescape"
    yield from _split_lines(_decode_chunks(file, encoding, errors), END_TEXT, "")


def _decode_chunks(file: BinaryIO, encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        while chunk := file.read(CHUNK):
            if text := decoder.decode(chunk):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text
    except UnicodeError as error:
        raise Invalid(f"the file is not {encoding}: {error}") from error


def _split_lines(
    chunks: Iterator[AnyStr], end: re.Pattern[AnyStr], empty: AnyStr
) -> Iterator[AnyStr | RowRefusal]:
    """Split what comes in pieces, bytes or text alike, into lines."""
    pending, skipping = empty, False
    for chunk in chunks:
        pending += chunk
        start = 0
        for match in end.finditer(pending):
            if not skipping:
                yield pending[start : match.end()]
            start, skipping = match.end(), False
        pending = pending[start:]
        if len(pending) > LONGEST_LINE:
            if not skipping:
                yield RowRefusal(None, None, f"the line has more than {LONGEST_LINE:,} characters")
            # The last one may begin a line's end.
            pending, skipping = pending[-1:], True
    if pending and not skipping:
        yield pending


def _decode_line(raw: bytes, notes: FileNotes) -> str:
    """Decode a line.  Bytes that are no characters become what `clean_text` refuses."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        notes.fallback_lines += 1
    try:
        return FallbackLine(raw.decode(FALLBACK))
    except UnicodeDecodeError:
        return FallbackLine(raw.decode("utf-8", "surrogateescape"))
