"""Lists the corrections of a claim, and of what it shows; of a statement; of a source."""

from collections.abc import Mapping
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Connection, Row, select

from service.claims.correction_views import FieldCorrectionView
from service.claims.existence import require_claim
from service.directory import directory_queries
from service.domain import disclosure
from service.domain.access import Audience
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.domain.history import CORRECTION_TYPES
from service.domain.subjects import Subject, SubjectKind
from service.record import chains
from service.store.paging import Window, select_page
from service.store.tables import events, statements

SHOWN = ("before", "after", "reason", "material", "statement", "source")


def list_of_claim(
    connection: Connection, claim_id: str, *, audience: Audience, window: Window
) -> list[FieldCorrectionView]:
    """List the corrections of a claim and of what it shows, oldest first.  Raises NotFound."""
    require_claim(connection, claim_id)
    return _list(connection, events.c.claim == claim_id, audience=audience, window=window)


def list_of_statement(
    connection: Connection,
    statement_id: str,
    *,
    audience: Audience,
    sees_withheld: bool,
    window: Window,
) -> list[FieldCorrectionView]:
    """List the corrections of a statement, oldest first; why its source is not named is in them
    only if the caller `sees_withheld`.  Raises NotFound."""
    statement = connection.scalar(select(statements.c.id).where(statements.c.id == statement_id))
    if statement is None:
        raise NotFound("There is no statement with this id.")
    items = _list(
        connection,
        _is_about(SubjectKind.STATEMENT, statement_id),
        audience=audience,
        window=window,
    )
    if not sees_withheld:
        for item in items:
            item["before"].pop("reason", None)
            item["after"].pop("reason", None)
    return items


def list_of_source(
    connection: Connection, source_id: str, *, audience: Audience, window: Window
) -> list[FieldCorrectionView]:
    """List the corrections of a source, oldest first.  Raises NotFound."""
    directory_queries.read_source(connection, source_id)
    about = _is_about(SubjectKind.SOURCE, source_id)
    return _list(connection, about, audience=audience, window=window)


def read_version(connection: Connection, kind: SubjectKind, subject: str) -> int:
    """Read the number of the last event of a statement or a source."""
    head = chains.read_head(connection, Subject(kind, subject))
    return head[0] if head else 0


def _is_about(kind: SubjectKind, subject: str) -> ColumnElement[bool]:
    return (events.c.kind == kind.value) & (events.c.subject == subject)


def _list(
    connection: Connection, about: ColumnElement[bool], *, audience: Audience, window: Window
) -> list[FieldCorrectionView]:
    query = select(events).where(about, events.c.type.in_(CORRECTION_TYPES))
    rows = connection.execute(select_page(query, window, events.c.number)).all()
    return [_build_correction(row, audience) for row in rows]


def _build_correction(row: Row[Any], audience: Audience) -> FieldCorrectionView:
    data: Mapping[str, Any] = orjson.loads(row.data)
    actor = orjson.loads(row.actor)
    correction = {name: data[name] for name in SHOWN if name in data}
    correction |= {
        "type": row.type,
        "by": actor.get("name") if audience.may_read(disclosure.ACTOR) else None,
        "recorded_at": format_instant(row.recorded_at),
        "number": row.number,
    }
    return cast(FieldCorrectionView, correction)
