"""What the record of a statement, source, party, speaker or story folds to.

As with claims, a row of their tables is what their events say, and nothing else.  Rows are plain
JSON here, with instants as RFC 3339, as they are exchanged.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.domain.claims import format_instant
from service.domain.history import Event
from service.domain.subjects import SubjectKind

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event with its actor: `{id, name}`, or `{rule}`."""

    event: Event
    actor: Mapping[str, Any]

    @property
    def at(self) -> str:
        return format_instant(self.event.recorded_at)


FOUND_MARK = "recorded_as_found"
TOLD_MARK = "recorded_as_told"
"""Marks in the data of a first event: the thing was there before the record was, or another desk's
file says what it is without proof.  What is so marked proves nothing of the time before."""
WITHDRAWAL = (
    "withdrawn_at",
    "withdrawal_reason",
    "withdrawal_source",
    "withdrawal_said_at",
    "withdrawal_precision",
)


def fold(kind: SubjectKind, lines: Sequence[SignedEvent]) -> Data:
    """The row after all of `lines`, oldest first; a statement's with its `quotes`.

    Raises ValueError for events that cannot follow each other; KeyError, TypeError or
    AttributeError for data of another shape.
    """
    first, begin, steps = RULES[kind]
    row: Data | None = None
    for number, line in enumerate(lines, start=1):
        event = line.event
        if event.number != number:
            raise ValueError(f"event {event.number} cannot follow event {number - 1}")
        if row is None:
            if event.type != first:
                raise ValueError(f"a record begins with {first}, not {event.type}")
            row = begin(line)
            continue
        step = steps.get(event.type)
        if step is None:
            raise ValueError(f"unknown event type {event.type!r}")
        row = step(row, line)
    if row is None:
        raise ValueError("there is no event")
    return row


def list_event_types(kind: SubjectKind) -> set[str]:
    """The types of events that the record of such a thing may have."""
    first, _, steps = RULES[kind]
    return {first, *steps}


def fold_party_versions(lines: Iterable[tuple[str, SignedEvent]]) -> dict[str, list[Data]]:
    """What each party was called and where it stood, and when: `recorded_at`, `superseded_at`,
    `name`, `parent`, `root`.

    `lines` are the events of all parties with their slugs, in the order of the whole record: what
    moves moves everything below it.
    """
    parents: dict[str, str | None] = {}
    names: dict[str, str] = {}
    versions: dict[str, list[Data]] = {}
    for slug, line in lines:
        data = line.event.data
        if line.event.type == "party.created":
            parents[slug], names[slug] = data["parent"], data["name"]
            earlier = data.get("versions")
            if earlier:
                versions[slug] = [dict(version) for version in earlier]
                continue
            versions[slug] = []
            changed = [slug]
        elif {"name", "parent"} & data.keys():
            parents[slug] = data.get("parent", parents[slug])
            names[slug] = data.get("name", names[slug])
            changed = [below for below in parents if slug in _list_above(parents, below)]
        else:
            continue
        for below in changed:
            _begin_version(
                versions[below],
                {
                    "recorded_at": line.at,
                    "superseded_at": None,
                    "name": names[below],
                    "parent": parents[below],
                    "root": _list_above(parents, below)[-1],
                },
            )
    return versions


def _list_above(parents: Mapping[str, str | None], slug: str) -> list[str]:
    """`slug` and all that is above it, the root last.  Raises ValueError for a circle."""
    path = [slug]
    while (parent := parents[path[-1]]) is not None:
        if parent in path:
            raise ValueError(f"'{parent}' is its own ancestor")
        path.append(parent)
    return path


def _begin_version(versions: list[Data], version: Data) -> None:
    """End the version that held until now; what held for no time at all is not kept."""
    if versions:
        last = versions.pop()
        if last["recorded_at"] != version["recorded_at"]:
            versions.append(last | {"superseded_at": version["recorded_at"]})
    versions.append(version)


