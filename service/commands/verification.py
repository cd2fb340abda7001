"""`claimdesk verify`: every stored state proved from the record, and the record from its hashes.

The chain shows any change of an event that was not followed by recomputing every later hash of its
claim; folding the events shows any change of what is derived from them.  Claims are read in the
order of their ids, a batch at a time, so a million of them take no more memory than a thousand.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, groupby
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Row, RowMapping, Table, func, select

from service.commands import ledger, searching
from service.commands.implied import Implied
from service.domain import evidence, history
from service.domain.claims import ClaimState, rfc3339
from service.domain.history import Event
from service.formats import claim as claim_format
from service.formats.record import GENESIS, canonical, event_hash
from service.store import tables
from service.store.fulltext import claim_search, postings, statement_search
from service.store.snapshot import frozen

BATCH = 500
VERSIONS = 5_000
"""How many claims, and how many of their versions, are in memory at once."""
LISTED = 20
SHOWN = 200
"""Characters of an expected or found text that a break shows."""

Progress = Callable[[int, int], None] | None


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the database contradicts itself.

    `what` names it: `number`, `previous_hash`, `hash`, `canonical`, `order`, `fold` of an event;
    else a table, and the column where rows differ.  `event` is the event's number within its claim,
    or the version that a row of claim_versions gives; None where the break is of no one event.
    """

    claim: str
    event: int | None
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, how many breaks there are, the first of them, and the first few."""

    ok: bool
    claims: int
    events: int
    broken: int
    first_break: Break | None
    breaks: tuple[Break, ...]


def verify(session: Connection, *, progress: Progress = None) -> Report:
    """Read everything, as it is at one instant, and compare.  For `Database.read`.

    `progress` is told now and then how many claims are done, and of how many.
    """
    with frozen(session):
        return compare(session, progress)


def compare(session: Connection, progress: Progress = None) -> Report:
    """What `verify` does, in a transaction of the caller's."""
    total = session.execute(select(func.count()).select_from(tables.claims)).scalar_one()
    found: list[Break] = []
    claims = events = broken = 0
    low: str | None = None
    while True:
        batch, high = _batch(session, low)
        beside = {
            table.name: _Beside(session, table, order, low, high)
            for table, order in (
                (tables.events, tables.events.c.number),
                (tables.claim_versions, tables.claim_versions.c.version),
                (tables.links, tables.links.c.id),
                (tables.decisions, tables.decisions.c.id),
                (tables.claim_tags, tables.claim_tags.c.tag),
                (claim_search, claim_search.c.number),
            )
        }
        known = searching.known_between(session, low, high)
        events += beside["events"].count
        for row in batch:
            mine = {name: rows.of(row.id) for name, rows in beside.items()}
            for one in _check(row, mine, known):
                broken += 1
                found += [one] if len(found) < LISTED else []
        for name, rows in beside.items():
            for claim in rows.left:
                broken += 1
                one = Break(claim, None, name, "a claim", "none: rows of no claim")
                found += [one] if len(found) < LISTED else []
        claims += len(batch)
        if progress is not None:
            progress(claims, total)
        if high is None:
            break
        low = high
    for one in _statements(session):
        broken += 1
        found += [one] if len(found) < LISTED else []
    return Report(
        ok=not broken,
        claims=claims,
        events=events,
        broken=broken,
        first_break=found[0] if found else None,
        breaks=tuple(found),
    )


def _batch(session: Connection, low: str | None) -> tuple[list[Row[Any]], str | None]:
    """The next claims after `low`, and the id of the last of them; None where it is the last of
    all.  Fewer where they have long histories: what is in memory stays of one size."""
    query = select(tables.claims).order_by(tables.claims.c.id).limit(BATCH)
    if low is not None:
        query = query.where(tables.claims.c.id > low)
    rows = list(session.execute(query).all())
    few = max(1, sum(size <= VERSIONS for size in accumulate(row.version for row in rows)))
    last = few == len(rows) < BATCH or not rows
    return rows[:few], None if last else rows[few - 1].id


