"""Find rows that refer to nothing, and values that cannot be read, for `claimdesk doctor`.

Every table of `store/tables.py` is checked.  Values are compared as the database holds them and
never converted, so that a bad one does not stop the check.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    and_,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
    type_coerce,
)

from service.domain.diagnosis import Finding, make_fault
from service.store import tables, webhook_tables
from service.store.tables import metadata
from service.store.types import Instant

SHOWN = 3
DANGLING = "dangling-rows"
MALFORMED = "malformed-values"
VERIFY = (
    "Run: claimdesk verify. What it cannot prove was changed past Claimdesk: put a backup in its "
    "place (claimdesk restore FILE), or mend the rows by hand from one."
)
UNDECLARED = (
    (tables.links.c.party, tables.parties.c.slug),
    (tables.links.c.root, tables.parties.c.slug),
    (tables.claim_versions.c.part_of, tables.claims.c.id),
    (tables.events.c.story, tables.stories.c.slug),
    (webhook_tables.webhook_deliveries.c.claim, tables.claims.c.id),
)
"""References that no foreign key watches."""
JSON = (
    tables.claims.c.state,
    tables.state_links.c.state,
    tables.claims.c.document,
    tables.claim_versions.c.document,
    tables.events.c.actor,
    tables.events.c.data,
    tables.decisions.c.proposal,
    webhook_tables.webhooks.c.headers,
    webhook_tables.webhooks.c.previous_secrets,
)
DIGIT = "[0-9]"
DATE = f"{DIGIT * 4}-{DIGIT * 2}-{DIGIT * 2}"
INSTANT = f"{DATE}T{DIGIT * 2}:{DIGIT * 2}:{DIGIT * 2}.{DIGIT * 6}Z"


def find_dangling_rows(connection: Connection) -> list[Finding]:
    """Find rows that refer to a row that is not there."""
    findings = []
    for column, target in _list_references():
        other = target.table.alias("target")
        missing = and_(
            column.is_not(None),
            ~exists().where(other.c[target.name] == column).correlate(column.table),
        )
        findings += _describe_rows(
            connection,
            DANGLING,
            column,
            missing,
            f"name a {target.table.name}.{target.name} that is not there",
        )
    return findings


def find_malformed_values(connection: Connection) -> list[Finding]:
    """Find ids, instants and JSON that cannot be read.

    PostgreSQL's types keep ids and instants well-formed; JSON is text on both databases.
    """
    findings = []
    if connection.dialect.name == "sqlite":
        for table in metadata.sorted_tables:
            for column in table.columns:
                bad = _is_malformed(column)
                if bad is not None:
                    fault = f"cannot be read as {_name_type(column)}"
                    findings += _describe_rows(connection, MALFORMED, column, bad, fault)
    for column in JSON:
        if connection.dialect.name == "sqlite":
            bad = func.json_valid(_as_text(column)) == 0
        else:
            # Only the cheap part of the check: our documents are objects or lists.
            bad = not_(_as_text(column).op("~", is_comparison=True)(r"^\s*[\[{].*[\]}]\s*$"))
        findings += _describe_rows(
            connection, MALFORMED, column, and_(column.is_not(None), bad), "hold no JSON"
        )
    return findings


def _list_references() -> Iterator[tuple[Column[Any], Column[Any]]]:
    for table in metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            if key.constraint is not None and len(key.constraint.columns) == 1:
                yield key.parent, key.column
    yield from UNDECLARED


def _is_malformed(column: Column[Any]) -> ColumnElement[bool] | None:
    raw = _as_text(column)
    if _name_type(column) == "an id":
        bad = or_(func.length(raw) != 32, raw.op("GLOB", is_comparison=True)("*[^0-9a-f]*"))
    elif _name_type(column) == "an instant":
        second = func.substr(raw, 1, 19)  # strftime must give it back: there is no 31 February
        real = func.strftime("%Y-%m-%dT%H:%M:%S", second, "+0 days") == second
        bad = or_(not_(raw.op("GLOB", is_comparison=True)(INSTANT)), not_(func.coalesce(real, 0)))
    else:
        return None
    return and_(column.is_not(None), bad)


def _name_type(column: Column[Any]) -> str:
    if isinstance(column.type, Instant):
        return "an instant"
    return "an id" if column.type.__visit_name__ == "uuid" else "text"


def _as_text(column: Column[Any]) -> ColumnElement[str]:
    """Return the column as the database holds it, without a converter."""
    return type_coerce(column, String)


def _describe_rows(
    connection: Connection, check: str, column: Column[Any], bad: ColumnElement[bool], fault: str
) -> list[Finding]:
    count = connection.scalar(select(func.count()).select_from(column.table).where(bad)) or 0
    if not count:
        return []
    table: Table = column.table
    key = next(iter(table.primary_key.columns))
    rows = connection.execute(
        select(cast(_as_text(key), String), cast(_as_text(column), String)).where(bad).limit(SHOWN)
    )
    examples = ", ".join(f"{table.name} {row[0]}: {str(row[1])[:60]!r}" for row in rows)
    more = ", …" if count > SHOWN else ""
    noun = "row" if count == 1 else "rows"
    text = f"{count} {noun} of {table.name} {fault} ({column.name}): {examples}{more}."
    return [make_fault(check, text, VERIFY)]
