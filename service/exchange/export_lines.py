"""What the lines of an export say: each by itself, without the desk."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from service.domain import history, ids, things
from service.domain.access import Way
from service.domain.claims import instant, rfc3339
from service.domain.history import EVENT_TYPES, Event
from service.domain.subjects import Subject, SubjectKind
from service.domain.things import Signed
from service.exchange import format
from service.exchange.restoration import Line
from service.record.canonical import GENESIS, canonical, check_salts, hash_event
from service.store import row_data
from service.store.row_data import PARTY_VERSION, QUOTE, THINGS, Exchanged

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
        # As they stand: an older desk may have one name in several spellings.
        written = f"{row['name']}\n{row['role'] or ''}".casefold()
        return f"speaker {row['party']} {written}"
    return None


def read(record: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A line as a row; a statement's has its quotes' rows, a party's those of what it was.

    Of a thing that has a record of its own it also has `events`, the lines of that record; none
    where the file says nothing of them, as those of version 1.  Raises ValueError in words.
    """
    if record not in RECORDED:
        return row_data.read(THINGS[record], values)
    within, kind = WITHIN.get(record, ("", None))
    plain = {key: values[key] for key in values if key not in (within, "events")}
    row = row_data.read(THINGS[record], plain)
    if kind is not None:
        row[within] = _rows(within, kind, values.get(within))
    if record == "party":
        now = row[within][-1]
        if now["superseded_at"] or (now["name"], now["parent"]) != (row["name"], row["parent"]):
            raise ValueError("versions: the last is not what holds now")
    events = values.get("events")
    row["events"] = [] if events is None else _events_of(record, values, events)
    return row


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
            rows.append(row_data.read(kind, one))
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
    names = [
        name
        for name in values
        if name not in (*kind.stamps, "events") and values[name] != here[name]
    ]
    if not names:
        return None
    return f"the desk has it with another {', '.join(names)}"


def event_line(values: Mapping[str, Any]) -> Line:
    """A claim's event, its hash proved.  Raises ValueError in words."""
    _require_fields(values, format.EVENT)
    claim = values["claim"]
    if not isinstance(claim, str) or ids.parse(claim) != claim:
        raise ValueError("claim is no UUID in lower case")
    line = _event_of(Subject(SubjectKind.CLAIM, claim), values, EVENT_TYPES)
    if line.event.number == 1:
        try:
            history.apply(None, line.event, claim_id=line.claim)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"1 does not begin a claim: {error}") from error
    return line


def _require_fields(values: Mapping[str, Any], names: Iterable[str]) -> None:
    odd = (values.keys() - {"salts"}) ^ set(names)
    if odd:
        raise ValueError(f"has {min(odd)!r} missing or too much")


def _event_of(subject: Subject, values: Mapping[str, Any], types: Collection[str]) -> Line:
    """An event of this subject, its hash proved.  Raises ValueError in words."""
    if not isinstance(values["id"], str) or ids.parse(values["id"]) != values["id"]:
        raise ValueError("id is no UUID in lower case")
    number, actor, data = values["number"], values["actor"], values["data"]
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**31:
        raise ValueError("number is no whole number")
    if values["type"] not in types:
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
    try:
        salts = check_salts(values["salts"]) if "salts" in values else {}
        digest = hash_event(
            subject,
            number=number,
            type=values["type"],
            recorded_at=values["recorded_at"],
            actor=texts[0],
            data=texts[1],
            salts=salts,
            previous_hash=str(values["previous_hash"]),
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{number} has salts of another shape") from error
    if digest != values["hash"]:
        raise ValueError(f"{number} was changed: its hash would be {digest}")
    event = Event(number, values["type"], recorded_at, data)
    return Line(
        subject.id, values["id"], event, actor, values["previous_hash"], values["hash"], salts
    )


RECORDED: Mapping[str, SubjectKind] = {
    "party": SubjectKind.PARTY,
    "speaker": SubjectKind.SPEAKER,
    "source": SubjectKind.SOURCE,
    "story": SubjectKind.STORY,
    "statement": SubjectKind.STATEMENT,
    "note": SubjectKind.NOTE,
}
"""The things that have a record of their own, whose events stand within their line."""


def _events_of(record: str, values: Mapping[str, Any], given: Any) -> list[Line]:
    """The events of a thing, proved to say what its line says.  Raises ValueError in words."""
    kind = RECORDED[record]
    key = THINGS[record].key.name
    subject = Subject(kind, str(values[key]))
    if not isinstance(given, list) or not given:
        raise ValueError("events: at least one is needed")
    lines: list[Line] = []
    previous_hash, at = GENESIS, None
    for position, event in enumerate(given):
        if not isinstance(event, dict):
            raise ValueError(f"events.{position} is no object")
        try:
            _require_fields(event, format.EVENT_OF_THING)
            line = _event_of(subject, event, things.list_types(kind))
            if line.previous_hash != previous_hash:
                raise ValueError(f"{line.event.number} does not continue the record")
            if at is not None and line.event.recorded_at < at:
                raise ValueError(f"{line.event.number} was recorded before the one it follows")
        except ValueError as error:
            raise ValueError(f"its event {error}") from error
        previous_hash, at = line.hash, line.event.recorded_at
        lines.append(line)
    try:
        row = things.fold(kind, [Signed(line.event, line.actor) for line in lines])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its events do not fold: {error}") from error
    for name, value in row.items():
        if name in values and values[name] != value:
            raise ValueError(f"{name} is another than its events say")
    return lines


def _is_actor(actor: Any) -> bool:
    """Whether this is what `access.describe_actor` writes, or a rule."""
    if not isinstance(actor, dict):
        return False
    named = {name: value for name, value in actor.items() if name not in ("key", "made_by")}
    if not all(isinstance(value, str) for value in named.values()):
        return False
    if set(actor) == {"rule"}:
        return True
    key, made_by = actor.get("key"), actor.get("made_by", [])
    return (
        {"id", "name"} <= set(named) <= {"id", "name", "means"}
        and named.get("means", Way.KEY) in list(Way)
        and (key is None or _is_named(key))
        and isinstance(made_by, list)
        and all(isinstance(one, str) for one in made_by)
    )


def _is_named(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"id", "name"}
        and all(isinstance(part, str) for part in value.values())
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
