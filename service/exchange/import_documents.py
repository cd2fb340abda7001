"""Documents that reviews come in: JSON, a JSON document a line, or a page with JSON-LD in it."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, BinaryIO

import orjson

from service.domain.errors import Invalid
from service.exchange.import_fields import Refused
from service.exchange.import_graph import DOUBLED
from service.exchange.import_lines import FALLBACK, refuse_packed

BOM = b"\xef\xbb\xbf"
LARGEST = 512 * 1024 * 1024
"""A document that is not one of many lines is read whole."""
LONGEST_LINE = 64 * 1024 * 1024
CHARSET = re.compile(rb"(?i)<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)")
SCRIPT_WRAPPING = re.compile(r"^\s*(?://\s*)?(?:<!--|<!\[CDATA\[)|(?://\s*)?(?:-->|\]\]>)\s*$")
OTHER_LETTERS = (
    "the page is not UTF-8, does not say what it is, and was read as Windows-1252: look at its "
    "letters"
)
MICRODATA = re.compile(r"(?i)itemtype\s*=\s*[\"']?https?://schema\.org/ClaimReview")


@dataclass(frozen=True)
class Document:
    """What belongs together: a file, a line, or the scripts of a page.

    `line` is where it stands, for a document that is one of many lines; `remark` is what is to be
    said of it as a whole.
    """

    parts: tuple[Any, ...]
    line: int | None = None
    remark: str | None = None


def read_documents(file: BinaryIO) -> Iterator[Document | tuple[int, Refused]]:
    """Every document of a file, or the line and reason of one that cannot be read.

    Raises Invalid for a file that has none.
    """
    file = _decode_wide(file)
    file.seek(0)
    if _begins_page(file.read(4096)):
        yield from _read_page(_read_whole(file))
        return
    file.seek(0)
    if _has_document_a_line(file):
        yield from _read_lines(file)
        return
    content = _read_whole(file)
    try:
        document = parse(content)
    except orjson.JSONDecodeError as error:
        if _some_lines_parse(file):
            yield from _read_lines(file)
            return
        raise Invalid(f"the file is no JSON: {error}") from error
    yield Document((document,))


def decode_start(start: bytes) -> str:
    """What a file begins with as text, whatever its encoding; for looking at it only."""
    return start.decode(json.detect_encoding(start), "replace").lstrip("\ufeff \t\r\n")


def _decode_wide(file: BinaryIO) -> BinaryIO:
    """Give a file of UTF-16 or UTF-32 as UTF-8, and any other as it is.

    Raises Invalid for one that is packed, or not in the encoding that it seems to be in.
    """
    file.seek(0)
    start = file.read(8)
    refuse_packed(start)
    encoding = json.detect_encoding(start)
    if not encoding.startswith(("utf-16", "utf-32")):
        return file
    try:
        return io.BytesIO(_read_whole(file).decode(encoding).encode())
    except UnicodeError as error:
        raise Invalid(f"the file seems to be {encoding.upper()} and is not: {error}") from error


def _read_whole(file: BinaryIO) -> bytes:
    file.seek(0)
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Invalid("the document has more than 512 MiB: write it as one review a line")
    return content


def _has_document_a_line(file: BinaryIO) -> bool:
    """Whether the first line is whole, and others follow."""
    first = file.readline(LONGEST_LINE)
    while first and not first.strip():
        first = file.readline(LONGEST_LINE)
    if not first.removeprefix(BOM).lstrip().startswith(b"{") or not file.read(1):
        return False
    return _parses(first)


def _some_lines_parse(file: BinaryIO) -> bool:
    """Whether a file that is no JSON has a document a line, some of them broken."""
    file.seek(0)
    for _ in range(100):
        line = file.readline(LONGEST_LINE)
        if line.lstrip().startswith(b"{") and _parses(line):
            return True
    return False


def _parses(line: bytes) -> bool:
    try:
        parse(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _read_lines(file: BinaryIO) -> Iterator[Document | tuple[int, Refused]]:
    file.seek(0)
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            document = parse(line)
        except orjson.JSONDecodeError as error:
            shown = line[:500].decode("utf-8", "replace")
            yield number, Refused(None, shown, f"the line is no JSON: {error}")
            continue
        yield Document((document,), number)


def parse(content: bytes) -> Any:
    """Read JSON, and what passes for it elsewhere: NaN, bytes and escapes that are no characters,
    bare line breaks in texts.  Where it matters, a claim with such is refused, and no other.

    An object in which a name stands twice says so under `DOUBLED`.  Raises orjson.JSONDecodeError.
    """
    content = content.removeprefix(BOM)
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        try:
            return _parse_loosely(content)
        except (ValueError, RecursionError):
            raise error from None
    try:
        # orjson keeps the last of two values of one name, and cannot tell.
        return _parse_loosely(content)
    except (ValueError, RecursionError):
        return document


def _parse_loosely(content: bytes) -> Any:
    text = content.decode(json.detect_encoding(content), "surrogateescape")
    return json.loads(
        text,
        strict=False,
        parse_constant=lambda name: None,
        parse_int=_read_integer,
        object_pairs_hook=_read_object,
    )


def _read_integer(digits: str) -> int | float:
    """Python reads no integer of thousands of digits."""
    return int(digits) if len(digits) < 20 else float(digits)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        found[DOUBLED] = sorted({name for name in names if names.count(name) > 1})
    return found


# Pages.


def _begins_page(start: bytes) -> bool:
    return start.removeprefix(BOM).lstrip()[:1] == b"<"


class _Scripts(HTMLParser):
    """The JSON-LD of a page, script by script, with the lines that they begin in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[int, str]] = []
        self._inside = False
        self.open_at: int | None = None
        """The line of a script of JSON-LD that is never closed."""

    def close(self) -> None:
        if self._inside:
            self.open_at, _ = self.found.pop()
        super().close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("type") or ""
        self._inside = tag == "script" and kind.partition(";")[0].strip().lower() == (
            "application/ld+json"
        )
        if self._inside:
            self.found.append((self.getpos()[0], ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self.open_at is None:
            line, before = self.found[-1]
            self.found[-1] = line, before + data


def _read_page(content: bytes) -> Iterator[Document | tuple[int, Refused]]:
    text, remark = _decode_page(content)
    scripts = _Scripts()
    scripts.feed(text)
    scripts.close()
    if scripts.open_at is not None:
        yield scripts.open_at, Refused(None, None, "the script is not closed: where does it end?")
    elif not scripts.found:
        if MICRODATA.search(text):
            raise Invalid(
                "the page has its ClaimReview as microdata and not as JSON-LD: read it with "
                "extruct, and import what that gives"
            )
        raise Invalid("the file is no JSON but a page, and there is no JSON-LD in it")
    parts = []
    for line, script in scripts.found:
        script = SCRIPT_WRAPPING.sub("", SCRIPT_WRAPPING.sub("", script)).strip().rstrip(";")
        if not script:
            continue
        try:
            parts.append(parse(script.encode("utf-8", "surrogateescape")))
        except orjson.JSONDecodeError as error:
            yield line, Refused(None, script[:200], f"the page's script is no JSON: {error}")
    if parts:
        yield Document(tuple(parts), remark=remark)


def _decode_page(content: bytes) -> tuple[str, str | None]:
    """A page's text, and what is to be said of its letters."""
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        said = CHARSET.search(content[:4096])
    try:
        if said is not None:
            return content.decode(said[1].decode("ascii")), None
        return content.decode(FALLBACK), OTHER_LETTERS
    except (UnicodeDecodeError, LookupError):
        return content.decode("utf-8", "surrogateescape"), None
