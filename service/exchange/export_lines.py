"""Parse the lines of an export, each by itself, without the desk."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping

from service.domain import history, ids, things
from service.domain.access import Way
from service.domain.claims import format_instant, parse_instant
from service.domain.history import EVENT_TYPES, Event
from service.domain.subjects import Subject, SubjectKind
from service.domain.things import SignedEvent
from service.domain.uses import FOLLOWING
from service.exchange import export_format
from service.exchange.imported_events import ImportedEvent
from service.record.canonical import GENESIS, check_salts, hash_event, render_canonical
from service.store import row_data
from service.store.row_data import (
    EXCHANGED_TABLES,
    PARTY_VERSION,
    QUOTE,
    ExchangedTable,
    Values,
)

NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""A NUL in canonical JSON: an escape whose backslash is not itself escaped."""
Reference = tuple[str, str]
"""The kind and the key of what a line refers to."""
UNIQUE = {"user": "this address", "source": "this URL and text", "speaker": "this name and role"}
"""What only one thing of a kind may have."""
WITHIN = {"statement": ("quotes", QUOTE), "party": ("versions", PARTY_VERSION)}
"""The rows that stand within a line of its kind.  There is always at least one."""
NAMED_BY_EVENTS: Mapping[str, Iterable[tuple[str, str]]] = {
    "claim.created": (
        ("story", "story"),
        ("claim", "part_of"),
        ("claim", "supersedes"),
        ("statement", "origin_statement"),
    ),
    "claim.merged": (("claim", "into"),),
    "claim.absorbed": (("claim", "merged"),),
    "claim.released": (("claim", "separated"),),
    "claim.moved": (("claim", "part_of"),),
    "claim.withdrawn": (("source", "source"),),
    "statement.withdrawn": (("statement", "statement"), ("source", "source")),
    "statement.corrected": (("statement", "statement"),),
    "source.corrected": (("source", "source"),),
    "statement.voided": (("statement", "statement"),),
    "statement.restored": (("statement", "statement"),),
    "component.changed": (("claim", "component"),),
    "claim.superseded": (("claim", "by"),),
    "speaker.changed": (("speaker", "speaker"),),
}
"""By type of event: of which kind the thing is that a field of its data names."""
FOLDING_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
"""What folding raises for events whose data has another shape than their type's."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What the line of a thing says."""

    row: Values
    parts: list[Values] = field(default_factory=list)
    """The rows of a statement's quotes, or of a party's versions."""
    events: list[ImportedEvent] = field(default_factory=list)
    """Its own record; none where the file has none, as files of version 1."""


def build_unique_name(record: str, row: Mapping[str, object] | RowMapping) -> str | None:
    """Return what only one thing may be called; None for a kind without such a name.

    Addresses and names count as they are spelled: an older desk may have several spellings of one.
    """
    if record == "user":
        return f"user {row['email']}"
    if record == "source":
        return f"source {row['sha256'] or ''} {row['url']}"
    if record == "speaker":
        name, role = row["name"], row["role"]
        if row["merged_into"] is not None:
            name, role = row["merged_name"], row["merged_role"]
        spelling = f"{name}\n{role or ''}".casefold()
        return f"speaker {row['party']} {spelling}"
    return None


def parse_thing(record: str, values: Mapping[str, object]) -> Thing:
    """Return what a thing's line says.  Raises ValueError with a reason."""
    if record not in export_format.SUBJECTS:
        return Thing(row_data.parse_row(EXCHANGED_TABLES[record], values))
    container, kind = WITHIN.get(record, ("", None))
    columns = {key: values[key] for key in values if key not in (container, "events")}
    row = row_data.parse_row(EXCHANGED_TABLES[record], columns)
    parts: list[Values] = []
    if kind is not None:
        parts = _parse_rows(container, kind, values.get(container))
        if record == "party":
            now = parts[-1]
            if now["superseded_at"] or (now["name"], now["parent"]) != (row["name"], row["parent"]):
                raise ValueError("versions: the last is not what holds now")
    events = values.get("events")
    return Thing(row, parts, [] if events is None else _parse_events(record, values, events))


