"""Reads whom a job tells next: people by their ids, a batch at a time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select, union

from service.domain.access import Role
from service.notices.people import Person
from service.store.tables import follows, users

BATCH = 500
"""People who are told in one transaction: on SQLite nobody else writes meanwhile."""
PERSON = (users.c.id, users.c.name, users.c.role)


def read_next(
    connection: Connection, job: Row[Any], condition: ColumnElement[bool]
) -> list[Person]:
    """Read the next people, by their ids, for whom a condition holds."""
    query = _select_next(select(*PERSON).where(condition), users.c.id, job)
    return _build_people(connection.execute(query))


def read_next_followers(
    connection: Connection, job: Row[Any], targets: Sequence[Sequence[str]], *, since: datetime
) -> list[Person]:
    """Read the next people, by their ids, who have followed one of these targets since then.

    A batch of each kind is read from its index in order, and the first of all of them are taken:
    no batch reads everybody who follows.  Whoever follows by several targets of a kind is one
    of the batch: were they several, who comes after them would be taken to have been told.
    """
    by_kind: dict[str, list[str]] = {}
    for kind, target in targets:
        by_kind.setdefault(kind, []).append(target)
    source = follows.join(users, users.c.id == follows.c.user)
    batches = []
    for kind, names in by_kind.items():
        query = (
            select(follows.c.user.label("id"), users.c.name, users.c.role)
            .distinct()
            .select_from(source)
            .where(
                follows.c.kind == kind,
                follows.c.target.in_(names),
                follows.c.stopped_at.is_(None),
                follows.c.created_at <= since,
            )
        )
        batches.append(select(_select_next(query, follows.c.user, job).subquery()))
    every = union(*batches).subquery()
    return _build_people(connection.execute(select(every).order_by(every.c.id).limit(BATCH)))


def _select_next(
    query: Select[*tuple[Any, ...]], person: ColumnElement[str], job: Row[Any]
) -> Select[*tuple[Any, ...]]:
    """Select a batch of people with an account, after whom a job has told last."""
    query = query.where(users.c.disabled_at.is_(None))
    if job.done_until is not None:
        query = query.where(person > job.done_until)
    return query.order_by(person).limit(BATCH)


def _build_people(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Person]:
    return [Person(row.id, row.name, Role(row.role)) for row in rows]
