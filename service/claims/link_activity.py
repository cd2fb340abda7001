"""Which rows of links and statements count: as SQL, now or as of an instant.

A retraction, a withdrawal and a void each begin, and may end: rows keep both instants of the last.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from service.store.tables import links, statements

Ending = tuple[ColumnElement[Any], ColumnElement[Any]]
"""The columns that say when something ceased to count, and when it did so again."""

LINK_ENDINGS: Sequence[Ending] = (
    (links.c.retracted_at, links.c.retraction_ended_at),
    (links.c.voided_at, links.c.void_ended_at),
)
STATEMENT_VOID: Ending = (statements.c.voided_at, statements.c.void_ended_at)
STATEMENT_ENDINGS: Sequence[Ending] = (
    (statements.c.withdrawn_at, statements.c.withdrawal_ended_at),
    STATEMENT_VOID,
)


def build_conditions(
    endings: Sequence[Ending], moment: ColumnElement[Any] | datetime | None = None
) -> list[ColumnElement[bool]]:
    """Build the conditions for what has not ended, now or as of `moment`."""
    return [_is_standing(began, end, moment) for began, end in endings]


def _is_standing(
    began: ColumnElement[Any],
    end: ColumnElement[Any],
    moment: ColumnElement[Any] | datetime | None,
) -> ColumnElement[bool]:
    if moment is None:
        return or_(began.is_(None), end.is_not(None))
    return or_(began.is_(None), began > moment, and_(end.is_not(None), end <= moment))


def has_ceased(began: datetime | None, end: datetime | None, moment: datetime | None) -> bool:
    """Say whether a row does not count now, or did not at `moment`: it ceased to at `began`, and
    counted again from `end` on."""
    if began is None:
        return False
    if moment is None:
        return end is None
    return began <= moment and (end is None or end > moment)
