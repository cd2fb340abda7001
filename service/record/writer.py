"""The one writer of the record: whatever appends an event comes through here.

`append` adds events to the chain of any subject but a claim; claims, whose events move states and
tell webhooks, have `claim_writer`, which builds its lines here too.  A thing that is made in this
transaction begins its chain with `begin`: nobody else can know it yet, so nothing is locked or
read.  Lines that are begun can wait in a list and be written together with other rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Insert, insert

from service.domain import access, disclosure, ids
from service.domain.access import Actor
from service.domain.claims import format_instant
from service.domain.history import Draft, Event
from service.domain.subjects import Subject, SubjectKind
from service.record import chains
from service.record.canonical import GENESIS, canonical, hash_event, make_salts
from service.store.compiled_statements import CompiledStatement, bind_columns
from service.store.engine import now_after
from service.store.tables import events

LINE = (
    "id",
    "kind",
    "claim",
    "subject",
    "number",
    "type",
    "recorded_at",
    "actor",
    "data",
    "salts",
    "previous_hash",
    "hash",
    "story",
    "said_at",
    "said_end",
)
"""The columns of `events` that a writer gives: all but the number among all events."""
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """The end of a subject's chain, which no other transaction can move until this one ends."""

    subject: Subject
    number: int
    hash: str
    recorded_at: datetime | None


def append(
    connection: Connection,
    subject: Subject,
    drafts: Sequence[Draft],
    *,
    actor: Actor,
    now: datetime,
) -> tuple[Event, ...]:
    """Append `drafts` to the subject's chain, which begins with them where there is none.

    Not for claims: `claim_writer` keeps theirs.
    """
    return extend(connection, lock_chain(connection, subject), drafts, actor=actor, now=now)


def lock_chain(connection: Connection, subject: Subject) -> Chain:
    """Lock the subject's chain until the transaction ends, and read where it ends."""
    if subject.kind is SubjectKind.CLAIM:
        raise ValueError("a claim's events are recorded by claim_writer")
    chains.lock(connection, subject)
    row = chains.read_head(connection, subject)
    if row is None:
        return Chain(subject, 0, GENESIS, None)
    return Chain(subject, *row)


def extend(
    connection: Connection, chain: Chain, drafts: Sequence[Draft], *, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    """Append `drafts` to a locked chain.  Its instants never run backwards."""
    at = now_after(chain.recorded_at, now)
    lines = _build_lines(chain, drafts, actor=actor, at=at)
    write(connection, lines)
    return tuple(
        Event(line["number"], draft.type, at, draft.data)
        for line, draft in zip(lines, drafts, strict=True)
    )


def begin(subject: Subject, drafts: Sequence[Draft], *, actor: Actor, now: datetime) -> list[Line]:
    """The first lines of the chain of a thing that this transaction makes, to be written."""
    return _build_lines(Chain(subject, 0, GENESIS, None), drafts, actor=actor, at=now)


def write(connection: Connection, lines: Sequence[Line]) -> None:
    """Write lines, all in one statement."""
    if lines:
        _writing(len(lines)).run(connection, parameters("line", lines))


def insert_lines(count: int, prefix: str) -> Insert:
    """The INSERT of so many lines, whose parameters are what `parameters(prefix, …)` gives."""
    return insert(events).values(
        [bind_columns(events, LINE, f"{prefix}_{i}") for i in range(count)]
    )


def parameters(prefix: str, lines: Sequence[Line]) -> dict[str, Any]:
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
) -> Line:
    """The row of one event, with its hash."""
    who = {"rule": draft.rule} if draft.rule else access.describe_actor(actor)
    return hashed_line(
        subject,
        id=ids.make_id(),
        number=number,
        type=draft.type,
        recorded_at=at,
        actor=who,
        data=draft.data,
        salts=_salt(subject, draft.type, who, draft.data),
        previous_hash=previous_hash,
    )


def hashed_line(
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
) -> Line:
    """The row of an event that says this; what has a salt is hashed as a commitment."""
    of_claim = subject.kind is SubjectKind.CLAIM
    who, text = canonical(actor), canonical(data)
    return {
        "id": id,
        "kind": subject.kind.value,
        "claim": subject.id if of_claim else None,
        "subject": None if of_claim else subject.id,
        "number": number,
        "type": type,
        "recorded_at": recorded_at,
        "actor": who,
        "data": text,
        "salts": canonical(salts) if salts else None,
        "previous_hash": previous_hash,
        "hash": hash_event(
            subject,
            number=number,
            type=type,
            recorded_at=format_instant(recorded_at),
            actor=who,
            data=text,
            salts=salts,
            previous_hash=previous_hash,
        ),
        "story": None,
        "said_at": None,
        "said_end": None,
    }


def _salt(
    subject: Subject, type: str, actor: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, str]:
    """A salt for whatever of a claim's event somebody may not see.

    Events of other subjects are shown as wholes or not at all.
    """
    if subject.kind is not SubjectKind.CLAIM:
        return {}
    return make_salts(disclosure.list_committed_places(type, dict(actor), dict(data)))


@lru_cache(maxsize=64)
def _writing(count: int) -> CompiledStatement:
    return CompiledStatement(insert_lines(count, "line").inline())


def _build_lines(
    chain: Chain, drafts: Sequence[Draft], *, actor: Actor, at: datetime
) -> list[Line]:
    lines: list[Line] = []
    previous_hash = chain.hash
    for number, draft in enumerate(drafts, start=chain.number + 1):
        line = build_line(
            chain.subject, draft, number=number, previous_hash=previous_hash, actor=actor, at=at
        )
        previous_hash = line["hash"]
        lines.append(line)
    return lines