def _begin_statement(line: SignedEvent) -> Data:
    data = line.event.data
    earlier = FOUND_MARK in data or TOLD_MARK in data
    at = data["recorded_at"] if earlier else line.at
    return {
        **{name: data[name] for name in ("party", "speaker", "said_at", "precision", "basis")},
        "recorded_at": at,
        "recorded_by": data["recorded_by"] if earlier else line.actor["name"],
        **{name: data.get(name) for name in WITHDRAWAL},
        "quotes": [{"recorded_at": at, **quote} for quote in data["quotes"]],
    }


def _add_quote(row: Data, line: SignedEvent) -> Data:
    quote = {"recorded_at": line.at, **line.event.data["quote"]}
    return row | {"quotes": [*row["quotes"], quote]}


def _withdraw(row: Data, line: SignedEvent) -> Data:
    data = line.event.data
    values = (line.at, data["reason"], data["source"], data.get("said_at"), data.get("precision"))
    return row | dict(zip(WITHDRAWAL, values, strict=True))


SOURCE = ("url", "publisher", "title", "published_at", "language", "archive_url", "sha256")


def _begin_source(line: SignedEvent) -> Data:
    data = line.event.data
    return {
        **{name: data[name] for name in SOURCE},
        "recorded_at": data.get("recorded_at", line.at),
    }


def _beginning_with(*names: str, changes: bool) -> Callable[[SignedEvent], Data]:
    """Begins a row with these fields; `changes` says that it knows when it last changed."""

    def begin(line: SignedEvent) -> Data:
        data = line.event.data
        row = {name: data[name] for name in names}
        row["created_at"] = data.get("created_at", line.at)
        if changes:
            row["updated_at"] = data.get("updated_at", row["created_at"])
        return row

    return begin


def _change(row: Data, line: SignedEvent) -> Data:
    changes = line.event.data
    unknown = changes.keys() - row.keys()
    if unknown:
        raise ValueError(f"it has no field {min(unknown)!r}")
    row = row | changes
    return row | {"updated_at": line.at} if "updated_at" in row else row


def _set(row: Data, line: SignedEvent) -> Data:
    """Columns get other values; those that no event named before were null."""
    return row | line.event.data


def _repeat(row: Data, _line: SignedEvent) -> Data:
    """An event that changes nothing of the row."""
    return row


def _beginning_as_told(line: SignedEvent) -> Data:
    """A row of which the first event says every column that is proved."""
    marks = {FOUND_MARK, TOLD_MARK}
    return {name: value for name, value in line.event.data.items() if name not in marks}


Begin = Callable[[SignedEvent], Data]
Step = Callable[[Data, SignedEvent], Data]
RULES: Mapping[SubjectKind, tuple[str, Begin, Mapping[str, Step]]] = {
    SubjectKind.STATEMENT: (
        "statement.recorded",
        _begin_statement,
        {"statement.quoted": _add_quote, "statement.withdrawn": _withdraw},
    ),
    SubjectKind.SOURCE: ("source.recorded", _begin_source, {}),
    SubjectKind.PARTY: (
        "party.created",
        _beginning_with("name", "full_name", "kind", "country", "parent", changes=True),
        {"party.changed": _change},
    ),
    SubjectKind.SPEAKER: (
        "speaker.created",
        _beginning_with("party", "name", "role", changes=False),
        {"speaker.changed": _change},
    ),
    SubjectKind.STORY: (
        "story.created",
        _beginning_with("title", "description", changes=True),
        {"story.changed": _change},
    ),
    SubjectKind.NOTE: ("note.recorded", _beginning_as_told, {}),
    SubjectKind.PERSON: (
        "person.created",
        _beginning_as_told,
        {"person.changed": _set, "person.link_made": _repeat, "person.link_seen": _repeat},
    ),
    SubjectKind.KEY: ("key.created", _beginning_as_told, {"key.revoked": _set}),
    SubjectKind.WEBHOOK: (
        "webhook.created",
        _beginning_as_told,
        {"webhook.changed": _set, "webhook.removed": _set, "webhook.switched": _repeat},
    ),
    SubjectKind.SETTING: ("setting.set", _beginning_as_told, {"setting.changed": _set}),
}
"""How the record of each kind begins, what its first event says, and what may follow."""
