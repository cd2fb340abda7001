"""Writes the record: all code that appends an event does it through this module.

`append_events` adds events to the chain of any subject but a claim.  The events of claims, which
change states and go to webhooks, are written by `claim_writer`, with lines that are built here.
`build_first_lines` begins the chain of a thing that is made in this transaction: nobody else knows
it yet, so nothing has to be locked or read.  Such lines can be written together with other rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypedDict

from sqlalchemy import Connection, Insert, insert

from service.domain import access, disclosure, ids
from service.domain.access import Actor
from service.domain.claims import format_instant
from service.domain.history import Draft, Event
from service.domain.subjects import Subject, SubjectKind
from service.record import chains
from service.record.canonical import GENESIS, hash_event, make_salts, render_canonical
from service.store.compiled_statements import CompiledStatement, bind_columns
from service.store.engine import clamp_now
from service.store.tables import events


class EventRow(TypedDict):
    """The columns of `events` that the writer fills: all but the number among all events."""

    id: str
    kind: str
    claim: str | None
    subject: str | None
    number: int
    type: str
    recorded_at: datetime
    actor: str
    data: str
    salts: str | None
    previous_hash: str
    hash: str
    story: str | None
    said_at: datetime | None
    said_end: datetime | None


COLUMNS = tuple(EventRow.__annotations__)


@dataclass(frozen=True, slots=True)
class Chain:
    """The end of a subject's chain, which no other transaction can extend until this one ends."""

    subject: Subject
    number: int
    hash: str
    recorded_at: datetime | None


def append_events(
    connection: Connection,
    subject: Subject,
    drafts: Sequence[Draft],
    *,
    actor: Actor,
    now: datetime,
) -> tuple[Event, ...]:
    """Append `drafts` to the subject's chain, or begin the chain with them.

    Not for claims: `claim_writer` writes theirs.
    """
    return extend_chain(connection, lock_chain(connection, subject), drafts, actor=actor, now=now)


def lock_chain(connection: Connection, subject: Subject) -> Chain:
    """Lock the subject's chain until the transaction ends, and return its end."""
    if subject.kind is SubjectKind.CLAIM:
        raise ValueError("a claim's events are recorded by claim_writer")
    chains.lock_chain(connection, subject)
    row = chains.read_head(connection, subject)
    if row is None:
        return Chain(subject, 0, GENESIS, None)
    return Chain(subject, *row)


def extend_chain(
    connection: Connection, chain: Chain, drafts: Sequence[Draft], *, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    """Append `drafts` to a locked chain, whose instants never run backwards."""
    at = clamp_now(chain.recorded_at, now)
    lines = _build_lines(chain, drafts, actor=actor, at=at)
    write_lines(connection, lines)
    return tuple(
        Event(line["number"], draft.type, at, draft.data)
        for line, draft in zip(lines, drafts, strict=True)
    )


def build_first_lines(
    subject: Subject, drafts: Sequence[Draft], *, actor: Actor, now: datetime
) -> list[EventRow]:
    """Return the first lines of the chain of a thing that this transaction makes."""
    return _build_lines(Chain(subject, 0, GENESIS, None), drafts, actor=actor, at=now)


def write_lines(connection: Connection, lines: Sequence[EventRow]) -> None:
    """Write lines in one statement."""
    if lines:
        _prepare_insert(len(lines)).run(connection, build_parameters("line", lines))


def build_insert(count: int, prefix: str) -> Insert:
    """Return the INSERT of `count` lines, with the parameters of `build_parameters(prefix, …)`."""
    return insert(events).values(
        [bind_columns(events, COLUMNS, f"{prefix}_{i}") for i in range(count)]
    )


def build_parameters(prefix: str, lines: Sequence[EventRow]) -> dict[str, object]:
    return {
        f"{prefix}_{position}_{name}": value
        for position, line in enumerate(lines)
        for name, value in line.items()
    }


def build_line(
    subject: Subject,
    draft: Draft,
    *,
    number: int,
    previous_hash: str,
    actor: Actor,
    at: datetime,
) -> EventRow:
    """Return the row of a drafted event, with its hash."""
    who = {"rule": draft.rule} if draft.rule else access.describe_actor(actor)
    return build_hashed_line(
        subject,
        id=ids.make_id(),
        number=number,
        type=draft.type,
        recorded_at=at,
        actor=who,
        data=draft.data,
        salts=_make_salts(subject, draft.type, who, draft.data),
        previous_hash=previous_hash,
    )


def build_hashed_line(
    subject: Subject,
    *,
    id: str,
    number: int,
    type: str,
    recorded_at: datetime,
    actor: Mapping[str, Any],
    data: Mapping[str, Any],
    salts: Mapping[str, str],
    previous_hash: str,
) -> EventRow:
    """Return the row of an event; what has a salt is hashed as a commitment."""
    is_of_claim = subject.kind is SubjectKind.CLAIM
    actor_text, data_text = render_canonical(actor), render_canonical(data)
    return {
        "id": id,
        "kind": subject.kind.value,
        "claim": subject.id if is_of_claim else None,
        "subject": None if is_of_claim else subject.id,
        "number": number,
        "type": type,
        "recorded_at": recorded_at,
        "actor": actor_text,
        "data": data_text,
        "salts": render_canonical(salts) if salts else None,
        "previous_hash": previous_hash,
        "hash": hash_event(
            subject,
            number=number,
            type=type,
            recorded_at=format_instant(recorded_at),
            actor=actor_text,
            data=data_text,
            salts=salts,
            previous_hash=previous_hash,
        ),
        "story": None,
        "said_at": None,
        "said_end": None,
    }


def _make_salts(
    subject: Subject, type: str, actor: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, str]:
    """Return a salt for everything in a claim's event that can be withheld.

    Events of other subjects are shown as a whole or not at all, but for what no export has.
    """
    if subject.kind is not SubjectKind.CLAIM:
        return make_salts([disclosure.PERSONAL[type]] if type in disclosure.PERSONAL else [])
    return make_salts(disclosure.list_committed_places(type, dict(actor), dict(data)))


@lru_cache(maxsize=64)
def _prepare_insert(count: int) -> CompiledStatement:
    return CompiledStatement(build_insert(count, "line").inline())


def _build_lines(
    chain: Chain, drafts: Sequence[Draft], *, actor: Actor, at: datetime
) -> list[EventRow]:
    lines: list[EventRow] = []
    previous_hash = chain.hash
    for number, draft in enumerate(drafts, start=chain.number + 1):
        line = build_line(
            chain.subject, draft, number=number, previous_hash=previous_hash, actor=actor, at=at
        )
        previous_hash = line["hash"]
        lines.append(line)
    return lines