class _Beside:
    """The rows of one table that belong to the claims above `low` up to `high`, in that order."""

    def __init__(
        self,
        session: Connection,
        table: Table,
        order: Column[Any],
        low: str | None,
        high: str | None,
    ) -> None:
        query = select(table).order_by(table.c.claim, order)
        if low is not None:
            query = query.where(table.c.claim > low)
        if high is not None:
            query = query.where(table.c.claim <= high)
        rows = session.execute(query).all()
        self.count = len(rows)
        self.left = {claim: list(mine) for claim, mine in groupby(rows, key=lambda row: row.claim)}
        """The rows that nobody has asked for, by claim."""

    def of(self, claim: str) -> list[Row[Any]]:
        return self.left.pop(claim, [])


def _check(
    row: Row[Any], beside: Mapping[str, list[Row[Any]]], known: searching.Known
) -> Iterator[Break]:
    """The breaks of one claim: first those of its record, then those of what is derived."""
    claim: str = row.id
    lines = beside["events"]
    if not lines:
        yield Break(claim, None, "events", "at least 1", "none")
        return
    yield from _chain(claim, lines)
    state: ClaimState | None = None
    implied = Implied()
    former: set[str] = set()
    snapshots = {one.version: one for one in beside["claim_versions"]}
    differing: list[Break] = []
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        before = state
        try:
            event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
            history.require_fit(before, event)
            state = history.apply(before, event, claim_id=claim)
            implied.follow(before, state, event, orjson.loads(line.actor))
            former |= searching.left((before, state, event), known)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # What does not fold leaves nothing to compare the rest with.
            found = f"{type(error).__name__}: {error}"
            yield Break(claim, line.number, "fold", "an event that can follow", _clipped(found))
            return
        aside = {"story": state.story, "said_at": history.said_at(event)}
        yield from _differences(claim, line.number, "events", aside, line._mapping)
        snapshot = snapshots.pop(line.number, None)
        if following is not None:
            differing += _version(claim, state, snapshot, line, following)
        elif snapshot is not None:
            snapshots[line.number] = snapshot
    assert state is not None
    expected = ledger.row(state, lines[-1].hash) | {"created_at": lines[0].recorded_at}
    yield from _differences(claim, None, "claims", expected, row._mapping)
    yield from differing
    for version in snapshots:
        yield Break(claim, version, "claim_versions", "no row", "a row")
    yield from _rows(claim, "links", implied.links, {one.id: one for one in beside["links"]})
    yield from _rows(
        claim, "decisions", implied.decisions, {one.id: one for one in beside["decisions"]}
    )
    tags = {(one.tag, one.added_at): one for one in beside["claim_tags"]}
    yield from _rows(claim, "claim_tags", implied.tags, tags)
    searched = _searched(searching.row(state, known, former), "former")
    yield from _rows(
        claim, "claim_search", {claim: searched}, {one.claim: one for one in beside["claim_search"]}
    )


