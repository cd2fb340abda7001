"""Derives the row of a statement, source, party, speaker, story … from its events.

As with claims, the row of such a thing is what its events say, and nothing else.  Rows are plain
JSON here, with instants as RFC 3339, as they are exported and imported.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict, cast

from service.domain.claims import format_instant
from service.domain.history import Event
from service.domain.subjects import SubjectKind

Row = dict[str, object]
"""The columns of a row.  Its values are compared, and copied from the data of events."""


class PartyVersion(TypedDict):
    """What a party was called and where it stood, from one instant to another."""

    recorded_at: str
    superseded_at: str | None
    name: str
    parent: str | None
    root: str


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
"""Marks in the data of a first event: the thing existed before the record of such things began, or
the file of another desk describes it without proof.  Then nothing is proved of the time before."""
MARKS = frozenset({FOUND_MARK, TOLD_MARK})
UNNAMED = ("attribution", "description", "reason")
"""What a statement says of a source that is not named; others lack it."""
WITHDRAWAL = (
    "withdrawn_at",
    "withdrawal_reason",
    "withdrawal_source",
    "withdrawal_said_at",
    "withdrawal_precision",
)


def fold(kind: SubjectKind, events: Sequence[SignedEvent]) -> Row:
    """Return the row after all of `events`, oldest first; that of a statement has its `quotes`.

    Raises ValueError for events that cannot follow each other; KeyError, TypeError or
    AttributeError for data of another shape.
    """
    rules = RULES[kind]
    row: Row | None = None
    for number, signed_event in enumerate(events, start=1):
        event = signed_event.event
        if event.number != number:
            raise ValueError(f"event {event.number} cannot follow event {number - 1}")
        if row is None:
            if event.type != rules.first_type:
                raise ValueError(f"a record begins with {rules.first_type}, not {event.type}")
            row = rules.begin(signed_event)
            continue
        step = rules.steps.get(event.type)
        if step is None:
            raise ValueError(f"unknown event type {event.type!r}")
        row = step(row, signed_event)
    if row is None:
        raise ValueError("there is no event")
    return row


def fold_on(kind: SubjectKind, row: Row | None, events: Sequence[SignedEvent]) -> Row:
    """Return the row after the last of `events`; `row` is what it was before, None at first.

    Raises ValueError like `fold`.
    """
    rules, last = RULES[kind], events[-1]
    if last.event.number != len(events):
        raise ValueError(f"event {last.event.number} cannot follow event {len(events) - 1}")
    if row is None:
        if last.event.type != rules.first_type:
            raise ValueError(f"a record begins with {rules.first_type}, not {last.event.type}")
        return rules.begin(last)
    step = rules.steps.get(last.event.type)
    if step is None:
        raise ValueError(f"unknown event type {last.event.type!r}")
    return step(row, last)


def list_event_types(kind: SubjectKind) -> set[str]:
    """Return the types of events that the record of such a thing may have."""
    return {RULES[kind].first_type, *RULES[kind].steps}


def fold_party_versions(events: Iterable[tuple[str, SignedEvent]]) -> dict[str, list[PartyVersion]]:
    """Return what each party was called and where it stood, and when.

    `events` are those of all parties with their slugs, in the order of the whole record: moving a
    party moves everything below it.
    """
    parents: dict[str, str | None] = {}
    names: dict[str, str] = {}
    versions: dict[str, list[PartyVersion]] = {}
    for slug, signed_event in events:
        data = signed_event.event.data
        if signed_event.event.type == "party.created":
            parents[slug], names[slug] = data["parent"], data["name"]
            versions[slug] = [cast(PartyVersion, dict(row)) for row in data.get("versions") or ()]
            changed_parties = [] if versions[slug] else [slug]
        elif {"name", "parent"} & data.keys():
            parents[slug] = data.get("parent", parents[slug])
            names[slug] = data.get("name", names[slug])
            changed_parties = [party for party in parents if slug in _list_above(parents, party)]
        else:
            continue
        for party in changed_parties:
            _begin_version(
                versions[party],
                {
                    "recorded_at": signed_event.at,
                    "superseded_at": None,
                    "name": names[party],
                    "parent": parents[party],
                    "root": _list_above(parents, party)[-1],
                },
            )
    return versions


def _list_above(parents: Mapping[str, str | None], slug: str) -> list[str]:
    """Return `slug` and all that is above it, the root last.  Raises ValueError for a circle."""
    path = [slug]
    while (parent := parents[path[-1]]) is not None:
        if parent in path:
            raise ValueError(f"'{parent}' is its own ancestor")
        path.append(parent)
    return path


def _begin_version(versions: list[PartyVersion], version: PartyVersion) -> None:
    """End the version that held until now; one that held for no time is not kept."""
    if versions:
        last = versions.pop()
        if last["recorded_at"] != version["recorded_at"]:
            last["superseded_at"] = version["recorded_at"]
            versions.append(last)
    versions.append(version)


def _begin_statement(signed_event: SignedEvent) -> Row:
    data = signed_event.event.data
    is_earlier = not MARKS.isdisjoint(data)
    recorded_at = data["recorded_at"] if is_earlier else signed_event.at
    return {
        **{name: data[name] for name in ("party", "speaker", "said_at", "precision", "basis")},
        **{name: data.get(name) for name in UNNAMED},
        "recorded_at": recorded_at,
        "recorded_by": data["recorded_by"] if is_earlier else signed_event.actor["name"],
        **{name: data.get(name) for name in WITHDRAWAL},
        "quotes": [{"recorded_at": recorded_at, **quote} for quote in data["quotes"]],
    }


def _add_quote(row: Row, signed_event: SignedEvent) -> Row:
    quote = {"recorded_at": signed_event.at, **signed_event.event.data["quote"]}
    return row | {"quotes": [*cast("list[Row]", row["quotes"]), quote]}


def _withdraw(row: Row, signed_event: SignedEvent) -> Row:
    data = signed_event.event.data
    values = (
        signed_event.at,
        data["reason"],
        data["source"],
        data.get("said_at"),
        data.get("precision"),
    )
    return _drop(row, "withdrawal_ended_at") | dict(zip(WITHDRAWAL, values, strict=True))


def _void(row: Row, signed_event: SignedEvent) -> Row:
    void = {"voided_at": signed_event.at, "void_reason": signed_event.event.data["reason"]}
    return _drop(row, "void_ended_at") | void


def _restore(row: Row, signed_event: SignedEvent) -> Row:
    """Say when a void or a withdrawal ended; when it began stays."""
    return row | {f"{signed_event.event.data['undoes']}_ended_at": signed_event.at}


def _correct(row: Row, signed_event: SignedEvent) -> Row:
    """Give columns, and those of quotes by their ids, what is right."""
    after = dict(signed_event.event.data["after"])
    corrected_quotes = {quote["id"]: quote for quote in after.pop("quotes", ())}
    if corrected_quotes:
        quotes = cast("list[Row]", row["quotes"])
        after["quotes"] = [quote | corrected_quotes.get(quote["id"], {}) for quote in quotes]
    unknown = after.keys() - row.keys()
    if unknown:
        raise ValueError(f"it has no field {min(unknown)!r}")
    return row | after


def _drop(row: Row, name: str) -> Row:
    return {other: value for other, value in row.items() if other != name}


SOURCE = ("url", "publisher", "title", "published_at", "language", "archive_url", "sha256")


def _begin_source(signed_event: SignedEvent) -> Row:
    data = signed_event.event.data
    row: Row = {name: data[name] for name in SOURCE}
    return row | {"recorded_at": data.get("recorded_at", signed_event.at)}


LATER = frozenset({"in_sentence"})
"""Columns that first events name only where they are set."""


def _begin_with(*names: str, has_update: bool) -> Callable[[SignedEvent], Row]:
    """Return a beginning of rows with these columns; `has_update` adds `updated_at`."""

    def begin(signed_event: SignedEvent) -> Row:
        data = signed_event.event.data
        row: Row = {name: data.get(name) if name in LATER else data[name] for name in names}
        row["created_at"] = data.get("created_at", signed_event.at)
        if has_update:
            row["updated_at"] = data.get("updated_at", row["created_at"])
        return row

    return begin


def _begin_with_data(signed_event: SignedEvent) -> Row:
    """Begin a row whose columns are all named in the data of the first event."""
    return {name: value for name, value in signed_event.event.data.items() if name not in MARKS}


def _begin_use(signed_event: SignedEvent) -> Row:
    """Begin the row of a use; an import brings a commitment in the place of its contact."""
    row = _begin_with_data(signed_event)
    return row | {"contact": None} if isinstance(row.get("contact"), dict) else row


def _change(row: Row, signed_event: SignedEvent) -> Row:
    changes = signed_event.event.data
    unknown = changes.keys() - row.keys()
    if unknown:
        raise ValueError(f"it has no field {min(unknown)!r}")
    row = row | changes
    return row | {"updated_at": signed_event.at} if "updated_at" in row else row


def _begin_note(signed_event: SignedEvent) -> Row:
    return _leave_out_mentions(_begin_with_data(signed_event))


def _change_note(row: Row, signed_event: SignedEvent) -> Row:
    changes = _leave_out_mentions(signed_event.event.data)
    if changes.keys() != {"text"}:
        raise ValueError("a change of a note is of its text")
    return row | changes


def _leave_out_mentions(data: Mapping[str, Any]) -> Row:
    """Return a note's columns: whom its text mentions stands in events alone."""
    return {name: value for name, value in data.items() if name != "mentions"}


