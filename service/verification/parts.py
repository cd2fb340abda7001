"""What `verify` proves, in parts that stand by themselves: any process can check any of them, at
any time, each as the database is at one instant.

The parts do not depend on how many processes there are.  So what is found, and its order, does not
either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, func, select

from service.domain.subjects import SubjectKind
from service.store import tables
from service.verification import (
    chain_checks,
    claim_checks,
    rename_checks,
    search_checks,
    thing_checks,
)
from service.verification.breaks import Break, Counts, Remark

MOST_BREAKS = 20
"""How many breaks of a part, and of all, are listed."""
CLAIMS, THINGS = 1_000, 10_000
"""How many claims, and how many other things, are in a part: some seconds of work."""
CLAIM_STEPS, STATEMENT_STEPS = 16, 2
"""How long a claim, and a statement of the index, take, where another thing takes one step."""


@dataclass(frozen=True, slots=True)
class Part:
    """`what` is checked of the subjects above `low` up to `high`; None: from the first, to the
    last."""

    what: str
    steps: int = 1
    """How long it takes, beside others."""
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class PartResult:
    """What a part found: how many breaks, the first of them, remarks, and what was read."""

    broken: int
    breaks: tuple[Break, ...]
    remarks: tuple[Remark, ...]
    counts: Counts


def plan_parts(connection: Connection) -> list[Part]:
    """Return all parts, in the order in which their findings are reported."""
    parts = _cut("claims", connection, tables.claims.c.id, CLAIMS, CLAIM_STEPS)
    for kind, checked_table in thing_checks.KINDS.items():
        parts += _cut(kind.value, connection, checked_table.key, THINGS, 1)
        parts.append(Part(f"missing {kind.value}"))
    parts += [Part("party_versions"), Part("settings")]
    parts += _cut("index", connection, tables.statements.c.id, THINGS, STATEMENT_STEPS)
    parts += [Part("indexes"), Part("numbers"), Part("renames")]
    return parts


def _cut(what: str, connection: Connection, key: Column[Any], size: int, steps: int) -> list[Part]:
    numbered_keys = select(key.label("key"), func.row_number().over(order_by=key).label("place"))
    rows = numbered_keys.subquery()
    bounds: Sequence[str] = connection.scalars(
        select(rows.c.key).where(rows.c.place % size == 0).order_by(rows.c.key)
    ).all()
    total = connection.execute(select(func.count()).select_from(key.table)).scalar_one()
    ends: list[str | None] = [*bounds, None]
    parts = []
    for low, high in zip([None, *bounds], ends, strict=True):
        count = size if high is not None else total - size * len(bounds)
        parts.append(Part(what, 1 + max(0, count) * steps, low, high))
    return parts


def check_part(connection: Connection, part: Part) -> PartResult:
    """Check a part in the transaction of the caller, which sees one instant."""
    counts = Counts()
    breaks: list[Break] = []
    remarks: list[Remark] = []
    break_count = 0
    for finding in _check(connection, part, counts):
        if isinstance(finding, Remark):
            remarks.append(finding)
            continue
        break_count += 1
        if len(breaks) < MOST_BREAKS:
            breaks.append(finding)
    return PartResult(break_count, tuple(breaks), tuple(remarks), counts)


def _check(connection: Connection, part: Part, counts: Counts) -> Iterator[Break | Remark]:
    low, high = part.low, part.high
    match part.what.split():
        case ["claims"]:
            unfinished_ids = rename_checks.read_unfinished(connection).claims
            return claim_checks.check_claims(connection, unfinished_ids, counts, low, high)
        case ["missing", kind]:
            return thing_checks.check_missing_rows(connection, SubjectKind(kind))
        case ["party_versions"]:
            return thing_checks.check_party_versions(connection)
        case ["settings"]:
            return thing_checks.check_settings(connection, counts)
        case ["index"]:
            unfinished_ids = rename_checks.read_unfinished(connection).statements
            return search_checks.check_statements(connection, unfinished_ids, low, high)
        case ["indexes"]:
            return search_checks.check_indexes(connection)
        case ["numbers"]:
            return chain_checks.check_numbers(connection)
        case ["renames"]:
            return iter(rename_checks.read_unfinished(connection).remarks)
        case [kind]:
            return thing_checks.check_kind(connection, SubjectKind(kind), counts, low, high)
    raise ValueError(f"there is no part {part.what!r}")
