"""Find the JSON in a file: one document, a document a line, or the JSON-LD of a page.

Two libraries were considered.  extruct (and lxml, rdflib with it) would read microdata too, but
not say in which line of a page a broken script stands.  charset-normalizer guesses the encoding
of a page; here a page says it, or is read as UTF-8 or Windows-1252 with a remark.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import BinaryIO

import orjson

from service.domain.errors import Invalid
from service.exchange.import_fields import RowRefusal
from service.exchange.import_graph import DOUBLED
from service.exchange.import_lines import FALLBACK, require_text

BOM = b"\xef\xbb\xbf"
LARGEST = 512 * 1024 * 1024
"""A document that is not one of many lines is read whole."""
LONGEST_LINE = 64 * 1024 * 1024
CHARSET = re.compile(rb"(?i)<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)")
COMMENT = re.compile(r"^\s*(?://\s*)?(?:<!--|<!\[CDATA\[)|(?://\s*)?(?:-->|\]\]>)\s*$")
OTHER_LETTERS = (
    "the page is not UTF-8, does not say what it is, and was read as Windows-1252: look at its "
    "letters"
)
MICRODATA = re.compile(r"(?i)itemtype\s*=\s*[\"']?https?://schema\.org/ClaimReview")


@dataclass(frozen=True)
class Document:
    """The JSON of a file, of a line, or of the scripts of a page: one thing may refer to another.

    `line` is set for a document that is one of many lines; `remark` holds for the whole document.
    """

    parts: tuple[object, ...]
    line: int | None = None
    remark: str | None = None


def read_documents(file: BinaryIO) -> Iterator[Document | tuple[int, RowRefusal]]:
    """Yield every document of a file, or the line and reason of one that cannot be read.

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
        document = parse_json(content)
    except orjson.JSONDecodeError as error:
        if _some_lines_parse(file):
            yield from _read_lines(file)
            return
        raise Invalid(f"the file is no JSON: {error}.  Mend it there, or fetch it again") from error
    yield Document((document,))


def decode_start(start: bytes) -> str:
    """Decode the first bytes of a file, whatever its encoding; only to find out what it is."""
    return start.decode(json.detect_encoding(start), "replace").lstrip("\ufeff \t\r\n")


def _decode_wide(file: BinaryIO) -> BinaryIO:
    """Return a file of UTF-16 or UTF-32 as UTF-8, and any other as it is.

    Raises Invalid for a file that is no text, or not in the encoding that it seems to be in.
    """
    file.seek(0)
    start = file.read(8)
    require_text(start)
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
    """Whether the first line is a whole document, and others follow."""
    first = file.readline(LONGEST_LINE)
    while first and not first.strip():
        first = file.readline(LONGEST_LINE)
    if not first.removeprefix(BOM).lstrip().startswith(b"{") or not file.read(1):
        return False
    return _parses(first)


def _some_lines_parse(file: BinaryIO) -> bool:
    """Whether a file that is no JSON as a whole has a document a line, some of them broken."""
    file.seek(0)
    for _ in range(100):
        line = file.readline(LONGEST_LINE)
        if line.lstrip().startswith(b"{") and _parses(line):
            return True
    return False


def _parses(line: bytes) -> bool:
    try:
        parse_json(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _read_lines(file: BinaryIO) -> Iterator[Document | tuple[int, RowRefusal]]:
    file.seek(0)
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            document = parse_json(line)
        except orjson.JSONDecodeError as error:
            excerpt = line[:500].decode("utf-8", "replace")
            yield number, RowRefusal(None, excerpt, f"the line is no JSON: {error}.  Mend it there")
            continue
        yield Document((document,), number)


def parse_json(content: bytes) -> object:
    """Parse JSON, and what passes for it elsewhere: NaN, bytes and escapes that are no characters,
    bare line breaks in texts.  Where such a thing matters, its claim is refused, and no other.

    An object in which a name stands twice says so under `DOUBLED`, which orjson cannot tell.
    Raises orjson.JSONDecodeError.
    """
    content = content.removeprefix(BOM)
    try:
        return _parse_loosely(content)
    except (ValueError, RecursionError):
        return orjson.loads(content)


def _parse_loosely(content: bytes) -> object:
    text = content.decode(json.detect_encoding(content), "surrogateescape")
    return json.loads(
        text,
        strict=False,
        parse_constant=lambda name: None,
        parse_int=_read_integer,
        object_pairs_hook=_read_object,
    )


def _read_integer(digits: str) -> int | float:
    """Python parses no integer of thousands of digits."""
    return int(digits) if len(digits) < 20 else float(digits)


def _read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        values[DOUBLED] = sorted({name for name in names if names.count(name) > 1})
    return values


def _begins_page(start: bytes) -> bool:
    return start.removeprefix(BOM).lstrip()[:1] == b"<"


class _ScriptParser(HTMLParser):
    """Collects the scripts of JSON-LD of a page, with the lines in which they begin."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[tuple[int, str]] = []
        self._is_inside = False
        self.unclosed_line: int | None = None
        """The line of a script of JSON-LD that is never closed."""

    def close(self) -> None:
        if self._is_inside:
            self.unclosed_line, _ = self.scripts.pop()
        super().close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("type") or ""
        self._is_inside = tag == "script" and kind.partition(";")[0].strip().lower() == (
            "application/ld+json"
        )
        if self._is_inside:
            self.scripts.append((self.getpos()[0], ""))

    def handle_endtag(self, tag: str) -> None:
        self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside and self.unclosed_line is None:
            line, before = self.scripts[-1]
            self.scripts[-1] = line, before + data


def _read_page(content: bytes) -> Iterator[Document | tuple[int, RowRefusal]]:
    text, remark = _decode_page(content)
    parser = _ScriptParser()
    parser.feed(text)
    parser.close()
    if parser.unclosed_line is not None:
        reason = "the script is not closed: where does it end?"
        yield parser.unclosed_line, RowRefusal(None, None, reason)
    elif not parser.scripts:
        if MICRODATA.search(text):
            raise Invalid(
                "the page has its ClaimReview as microdata and not as JSON-LD: read it with "
                "extruct, and import what that gives"
            )
        raise Invalid("the file is no JSON but a page, and there is no JSON-LD in it")
    parts = []
    for line, script in parser.scripts:
        script = COMMENT.sub("", COMMENT.sub("", script)).strip().rstrip(";")
        if not script:
            continue
        try:
            parts.append(parse_json(script.encode("utf-8", "surrogateescape")))
        except orjson.JSONDecodeError as error:
            yield line, RowRefusal(None, script[:200], f"the page's script is no JSON: {error}")
    if parts:
        yield Document(tuple(parts), remark=remark)


def _decode_page(content: bytes) -> tuple[str, str | None]:
    """Return a page's text, and a remark where its encoding is not certain."""
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        charset = CHARSET.search(content[:4096])
    try:
        if charset is not None:
            return content.decode(charset[1].decode("ascii")), None
        return content.decode(FALLBACK), OTHER_LETTERS
    except (UnicodeDecodeError, LookupError):
        return content.decode("utf-8", "surrogateescape"), None