def _parse_rows(name: str, kind: ExchangedTable, lines: object) -> list[Values]:
    if not isinstance(lines, list) or not lines:
        raise ValueError(f"{name}: at least one is needed")
    rows: list[Values] = []
    for position, line in enumerate(lines):
        if not isinstance(line, dict):
            raise ValueError(f"{name}.{position} is no object")
        try:
            rows.append(row_data.parse_row(kind, line))
        except ValueError as error:
            raise ValueError(f"{name}.{position}.{error}") from error
    return rows


def list_references(record: str, thing: Thing) -> list[Reference]:
    """Return what a thing's line refers to."""
    references = [
        (kind, str(thing.row[name]))
        for name, kind in EXCHANGED_TABLES[record].references.items()
        if thing.row[name] is not None
    ]
    if record == "statement":
        references += [("source", quote["source"]) for quote in thing.parts]
    return references


def describe_difference(
    kind: ExchangedTable, values: Mapping[str, object], known_values: Mapping[str, object]
) -> str | None:
    """Say in which fields a line differs from what the desk has under its key; None in no field."""
    not_compared = (*kind.timestamps, "events")
    names = [
        name
        for name in values
        if name not in not_compared and values[name] != known_values.get(name)
    ]
    return f"the desk has it with another {', '.join(names)}" if names else None


def parse_event(values: Mapping[str, object]) -> ImportedEvent:
    """Parse a claim's event and prove its hash.  Raises ValueError with a reason."""
    _require_fields(values, export_format.EVENT_FIELDS)
    claim = values["claim"]
    if not isinstance(claim, str) or ids.parse_id(claim) != claim:
        raise ValueError("claim is no UUID in lower case")
    imported_event = _parse_event(Subject(SubjectKind.CLAIM, claim), values, EVENT_TYPES)
    if imported_event.event.number == 1:
        try:
            history.apply_event(None, imported_event.event, claim_id=claim)
        except FOLDING_ERRORS as error:
            raise ValueError(f"1 does not begin a claim: {error}") from error
    return imported_event


def _require_fields(values: Mapping[str, object], names: Iterable[str]) -> None:
    odd = (values.keys() - {"salts"}) ^ set(names)
    if odd:
        raise ValueError(f"has {min(odd)!r} missing or too much")


