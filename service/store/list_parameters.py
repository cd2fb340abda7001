"""A list of values as one bound parameter: a JSON array, which each database takes apart itself."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Column, Select, String, Uuid, bindparam, cast, column, func, select

ListElements = Callable[[str, Column[Any]], Select[Any]]
"""Gives the elements of the parameter of this name, as values of a column."""


def _select_on_sqlite(name: str, like: Column[Any]) -> Select[Any]:
    each = func.json_each(bindparam(name, type_=String())).table_valued("value")
    # Ids are kept without their hyphens there.
    return select(
        func.replace(each.c.value, "-", "") if isinstance(like.type, Uuid) else each.c.value
    )


def _select_on_postgresql(name: str, like: Column[Any]) -> Select[Any]:
    array = cast(bindparam(name, type_=String()), JSON)
    each = func.json_array_elements_text(array).table_valued(column("value", String()))
    return select(cast(each.c.value, like.type))


LISTS: dict[str, ListElements] = {
    "sqlite": _select_on_sqlite,
    "postgresql": _select_on_postgresql,
}