def _searched(row: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """A row of a search index as it is read back."""
    return {"words": postings(row["search_words"])} | {name: row[f"search_{name}"] for name in more}


def _statements(session: Connection) -> Iterator[Break]:
    """Where the index of statements says otherwise than they do; `claim` is the statement's id."""
    low: str | None = None
    while True:
        query = select(tables.statements.c.id).order_by(tables.statements.c.id).limit(BATCH)
        batch = session.scalars(query.where(tables.statements.c.id > low) if low else query).all()
        if not batch:
            return
        high = batch[-1]
        rows = session.execute(
            select(statement_search).where(
                statement_search.c.statement <= high,
                *([statement_search.c.statement > low] if low else ()),
            )
        ).all()
        found = {one.statement: one for one in rows}
        for row in searching.statement_rows(session, low, high):
            key = row["search_statement"]
            mine = {key: found[key]} if key in found else {}
            yield from _rows(key, "statement_search", {key: _searched(row)}, mine)
        low = high


def _chain(claim: str, lines: Iterable[Row[Any]]) -> Iterator[Break]:
    """Where numbers, hashes or instants of a record do not follow one another.

    Each event is held against the one stored before it, so one change is one break or two, not a
    break in everything after it.
    """
    number, previous_hash = 1, GENESIS
    seq, recorded_at = 0, None
    for line in lines:
        at: int = line.number
        if at != number:
            yield Break(claim, at, "number", str(number), str(at))
        if line.previous_hash != previous_hash:
            yield Break(claim, at, "previous_hash", previous_hash, line.previous_hash)
        for name in ("data", "actor"):
            text = line._mapping[name]
            try:
                right = canonical(orjson.loads(text))
            except ValueError:
                right = "JSON"
            if text != right:
                yield Break(claim, at, "canonical", *_shown(right, text))
        digest = event_hash(
            claim=claim,
            number=at,
            type=line.type,
            recorded_at=rfc3339(line.recorded_at),
            actor=line.actor,
            data=line.data,
            previous_hash=line.previous_hash,
        )
        if line.hash != digest:
            yield Break(claim, at, "hash", digest, line.hash)
        if line.seq <= seq:
            yield Break(claim, at, "order", f"a seq above {seq}", str(line.seq))
        if recorded_at is not None and line.recorded_at < recorded_at:
            yield Break(
                claim, at, "order", f"no earlier than {_text(recorded_at)}", _text(line.recorded_at)
            )
        number, previous_hash = at + 1, line.hash
        seq, recorded_at = line.seq, line.recorded_at


def _version(
    claim: str,
    state: ClaimState,
    snapshot: Row[Any] | None,
    line: Row[Any],
    following: Row[Any],
) -> Iterator[Break]:
    """Whether `snapshot` is what the claim was from `line` until `following`.

    The events of one change share an instant, and only the last of them leaves a snapshot.  So one
    may be missing where the instant stays the same; it would have held for no time at all.
    """
    if snapshot is None:
        if line.recorded_at != following.recorded_at:
            yield Break(claim, line.number, "claim_versions", "a row", "no row")
        return
    expected = {
        "recorded_at": line.recorded_at,
        "superseded_at": following.recorded_at,
        "status": state.status.value,
        "lifecycle": state.lifecycle.value,
        "agrees": evidence.agrees(state, evidence.suggest(state)),
        "part_of": state.part_of,
        "assignee": state.assignee,
        "document": claim_format.document(state),
    }
    yield from _differences(claim, line.number, "claim_versions", expected, snapshot._mapping)


def _rows(
    claim: str, table: str, expected: Mapping[Any, dict[str, Any]], found: Mapping[Any, Row[Any]]
) -> Iterator[Break]:
    for key, row in expected.items():
        if key not in found:
            yield Break(claim, None, table, f"a row {_text(key)}", "no row")
        else:
            yield from _differences(claim, None, table, row, found[key]._mapping)
    for key in found:
        if key not in expected:
            yield Break(claim, None, table, "no row", f"a row {_text(key)}")


def _differences(
    claim: str, event: int | None, table: str, expected: Mapping[str, Any], found: RowMapping
) -> Iterator[Break]:
    for column, value in expected.items():
        if found[column] != value:
            place = f"{table}.{column}"
            yield Break(claim, event, place, *_shown(_text(value), _text(found[column])))


def _shown(expected: str, found: str) -> tuple[str, str]:
    """Both texts, or of two long JSON objects only the first key in which they differ."""
    try:
        right, wrong = orjson.loads(expected), orjson.loads(found)
    except ValueError:
        return _clipped(expected), _clipped(found)
    if isinstance(right, dict) and isinstance(wrong, dict):
        for key in dict.fromkeys([*right, *wrong]):
            if key not in right or key not in wrong or right[key] != wrong[key]:
                return tuple(  # type: ignore[return-value]
                    _clipped(canonical({key: one[key]}) if key in one else f"no {key}")
                    for one in (right, wrong)
                )
    return _clipped(expected), _clipped(found)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return canonical(value)
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return "null" if value is None else str(value)


def _clipped(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
