"""Clean and bound the fields of others' claims one by one, or refuse them with a reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from service.domain import addresses, texts
from service.domain.claims import Kind, Precision

LONGEST = {
    "text": 2_000,
    "quote": 10_000,
    "claimant": 120,
    "speaker": 200,
    "role": 200,
    "publisher": 200,
    "title": 500,
    "url": 2_048,
    "language": 35,
    "label": 200,
    "rated_by": 120,
    "explanation": 1_000,
    "tags": 50,
    "story": 64,
    "id": 1_000,
}
"""At most so many characters, as in the API: what is imported must be valid there."""
PROSE = frozenset({"text", "quote", "explanation"})
NAMES = frozenset({"claimant", "speaker", "role", "publisher", "rated_by"})
MOST_TAGS = 20
SHOWN_CHARACTERS = 80
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]")
SURROGATE = re.compile("[\ud800-\udfff]")
LABEL = r"\w([\w-]*\w)?"
HOST = re.compile(
    # A name with a top level of letters; alone, in small letters: J.Smith is no address.
    rf"(?i:(www\.)?({LABEL}\.)+[^\W\d_]{{2,}}(:\d+)?[/?#])"
    rf"|(?i:www\.({LABEL}\.)+[^\W\d_]{{2,}}(:\d+)?$)"
    r"|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(:\d+)?$"
)


class RowRefusal(Exception):
    """A row that is not imported: the field at fault, what it holds, and why."""

    def __init__(self, field: str | None, value: str | None, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.value = None if value is None else shorten(value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim as others have it.

    It is known again by its `key`; by `former_key`, if it was imported before addresses had a
    canonical form.  `aliases` are further names and addresses of the claimant, `speaker_aliases`
    of the speaker.  `remarks` say where the row differs from what was read.
    """

    line: int
    key: tuple[str, ...]
    text: str
    claimed_at: datetime
    precision: Precision
    url: str
    kind: Kind
    language: str
    claimant: str | None = None
    speaker: str | None = None
    role: str | None = None
    publisher: str | None = None
    title: str | None = None
    published_at: datetime | None = None
    quote: str | None = None
    label: str | None = None
    rated_by: str | None = None
    review_url: str | None = None
    explanation: str | None = None
    tags: tuple[str, ...] = ()
    story: str | None = None
    own_id: str | None = None
    former_key: tuple[str, ...] | None = None
    aliases: tuple[str, ...] = ()
    speaker_aliases: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def shorten(value: str, most: int = SHOWN_CHARACTERS) -> str:
    """Return a value for a report: in one line, and not too much of it."""
    line = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in value[: most + 1]
    )
    return line if len(line) <= most else line[: most - 1] + "…"


def refuse(field: str, value: str | None, reason: str) -> NoReturn:
    raise RowRefusal(field, value, reason)


def clean_text(field: str, value: str | None) -> str | None:
    """Return a text as the policy of `domain/texts.py` takes it, names and labels in one line.

    None where nothing is visible.  Marks of no width are removed from names, embeddings and
    overrides of direction from all texts: nothing is lost by that.  Raises RowRefusal.
    """
    if value is None or not texts.is_visible(value):
        return None
    if "\x00" in value:
        refuse(field, value, "it holds a NUL")
    if not value.isascii() and SURROGATE.search(value):
        refuse(field, value, "it holds bytes that are no characters in the file's encoding")
    try:
        if field in NAMES:
            value = texts.clean_name(texts.strip_name(value))
        elif field in PROSE:
            value = texts.clean_prose(texts.strip_prose(value.strip()))
        else:
            value = texts.clean_line(" ".join(texts.strip_prose(value).split()))
    except ValueError as error:
        refuse(field, value, str(error))
    most = LONGEST[field]
    if len(value) > most:
        refuse(field, value, f"it has {len(value)} characters; at most {most} are allowed")
    return value


def clean_and_cut(field: str, value: str | None, remarks: list[str]) -> str | None:
    """Return a text as `clean_text` does; one that is too long is cut, and a remark says so."""
    most = LONGEST[field]
    if value is not None:
        line = value.strip() if field in PROSE else " ".join(value.split())
        if len(line) > most:
            value = f"{line[: most - 1].rstrip()}…"
            name = field.replace("_", " ")
            remarks.append(f"its {name} has {len(line)} characters and was cut to {most}")
    return clean_text(field, value)


def clean_address(field: str, value: str | None) -> str | None:
    """Return an http(s) address, its scheme and host in lower case.  One without a scheme, such as
    www.example.org/page, gets https.  Raises RowRefusal."""
    value = clean_text("url", value)
    if value is None:
        return None
    if value.startswith("//"):
        value = f"https:{value}"
    elif "://" not in value and HOST.match(value):
        value = f"https://{value}"
    try:
        return addresses.lower_scheme_and_host(addresses.clean_address(value))
    except ValueError as fault:
        refuse(field, value, f"this is no http(s) address: {fault}")


def has_scheme(value: str) -> bool:
    """Whether a text is an address of some kind: `javascript:…`, `ftp://…`."""
    return SCHEME.match(value) is not None


def clean_language(value: str | None) -> str | None:
    value = clean_text("language", value)
    if value is not None and not LANGUAGE.fullmatch(value):
        refuse("language", value, "this is no language tag, such as en or sr-Latn")
    return value


def parse_kind(value: str | None, default: Kind) -> Kind:
    if value is None or not value.strip():
        return default
    try:
        return Kind(value.strip().lower())
    except ValueError:
        refuse("kind", value, f"a claim's kind is one of {', '.join(Kind)}")


def clean_tags(parts: Sequence[str]) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag for part in parts if (tag := clean_text("tags", part))))
    if len(tags) > MOST_TAGS:
        refuse("tags", "; ".join(tags), f"{len(tags)} tags; at most {MOST_TAGS} are allowed")
    return tags