def _parse_event(
    subject: Subject, values: Mapping[str, object], types: Collection[str]
) -> ImportedEvent:
    """Parse an event of this subject and prove its hash.  Raises ValueError with a reason."""
    id, number, type = values["id"], values["number"], values["type"]
    actor, data, written_at = values["actor"], values["data"], values["recorded_at"]
    previous_hash = str(values["previous_hash"])
    if not isinstance(id, str) or ids.parse_id(id) != id:
        raise ValueError("id is no UUID in lower case")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**31:
        raise ValueError("number is no whole number")
    if not isinstance(type, str) or type not in types:
        raise ValueError(f"{number} is of the type {type!r}, which is unknown here")
    if not isinstance(data, dict) or not isinstance(actor, dict) or not _is_actor(actor):
        raise ValueError(f"{number} has data or an actor of another shape")
    recorded_at = _parse_instant(written_at)
    if recorded_at is None:
        raise ValueError(f"{number} has no instant in UTC as recorded_at")
    actor_text, data_text = render_canonical(actor), render_canonical(data)
    if NUL.search(actor_text) or NUL.search(data_text):
        raise ValueError(f"{number} has a NUL in a text")
    try:
        salts = check_salts(values["salts"]) if "salts" in values else {}
        digest = hash_event(
            subject,
            number=number,
            type=type,
            recorded_at=format_instant(recorded_at),
            actor=actor_text,
            data=data_text,
            salts=salts,
            previous_hash=previous_hash,
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{number} has salts of another shape") from error
    if digest != values["hash"]:
        raise ValueError(f"{number} was changed: its hash would be {digest}")
    event = Event(number, type, recorded_at, data)
    return ImportedEvent(subject, id, event, actor, previous_hash, digest, salts)


def _parse_instant(value: object) -> datetime | None:
    """Return an instant that is spelled as exports spell it."""
    try:
        recorded_at = parse_instant(value) if isinstance(value, str) else None
        return recorded_at if recorded_at and format_instant(recorded_at) == value else None
    except ValueError:
        return None


def _parse_events(record: str, values: Mapping[str, object], lines: object) -> list[ImportedEvent]:
    """Parse the events of a thing, and prove that its line says what they say.

    Raises ValueError with a reason.
    """
    kind = export_format.SUBJECTS[record]
    subject = Subject(kind, str(values[EXCHANGED_TABLES[record].key.name]))
    if not isinstance(lines, list) or not lines:
        raise ValueError("events: at least one is needed")
    parsed_events: list[ImportedEvent] = []
    for position, event_values in enumerate(lines):
        if not isinstance(event_values, dict):
            raise ValueError(f"events.{position} is no object")
        try:
            _require_fields(event_values, export_format.THING_EVENT_FIELDS)
            event = _parse_event(subject, event_values, things.list_event_types(kind))
            if event.previous_hash != (parsed_events[-1].hash if parsed_events else GENESIS):
                raise ValueError(f"{event.event.number} does not continue the record")
            if parsed_events and event.event.recorded_at < parsed_events[-1].event.recorded_at:
                raise ValueError(f"{event.event.number} was recorded before the one it follows")
        except ValueError as error:
            raise ValueError(f"its event {error}") from error
        parsed_events.append(event)
    try:
        row = things.fold(kind, [SignedEvent(event.event, event.actor) for event in parsed_events])
    except FOLDING_ERRORS as error:
        raise ValueError(f"its events do not fold: {error}") from error
    following = FOLLOWING if kind is SubjectKind.USE else ()
    for name, value in row.items():
        if name in values and values[name] != value and name not in following:
            raise ValueError(f"{name} is another than its events say")
    return parsed_events


def _is_actor(actor: Mapping[str, object]) -> bool:
    """Whether this is what `access.describe_actor` writes, or a rule."""
    texts = {name: value for name, value in actor.items() if name not in ("key", "made_by")}
    if not _are_texts(texts.values()):
        return False
    if set(actor) == {"rule"}:
        return True
    key, made_by = actor.get("key"), actor.get("made_by", [])
    return (
        {"id", "name"} <= set(texts) <= {"id", "name", "means"}
        and texts.get("means", Way.KEY) in list(Way)
        and (
            key is None
            or (isinstance(key, dict) and set(key) == {"id", "name"} and _are_texts(key.values()))
        )
        and isinstance(made_by, list)
        and _are_texts(made_by)
    )


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def list_event_references(event: Event) -> list[Reference]:
    """Return what an event refers to, as far as its data has the shape of its type."""
    data = event.data
    voices = [data.get("claimant"), data.get("voice")]
    references: list[tuple[str, object]] = []
    links = data.get("links") if event.type == "claim.absorbed" else [data.get("link")]
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict):
            references.append(("statement", link.get("statement")))
            voices.append(link.get("voice"))
    for voice in voices:
        if isinstance(voice, dict):
            references += [("party", voice.get("party")), ("party", voice.get("root"))]
            speaker = voice.get("speaker")
            if isinstance(speaker, dict):
                references.append(("speaker", speaker.get("id")))
    references += [(kind, data.get(name)) for kind, name in NAMED_BY_EVENTS.get(event.type, ())]
    if event.type == "party.changed" and isinstance(data.get("parties"), dict):
        references += [("party", slug) for slug in data["parties"]]
    return [(kind, key) for kind, key in references if isinstance(key, str)]
