"""What the lines of an export say: each by itself, without the desk."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from service.commands.restoration import Line
from service.domain import history, ids
from service.domain.claims import instant, rfc3339
from service.domain.history import EVENT_TYPES, Event
from service.domain.names import fold
from service.formats import exchange
from service.formats.record import canonical, event_hash
from service.store import exchanged
from service.store.exchanged import PARTY_VERSION, QUOTE, THINGS, Exchanged

NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""A NUL in canonical JSON: an escape whose backslash is not itself escaped."""
Reference = tuple[str, str]
"""The kind and the key of what a line refers to."""
UNIQUE = {"user": "this address", "source": "this URL and text", "speaker": "this name and role"}
"""What only one thing of a kind may have."""


def unique_name(record: str, row: Mapping[str, Any] | RowMapping) -> str | None:
    if record == "user":
        return f"user {row['email']}"
    if record == "source":
        # As it stands: an older desk may have one page under several spellings of its address.
        return f"source {row['sha256'] or ''} {row['url']}"
    if record == "speaker":
        return f"speaker {row['party']} {fold(row['name'])}\n{fold(row['role'] or '')}"
    return None


def read(record: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A line as a row; a statement's has its quotes' rows, a party's those of what it was.

    Raises ValueError in words.
    """
    if record not in WITHIN:
        return exchanged.read(THINGS[record], values)
    name, kind = WITHIN[record]
    rows = _rows(name, kind, values.get(name))
    row = exchanged.read(THINGS[record], {key: values[key] for key in values if key != name})
    if record == "party":
        now = rows[-1]
        if now["superseded_at"] or (now["name"], now["parent"]) != (row["name"], row["parent"]):
            raise ValueError("versions: the last is not what holds now")
    return row | {name: rows}


WITHIN = {"statement": ("quotes", QUOTE), "party": ("versions", PARTY_VERSION)}
"""What stands within a line of its kind, and is never empty."""


def _rows(name: str, kind: Exchanged, given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given:
        raise ValueError(f"{name}: at least one is needed")
    rows = []
    for position, one in enumerate(given):
        if not isinstance(one, dict):
            raise ValueError(f"{name}.{position} is no object")
        try:
            rows.append(exchanged.read(kind, one))
        except ValueError as error:
            raise ValueError(f"{name}.{position}.{error}") from error
    return rows


def references(record: str, row: Mapping[str, Any] | RowMapping) -> list[Reference]:
    """What a thing's line refers to."""
    found = [(to, row[name]) for name, to in THINGS[record].refers.items() if row[name] is not None]
    for quote in row.get("quotes", ()):
        found.append(("source", quote["source"]))
    return found


def differing(kind: Exchanged, values: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """In what a line differs from what the desk has under its key; None where in nothing."""
    names = [name for name in values if name not in kind.stamps and values[name] != here[name]]
    if not names:
        return None
    return f"the desk has it with another {', '.join(names)}"


def event_line(values: Mapping[str, Any]) -> Line:
    """An event's line, its hash proved.  Raises ValueError in words."""
    if values.keys() != set(exchange.EVENT):
        odd = sorted(values.keys() ^ set(exchange.EVENT))[0]
        raise ValueError(f"has {odd!r} missing or too much")
    for name in ("id", "claim"):
        if not isinstance(values[name], str) or ids.parse(values[name]) != values[name]:
            raise ValueError(f"{name} is no UUID in lower case")
    number, actor, data = values["number"], values["actor"], values["data"]
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**31:
        raise ValueError("number is no whole number")
    if values["type"] not in EVENT_TYPES:
        raise ValueError(f"{number} is of the type {values['type']!r}, which is unknown here")
    if not isinstance(data, dict) or not _is_actor(actor):
        raise ValueError(f"{number} has data or an actor of another shape")
    try:
        recorded_at = instant(values["recorded_at"])
        right = rfc3339(recorded_at) == values["recorded_at"]
    except (TypeError, ValueError):
        right = False
    if not right:
        raise ValueError(f"{number} has no instant in UTC as recorded_at")
    texts = canonical(actor), canonical(data)
    if any(NUL.search(text) for text in texts):
        raise ValueError(f"{number} has a NUL in a text")
    digest = event_hash(
        claim=values["claim"],
        number=number,
        type=values["type"],
        recorded_at=values["recorded_at"],
        actor=texts[0],
        data=texts[1],
        previous_hash=str(values["previous_hash"]),
    )
    if digest != values["hash"]:
        raise ValueError(f"{number} was changed: its hash would be {digest}")
    event = Event(number, values["type"], recorded_at, data)
    line = Line(
        values["claim"], values["id"], event, actor, values["previous_hash"], values["hash"]
    )
    if number == 1:
        try:
            history.apply(None, event, claim_id=line.claim)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"1 does not begin a claim: {error}") from error
    return line


def _is_actor(actor: Any) -> bool:
    return (
        isinstance(actor, dict)
        and set(actor) in ({"id", "name"}, {"rule"})
        and all(isinstance(value, str) for value in actor.values())
    )


def event_references(line: Line) -> list[Reference]:
    """What an event refers to, as far as its data has the shape of its type."""
    data = line.event.data
    voices = [data.get("claimant")]
    found: list[tuple[str, Any]] = []
    links = data.get("links") if line.event.type == "claim.absorbed" else [data.get("link")]
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict):
            found.append(("statement", link.get("statement")))
            voices.append(link.get("voice"))
    for voice in voices:
        if isinstance(voice, dict):
            found += [("party", voice.get("party")), ("party", voice.get("root"))]
            speaker = voice.get("speaker")
            if isinstance(speaker, dict):
                found.append(("speaker", speaker.get("id")))
    found += _named(line.event.type, data)
    return [(kind, key) for kind, key in found if isinstance(key, str)]


NAMED: Mapping[str, Iterable[tuple[str, str]]] = {
    "claim.created": (
        ("story", "story"),
        ("claim", "part_of"),
        ("statement", "origin_statement"),
    ),
    "claim.merged": (("claim", "into"),),
    "claim.absorbed": (("claim", "merged"),),
    "claim.moved": (("claim", "part_of"),),
    "claim.withdrawn": (("source", "source"),),
    "statement.withdrawn": (("statement", "statement"), ("source", "source")),
    "component.changed": (("claim", "component"),),
    "speaker.changed": (("speaker", "speaker"),),
}
"""Which field of an event's data names a thing of which kind."""


def _named(type: str, data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = [(kind, data.get(field)) for kind, field in NAMED.get(type, ())]
    if type == "party.changed" and isinstance(data.get("parties"), dict):
        found += [("party", slug) for slug in data["parties"]]
    return found