def _merge(row: Row, signed_event: SignedEvent) -> Row:
    """Take the columns that a merge or a separation gives; the rest says why it was."""
    data = signed_event.event.data
    row = {name: value for name, value in row.items() if not name.startswith("merged_")}
    merge_fields = {name: value for name, value in data.items() if name not in ("reason", "was")}
    row |= {
        name: value
        for name, value in merge_fields.items()
        if value is not None or not name.startswith("merged_")
    }
    return row | {"updated_at": signed_event.at} if "updated_at" in row else row


def _set(row: Row, signed_event: SignedEvent) -> Row:
    """Set columns to other values; columns that no event named before were null."""
    return row | signed_event.event.data


def _keep(row: Row, _signed_event: SignedEvent) -> Row:
    return row


class RecordRules(NamedTuple):
    """How the record of a kind of things begins, and what may follow."""

    first_type: str
    begin: Callable[[SignedEvent], Row]
    steps: Mapping[str, Callable[[Row, SignedEvent], Row]]


RULES: Mapping[SubjectKind, RecordRules] = {
    SubjectKind.STATEMENT: RecordRules(
        "statement.recorded",
        _begin_statement,
        {
            "statement.quoted": _add_quote,
            "statement.corrected": _correct,
            "statement.withdrawn": _withdraw,
            "statement.voided": _void,
            "statement.restored": _restore,
        },
    ),
    SubjectKind.SOURCE: RecordRules(
        "source.recorded",
        _begin_source,
        {"source.corrected": _correct, "source.merged": _merge, "source.separated": _merge},
    ),
    SubjectKind.PARTY: RecordRules(
        "party.created",
        _begin_with(
            *("name", "full_name", "kind", "country", "parent", "in_sentence"), has_update=True
        ),
        {"party.changed": _change, "party.merged": _merge, "party.separated": _merge},
    ),
    SubjectKind.SPEAKER: RecordRules(
        "speaker.created",
        _begin_with("party", "name", "role", has_update=False),
        {"speaker.changed": _change, "speaker.merged": _merge, "speaker.separated": _merge},
    ),
    SubjectKind.STORY: RecordRules(
        "story.created",
        _begin_with("title", "description", has_update=True),
        {"story.changed": _change},
    ),
    SubjectKind.USE: RecordRules(
        "use.recorded", _begin_use, {"use.acknowledged": _set, "use.retired": _set}
    ),
    SubjectKind.NOTE: RecordRules("note.recorded", _begin_note, {"note.changed": _change_note}),
    SubjectKind.PERSON: RecordRules(
        "person.created",
        _begin_with_data,
        {"person.changed": _set, "person.link_made": _keep, "person.link_seen": _keep},
    ),
    SubjectKind.KEY: RecordRules("key.created", _begin_with_data, {"key.revoked": _set}),
    SubjectKind.WEBHOOK: RecordRules(
        "webhook.created",
        _begin_with_data,
        {"webhook.changed": _set, "webhook.removed": _set, "webhook.switched": _keep},
    ),
    SubjectKind.SETTING: RecordRules("setting.set", _begin_with_data, {"setting.changed": _set}),
}
"""The rules of each kind of things."""
