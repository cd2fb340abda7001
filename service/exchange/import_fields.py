"""What others' data says of a claim, field by field: cleaned, bounded, or refused with a reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from service.domain import addresses, texts
from service.domain.claims import Kind, Precision

MOST = {
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
"""The same bounds as in the API: what is imported must be valid there."""
PROSE = frozenset({"text", "quote", "explanation"})
NAMES = frozenset({"claimant", "speaker", "role", "publisher", "rated_by"})
MOST_TAGS = 20
SHOWN = 80
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]")
LABEL = r"\w([\w-]*\w)?"
HOST = re.compile(
    # A name with a top level of letters; alone, in small letters: J.Smith is no address.
    rf"(?i:(www\.)?({LABEL}\.)+[^\W\d_]{{2,}}(:\d+)?[/?#])"
    rf"|(?i:www\.({LABEL}\.)+[^\W\d_]{{2,}}(:\d+)?$)"
    r"|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(:\d+)?$"
)


class Refused(Exception):
    """A row that is not imported: the field at fault, what it holds, and why."""

    def __init__(self, field: str | None, value: str | None, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.value = None if value is None else shortened(value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Incoming:
    """A claim as others have it.

    `key` is what it is known again by, `former_key` what it was known by before addresses had a
    canonical form.  `aliases` are further names and addresses of who claims it, `speaker_aliases`
    of who speaks.  `remarks` say what was made of it.
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


def shortened(value: str) -> str:
    """A value for a report: in one line, and not too much of it."""
    return shortened_to(value, SHOWN)


def shortened_to(value: str, most: int) -> str:
    value = value[: most + 1]
    line = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in value)
    return line if len(line) <= most else line[: most - 1] + "…"


def refuse(field: str, value: str | None, reason: str) -> NoReturn:
    raise Refused(field, value, reason)


def text(field: str, value: str | None) -> str | None:
    """Give a text as the policy of `domain/texts.py` takes it, names and labels in one line.

    None where there is nothing to see.  What others wrote is folded where it can be without loss:
    marks of no width in names, embeddings and overrides everywhere.
    """
    if value is None or not texts.is_visible(value):
        return None
    if "\x00" in value:
        refuse(field, value, "it holds a NUL")
    if any("\ud800" <= character <= "\udfff" for character in value):
        refuse(field, value, "it holds bytes that are no characters in the file's encoding")
    try:
        if field in NAMES:
            value = texts.clean_name(texts.fold_name(value))
        elif field in PROSE:
            value = texts.clean_prose(texts.fold_prose(value.strip()))
        else:
            value = texts.clean_line(" ".join(texts.fold_prose(value).split()))
    except ValueError as error:
        refuse(field, value, str(error))
    if len(value) > MOST[field]:
        refuse(field, value, f"it has {len(value)} characters; at most {MOST[field]} are allowed")
    return value


def cut(field: str, value: str | None, remarks: list[str]) -> str | None:
    """Give a text as `text` does; one that is too long is cut, and a remark says so."""
    most = MOST[field]
    if value is not None:
        line = value.strip() if field in PROSE else " ".join(value.split())
        if len(line) > most:
            value = f"{line[: most - 1].rstrip()}…"
            name = field.replace("_", " ")
            remarks.append(f"its {name} has {len(line)} characters and was cut to {most}")
    return text(field, value)


def address(field: str, value: str | None) -> str | None:
    """Give an http(s) address, its scheme and host in lower case; one without a scheme, such as
    www.example.org/page, gets https.  Raises Refused."""
    value = text("url", value)
    if value is None:
        return None
    if value.startswith("//"):
        value = f"https:{value}"
    elif "://" not in value and HOST.match(value):
        value = f"https://{value}"
    fault = addresses.check(value)
    if fault is not None:
        refuse(field, value, f"this is no http(s) address: {fault}")
    return addresses.lower_scheme_and_host(value)


def has_scheme(value: str) -> bool:
    """Whether a text is written as an address of some kind: `javascript:…`, `ftp://…`."""
    return SCHEME.match(value) is not None


def language(value: str | None) -> str | None:
    value = text("language", value)
    if value is not None and not LANGUAGE.fullmatch(value):
        refuse("language", value, "this is no language tag, such as en or sr-Latn")
    return value


def kind(value: str | None, otherwise: Kind) -> Kind:
    if value is None or not value.strip():
        return otherwise
    try:
        return Kind(value.strip().lower())
    except ValueError:
        refuse("kind", value, f"a claim's kind is one of {', '.join(Kind)}")


def tags(parts: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(one for part in parts if (one := text("tags", part))))
    if len(found) > MOST_TAGS:
        refuse("tags", "; ".join(found), f"{len(found)} tags; at most {MOST_TAGS} are allowed")
    return found
