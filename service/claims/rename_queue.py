"""Keeps the renames under way: who made them, and which claims they have not reached.

A row of `renames` is a change of the name of a party or speaker, or of a party's parent, that has
not reached all claims yet; `rename_claims` lists those that are left.  Whoever locks a claim takes
its rows and records the changes (`claim_writer.load_claim`), so that a claim is changed once, in
the transaction that takes its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from service.domain import ids
from service.domain.access import Actor, Means, Role, Way
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record.canonical import render_canonical
from service.store.compiled_statements import CompiledStatement
from service.store.rename_tables import rename_claims, renames
from service.store.tables import statements
from service.store.types import format_id

HAS_RENAMES = exists().where(
    rename_claims.c.claim == bindparam("claim", type_=rename_claims.c.claim.type)
)
"""Whether a rename has not come to the claim `:claim` yet."""
TAKE_RENAMES = CompiledStatement(
    delete(rename_claims)
    .where(rename_claims.c.claim == bindparam("claim", type_=rename_claims.c.claim.type))
    .returning(rename_claims.c.rename)
)


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename under way: what it records on each claim, and as which actor.

    `draft` is None if the claims show nothing else, and are only found by other words.
    """

    id: str
    subject: Subject
    draft: Draft | None
    actor: Actor
    last_statement: str | None
    """The last statement that is indexed anew."""


def add_rename(
    connection: Connection,
    subject: Subject,
    draft: Draft | None,
    showing: Any,
    *,
    actor: Actor,
    now: datetime,
) -> tuple[Rename, int]:
    """Store a rename, and the claims that it has to reach: those that `shown` selects.

    Returns how many they are.
    """
    rename = Rename(ids.make_id(), subject, draft, actor, None)
    showing_claims = showing.subquery()
    claim = showing_claims.c[0]
    insertion = connection.execute(
        insert(rename_claims).from_select(
            ["rename", "claim"],
            select(literal(rename.id, rename_claims.c.rename.type), claim).where(
                claim.is_not(None)
            ),
        )
    )
    connection.execute(
        insert(renames),
        {
            "id": rename.id,
            "kind": subject.kind.value,
            "subject": subject.id,
            "data": None if draft is None else render_canonical(draft.data),
            "actor": orjson.dumps(actor).decode(),
            "claims": insertion.rowcount,
            "started_at": now,
        },
    )
    return rename, insertion.rowcount


def take_renames(connection: Connection, claim_id: str) -> list[Rename]:
    """Take the renames that have not reached a claim, which must be locked; in order."""
    taken_rows = TAKE_RENAMES.run(connection, {"claim": claim_id}).fetchall()
    if not taken_rows:
        return []
    rows = connection.execute(
        select(renames)
        .where(renames.c.id.in_([format_id(row[0]) for row in taken_rows]))
        .order_by(renames.c.started_at, renames.c.id)
    )
    return [_read(row) for row in rows]


def is_under_way(connection: Connection) -> bool:
    """Whether there is a rename that has not reached every claim."""
    return bool(connection.scalar(select(select(renames.c.id).exists())))


def lease_rename(connection: Connection) -> Rename | None:
    """Lock the first rename under way until this transaction ends; None if there is none, or
    another server works on it."""
    row = connection.execute(
        select(renames)
        .order_by(renames.c.started_at, renames.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    return None if row is None else _read(row)


def list_claims(connection: Connection, rename: Rename, *, most: int) -> Sequence[str]:
    """List the next claims that a rename has not reached, by id."""
    is_of_rename = rename_claims.c.rename == rename.id
    query = select(rename_claims.c.claim).where(is_of_rename).order_by(rename_claims.c.claim)
    return connection.scalars(query.limit(most)).all()


def list_statements(connection: Connection, rename: Rename, *, most: int) -> Sequence[str]:
    """Lock and list the next statements whose speaker was renamed, by id."""
    query = (
        select(statements.c.id).where(build_statement_condition(rename)).order_by(statements.c.id)
    )
    if rename.last_statement is not None:
        query = query.where(statements.c.id > rename.last_statement)
    # Locked: a rendering that is added meanwhile would be lost from the index.
    return connection.scalars(query.limit(most).with_for_update()).all()


def build_statement_condition(rename: Rename) -> ColumnElement[bool]:
    """Build the condition for the statements that are found by a changed name."""
    if rename.subject.kind is SubjectKind.SPEAKER:
        return statements.c.speaker == rename.subject.id
    parties = [rename.subject.id] if rename.draft is None else [*rename.draft.data["parties"]]
    return statements.c.party.in_(parties)


def note_statement(connection: Connection, rename: Rename, last_statement: str) -> None:
    """Store up to which statement the index is updated."""
    row = update(renames).where(renames.c.id == rename.id)
    connection.execute(row.values(last_statement=last_statement))


def end_rename(connection: Connection, rename: Rename) -> None:
    connection.execute(delete(renames).where(renames.c.id == rename.id))


def list_renames(connection: Connection) -> list[Rename]:
    """List the renames under way, in order."""
    rows = connection.execute(select(renames).order_by(renames.c.started_at, renames.c.id))
    return [_read(row) for row in rows]


def count_remaining_claims(connection: Connection, rename_id: str) -> int:
    """Count the claims that a rename has not reached."""
    is_of_rename = rename_claims.c.rename == rename_id
    return connection.execute(
        select(func.count()).select_from(rename_claims).where(is_of_rename)
    ).scalar_one()


def _read(row: Any) -> Rename:
    kind = SubjectKind(row.kind)
    draft = None
    if row.data is not None:
        draft = Draft(f"{kind.value}.changed", orjson.loads(row.data))
    return Rename(
        str(row.id), Subject(kind, row.subject), draft, _read_actor(row.actor), row.last_statement
    )


def _read_actor(text: str) -> Actor:
    data = orjson.loads(text)
    means = data["means"]
    if means is not None:
        makers = tuple(means["made_by"])
        means = Means(Way(means["way"]), means["key_id"], means["key_name"], makers)
    return Actor(data["id"], data["name"], Role(data["role"]), means)
