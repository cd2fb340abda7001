"""ClaimReview documents (schema.org) as publishers write them, with all the liberties they take.

A file holds one review, a list, `@graph`, a DataFeed, or one JSON document a line.  What schema.org
has as one thing may be a list, what it has as an object may be a text, and the other way round.
"""

import html
import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import orjson

from service.commands import import_fields as fields
from service.commands.import_fields import Incoming, Refused
from service.commands.import_mapping import Mapping
from service.domain.errors import Invalid
from service.store.scratch import Scratch

BOM = b"\xef\xbb\xbf"
LARGEST = 512 * 1024 * 1024
"""A document that is not one of many lines is read whole."""
STEPS = ("false", "mostly false", "half true", "mostly true", "true")
"""What a number means that stands for a label: from the worst to the best."""
HOLDING = ("@graph", "dataFeedElement", "itemListElement", "item", "mainEntity")
"""Where a document has its reviews."""
DEEPEST = 12
"""So many lists and objects may stand around a review."""


def reviews(
    file: BinaryIO, mapping: Mapping, scratch: Scratch
) -> Iterator[tuple[int, Incoming | Refused]]:
    """Every review: a claim, or why it is none, with its line in the file, or its place in the
    document.  Raises Invalid for a file that is no JSON."""
    for place, found in _documents(file):
        if isinstance(found, Refused):
            yield place, found
            continue
        try:
            yield place, _keyed(read(place, found, mapping), scratch)
        except Refused as refused:
            yield place, refused


def read(place: int, review: dict[str, Any], mapping: Mapping) -> Incoming:
    """The claim that a review is about, and how it was rated.  Raises Refused."""
    dates, defaults = mapping.dates, mapping.defaults
    item = _item(review)
    claimed_by = _thing(item.get("author"))
    appeared = [
        _thing(one) for one in (*_each(item, "firstAppearance"), *_each(item, "appearance"))
    ]
    text = fields.text("text", _text(review.get("claimReviewed")) or _text(item.get("text")))
    if text is None:
        text = fields.text("text", _text(item.get("name")))
    if text is None:
        raise Refused("claimReviewed", None, "there is no claim")
    when = _text(item.get("datePublished")) or _first(appeared, "datePublished")
    when = when or _text(review.get("datePublished")) or defaults.date
    claimed = fields.moment("datePublished", when, dates.formats, dates.timezone)
    if claimed is None:
        raise Refused("datePublished", None, "there is no date, and the mapping has no default")
    review_url = fields.address("url", _text(review.get("url")) or _text(review.get("@id")))
    origin = _first(appeared, "url") or _text(item.get("url"))
    url = fields.address("appearance", origin) or review_url
    url = url or fields.address("url", defaults.url)
    if url is None:
        raise Refused("url", None, "there is no address, and the mapping has no default")
    rater = _rater(review)
    own = url == review_url
    publisher = rater if own else _name(_thing(_first_thing(appeared).get("publisher")))
    organisation, person, role = _claimant(claimed_by)
    return Incoming(
        line=place,
        key=(review_url or "", text),
        text=text,
        claimed_at=claimed[0],
        precision=claimed[1],
        url=url,
        kind=defaults.kind,
        language=_language(review, mapping),
        claimant=fields.text("claimant", organisation),
        speaker=fields.text("speaker", person),
        role=fields.text("role", role),
        publisher=fields.text("publisher", publisher or defaults.publisher),
        title=fields.text("title", _text(review.get("headline")) if own else None),
        label=fields.text("label", rating(_thing(review.get("reviewRating")))),
        rated_by=fields.text("rated_by", rater or mapping.rated_by) or _host(review_url),
        review_url=review_url,
        tags=fields.tags(defaults.tags),
        story=defaults.story,
    )


def rating(given: dict[str, Any]) -> str | None:
    """The word of a rating; a bare number as what it means between worst and best."""
    for name in ("alternateName", "name", "ratingExplanation"):
        if (word := _text(given.get(name))) is not None and not _number(word):
            return word
    value = _number(_text(given.get("ratingValue")))
    if value is None:
        return _text(given.get("ratingValue"))
    worst = _number(_text(given.get("worstRating")))
    best = _number(_text(given.get("bestRating")))
    low, high = 1.0 if worst is None else worst, 5.0 if best is None else best
    if not low < high or not low <= value <= high:
        return None
    return STEPS[round((value - low) / (high - low) * (len(STEPS) - 1))]


def _keyed(incoming: Incoming, scratch: Scratch) -> Incoming:
    """The same review of the same claim twice is two claims, unless the file is read again."""
    mark = sha256("\x1f".join(incoming.key).encode("utf-8", "surrogatepass")).hexdigest()
    return replace(incoming, key=("review", *incoming.key, str(scratch.count(mark))))


# Where the reviews are.


