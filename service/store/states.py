"""Claims' states as they are stored: `claims.state`, and further links in rows of their own.

A claim's row is written anew with each change. So it holds the first links only, and each further
one stands in a row of `state_links`, which is written when the link itself changes: a change costs
the same on a claim of five links and on one of five thousand. Only this module knows of the split.

`select_whole` gives both as one text, which `parse` reads.  It is for reading; who has just waited
for a lock must not use it on PostgreSQL: the claim's row is then newer than what else the statement
sees.  There `read_locked` asks once more.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, TypedDict

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from service.domain import plain_data
from service.domain.claims import LATER_FIELDS, LATER_LINK_FIELDS, ClaimState, Link
from service.store.compiled_statements import CompiledStatement
from service.store.tables import state_links

FIRST = 32
"""Links that stand in the claim's own row."""
FURTHER = "further_links"
"""In the JSON of a state, how many links stand beside it; not there where none do."""

_place = bindparam("place", type_=state_links.c.place.type)
_claim = bindparam("claim_id", type_=state_links.c.claim.type)
_state = bindparam("link_state", type_=state_links.c.state.type)
ADD = CompiledStatement(
    insert(state_links).values(claim=_claim, place=_place, state=_state).inline()
)
CHANGE = CompiledStatement(
    update(state_links)
    .where(state_links.c.claim == _claim, state_links.c.place == _place)
    .values(state=_state)
)
READ = CompiledStatement(
    select(state_links.c.place, state_links.c.state).where(state_links.c.claim == _claim)
)


class LinkParameters(TypedDict):
    """The parameters of `ADD` and `CHANGE`."""

    claim_id: str
    place: int
    link_state: str


class _Concatenated(FunctionElement[str]):
    """All values as one text, in any order.  SQLAlchemy's own, `aggregate_strings`, cannot be
    compiled beforehand."""

    type = String()
    inherit_cache = True


@compiles(_Concatenated, "sqlite")
def _concatenate_on_sqlite(element: _Concatenated, compiler: Any, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, '')"


@compiles(_Concatenated)
def _concatenate(element: _Concatenated, compiler: Any, **options: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)}, '')"


def write_out(state: ClaimState) -> str:
    """Return the state as JSON, with its first links, and with later fields only where they are
    set."""
    fields: dict[str, object] = {name: getattr(state, name) for name in state.__dataclass_fields__}
    for name in LATER_FIELDS:
        if not fields[name]:
            del fields[name]
    if len(state.links) > FIRST:
        fields["links"] = state.links[:FIRST]
        fields[FURTHER] = len(state.links) - FIRST
    return _drop_unset(orjson.dumps(fields)).decode()


def _drop_unset(document: bytes) -> bytes:
    """Take later fields that are not set out of written links.

    What is taken out begins with a quotation mark that ends a text or begins a name: within a text
    a backslash stands before it, so no text loses anything.
    """
    for field in _UNSET:
        document = document.replace(field, b"")
    return document


_UNSET = [b"," + orjson.dumps({name: value})[1:-1] for name, value in LATER_LINK_FIELDS.items()]


def list_further_links(state: ClaimState) -> dict[int, str]:
    """The links that stand in rows of their own, as JSON, by their place."""
    more_links = islice(state.links, FIRST, None)
    return {place: _write_out_link(link) for place, link in enumerate(more_links, start=FIRST)}


def write_further_links(
    connection: Connection, before: ClaimState | None, after: ClaimState
) -> None:
    """Write the rows of links that a change added or changed.  Links are never taken away."""
    had = before.links[FIRST:] if before is not None else ()
    has = after.links[FIRST:]
    changed_links = [
        _build_parameters(after.id, place, link)
        for place, (old, link) in enumerate(zip(had, has, strict=False), start=FIRST)
        if old is not link and old != link
    ]
    CHANGE.run_each(connection, changed_links)
    new = enumerate(has[len(had) :], start=FIRST + len(had))
    ADD.run_each(connection, [_build_parameters(after.id, place, link) for place, link in new])


def select_whole(source: FromClause) -> ColumnElement[str]:
    """Select the text of a claim's whole state; `source` has its `id` and `state`."""
    line = literal("\n") + cast(state_links.c.place, String) + literal(" ") + state_links.c.state
    lines = (
        select(_Concatenated(line))
        .where(state_links.c.claim == source.c.id)
        .correlate(source)
        .scalar_subquery()
    )
    return (source.c.state + func.coalesce(lines, "")).label("state")


def parse(text: str) -> ClaimState:
    """Return the state that such a text says.  Raises ValueError where links are missing."""
    first, *lines = text.split("\n")
    rows = (line.partition(" ") for line in lines)
    return _join(orjson.loads(first), {int(place): link for place, _, link in rows})


def read_locked(connection: Connection, claim_id: str, text: str) -> ClaimState:
    """The state of a locked claim whose row says `text`."""
    data = orjson.loads(text)
    rows = READ.run(connection, {"claim_id": claim_id}).fetchall() if FURTHER in data else ()
    return _join(data, dict(map(tuple, rows)))


def _join(data: dict[str, Any], more_links: Mapping[int, str]) -> ClaimState:
    count = data.get(FURTHER, 0)
    if count != len(more_links):
        raise ValueError(
            f"claim {data['id']} has {len(more_links)} rows in state_links, not {count} as it says"
        )
    if more_links:
        data["links"] += orjson.loads(
            f"[{','.join(more_links[place] for place in sorted(more_links))}]"
        )
    return plain_data.read_state(data)


def _build_parameters(claim_id: str, place: int, link: Link) -> LinkParameters:
    return {"claim_id": claim_id, "place": place, "link_state": _write_out_link(link)}


def _write_out_link(link: Link) -> str:
    return _drop_unset(orjson.dumps(link)).decode()