def _documents(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | Refused]]:
    file.seek(0)
    if _is_lines(file):
        yield from _by_line(file)
        return
    file.seek(0)
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Invalid("the document has more than 512 MiB: write it as one review a line")
    try:
        document = _parsed(content)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the file is no JSON: {error}") from error
    found = False
    for place, one in enumerate(_within(document, 0), start=1):
        found = True
        yield place, one
    if not found:
        raise Invalid("there is no ClaimReview in the file")


def _is_lines(file: BinaryIO) -> bool:
    """Whether the file has one document a line: its first line is whole, and others follow."""
    first = file.readline(64 * 1024 * 1024)
    if not first.removeprefix(BOM).lstrip().startswith(b"{") or not file.read(1):
        return False
    try:
        _parsed(first)
    except orjson.JSONDecodeError:
        return False
    return True


def _by_line(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | Refused]]:
    file.seek(0)
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            document = _parsed(line)
        except orjson.JSONDecodeError as error:
            shown = line.decode("utf-8", "replace")
            yield number, Refused(None, shown, f"the line is no JSON: {error}")
            continue
        found = list(_within(document, 0))
        if not found:
            yield number, Refused(None, str(document), "there is no ClaimReview in the line")
        for one in found:
            yield number, one


def _parsed(content: bytes) -> Any:
    """JSON, and what passes for it elsewhere: NaN, bytes and escapes that are no characters, bare
    line breaks in texts.  Where it matters, a review with such is refused, and no other.

    Raises orjson.JSONDecodeError.
    """
    try:
        return orjson.loads(content.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        try:
            text = content.decode(json.detect_encoding(content), "surrogateescape")
            return json.loads(
                text, strict=False, parse_constant=lambda name: None, parse_int=_integer
            )
        except (ValueError, RecursionError):
            raise error from None


def _integer(digits: str) -> int | float:
    """Python reads no integer of thousands of digits."""
    return int(digits) if len(digits) < 20 else float(digits)


def _within(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _within(one, depth + 1)
    elif isinstance(value, dict):
        if _is_review(value):
            yield value
            return
        for name in HOLDING:
            yield from _within(value.get(name), depth + 1)


def _is_review(value: dict[str, Any]) -> bool:
    kinds = value.get("@type", value.get("type"))
    named = kinds if isinstance(kinds, list) else [kinds]
    if any(isinstance(one, str) and one.rpartition("/")[2] == "ClaimReview" for one in named):
        return True
    return kinds is None and "claimReviewed" in value


# What publishers write for what.


def _item(review: dict[str, Any]) -> dict[str, Any]:
    """What is reviewed; a Claim may stand within a work that it appears in, or the work alone."""
    return _thing(review.get("itemReviewed"))


def _thing(value: Any) -> dict[str, Any]:
    """The first thing of what may be a list, an object, or a text that names it."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            return one
        if isinstance(one, str | int | float) and not isinstance(one, bool):
            said = str(one).strip()
            address = said.startswith(("http://", "https://"))
            return {"url" if address else "name": said}
    return {}


def _each(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else [found]


def _first(things: list[dict[str, Any]], name: str) -> str | None:
    return next((said for one in things if (said := _text(one.get(name))) is not None), None)


def _first_thing(things: list[dict[str, Any]]) -> dict[str, Any]:
    return next((one for one in things if one), {})


def _text(value: Any) -> str | None:
    """The first text of what may be a list, an object with `@value` or `@id`, or a number."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            one = one.get("@value", one.get("@id", one.get("url", one.get("name"))))
        if isinstance(one, str) and one.strip():
            # Twice: what was escaped for HTML is often escaped for a feed once more.
            return html.unescape(html.unescape(one)).strip()
        if isinstance(one, int | float) and not isinstance(one, bool):
            return str(one)
    return None


def _number(value: str | None) -> float | None:
    try:
        found = float((value or "").replace(",", "."))
    except ValueError:
        return None
    return found if abs(found) < 1e6 else None


def _name(thing: dict[str, Any]) -> str | None:
    return _text(thing.get("name")) or _text(thing.get("legalName"))


def _rater(review: dict[str, Any]) -> str | None:
    for field in ("author", "publisher", "sdPublisher"):
        thing = _thing(review.get(field))
        name = _name(thing) or _host(_text(thing.get("url")))
        if name is not None:
            return name
    return None


def _host(url: str | None) -> str | None:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None if url else None
    except ValueError:
        return None


def _claimant(author: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The organisation that claims it, the person who speaks, and in which role."""
    kinds = author.get("@type")
    is_person = "Person" in (kinds if isinstance(kinds, list) else [kinds])
    name, role = _name(author), _text(author.get("jobTitle"))
    if not is_person:
        return name, None, None
    for field in ("affiliation", "worksFor", "memberOf"):
        employer = _name(_thing(author.get(field)))
        if employer is not None:
            return employer, name, role
    return None, name, role


def _language(review: dict[str, Any], mapping: Mapping) -> str:
    given = _text(review.get("inLanguage"))
    if given is not None and fields.LANGUAGE.fullmatch(given):
        return given
    return mapping.defaults.language
