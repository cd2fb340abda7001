"""Write the lines of an export that passed the check, a batch to a transaction (docs/exchange.md).

Every batch can be written again: what is there already is left out.  So an import that was cut off
goes on when it is started again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import StatementError

from service.claims import use_changes
from service.directory import source_commands
from service.domain import access, addresses, names, things
from service.domain.claims import Precision
from service.domain.history import Draft
from service.domain.instants import compute_end
from service.domain.subjects import Subject, SubjectKind
from service.exchange import (
    export_files,
    export_format,
    export_lines,
    export_uses,
    imported_events,
)
from service.exchange.export_files import ExportLine
from service.exchange.export_lines import Thing
from service.exchange.imported_events import ImportedEvent
from service.exchange.scratch import Refusal, Scratch
from service.record import audit, writer
from service.search.index import index_writer
from service.store import tables
from service.store.row_data import (
    EXCHANGED_TABLES,
    PARTY_VERSION,
    QUOTE,
    Values,
    serialize_row,
)

UNUSABLE = (*export_lines.FOLDING_ERRORS, StatementError)
"""What writing raises for lines that do not fold, or that the database refuses."""
SUBJECTS: Mapping[str, SubjectKind] = {
    **export_format.SUBJECTS,
    "user": SubjectKind.PERSON,
    "key": SubjectKind.KEY,
}
"""The kind of subject that each kind of line is about."""


def read_pending(file: BinaryIO, scratch: Scratch) -> Iterator[tuple[str, list[ExportLine]]]:
    """Yield what of a checked file is still to be written, a batch at a time."""
    for kind, lines in export_files.read_batches(file):
        if kind == "event":
            claims = {claim for line in lines if (claim := line.find_claim()) is not None}
            versions = {
                claim: chain.here
                for claim, chain in scratch.find_chains(claims).items()
                if chain.refused is None
            }
            pending = [
                line
                for line in lines
                if (claim := line.find_claim()) in versions
                and isinstance(number := line.values["number"], int)
                and number > versions[claim]
            ]
        else:
            settled_ids = scratch.list_settled(lines[0].number, lines[-1].number)
            pending = [line for line in lines if line.number not in settled_ids]
        if pending:
            yield kind, pending


def write_batch(
    connection: Connection, kind: str, lines: Sequence[ExportLine], *, now: datetime
) -> None:
    """Write lines of one kind as they are.  Raises one of `UNUSABLE` where that cannot be."""
    if kind == "event":
        _append_events(connection, [export_lines.parse_event(line.values) for line in lines])
        return
    if kind == "use":
        _write_uses(
            connection, [export_lines.parse_thing(kind, line.values) for line in lines], now=now
        )
        return
    parsed_things = [export_lines.parse_thing(kind, line.values) for line in lines]
    table, key = EXCHANGED_TABLES[kind].table, EXCHANGED_TABLES[kind].key
    keys = [thing.row[key.name] for thing in parsed_things]
    present = set(connection.scalars(select(key).where(key.in_(keys))))
    new_things = [thing for thing in parsed_things if thing.row[key.name] not in present]
    rows = [thing.row for thing in new_things]
    if kind == "key":
        for row in rows:
            # No secret has an empty hash: the name stands in the record, and opens nothing.
            row |= {"secret_hash": "", "revoked_at": now}
    events = [event for thing in new_things for event in _build_events(kind, thing, now=now)]
    quotes: list[Values] = []
    versions: list[Values] = []
    if kind == "party":
        versions = [
            version | {"slug": thing.row["slug"]} for thing in new_things for version in thing.parts
        ]
        _add_roots(connection, rows)
    elif kind == "speaker":
        _add_spellings(connection, rows)
    elif kind == "statement":
        quotes = [
            quote | {"statement": thing.row["id"]} for thing in new_things for quote in thing.parts
        ]
        for row in rows:
            row |= {"said_end": compute_end(row["said_at"], Precision(row["precision"]))}
    elif kind == "source":
        _add_fingerprints(connection, rows)
    for target, values in (
        (table, rows),
        (tables.events, events),
        (PARTY_VERSION.table, versions),
        (QUOTE.table, quotes),
    ):
        if values:
            connection.execute(insert(target), values)
    if quotes:
        is_new = tables.statements.c.id.in_([row["id"] for row in rows])
        index_rows = index_writer.build_statement_rows(connection, is_new)
        index_writer.COMPILED_INSERT_STATEMENT.run_each(connection, index_rows)


def describe_failure(kind: str, line: ExportLine, error: Exception) -> Refusal:
    """Return what is reported of a line that could not be written."""
    reason = str(getattr(error, "orig", None) or error) or type(error).__name__
    key = line.find_claim() if kind == "event" else line.find_key()
    record = "claim" if kind == "event" else kind
    return Refusal(line.number, record, key, None, None, f"it cannot be written: {reason}")


def _build_events(kind: str, thing: Thing, *, now: datetime) -> list[writer.EventRow]:
    """Return the events of a thing: its own, or one that says what the file tells of it.

    Accounts and keys always begin a new record: what opens them stays where it was.
    """
    if thing.events:
        return [imported_events.build_event_row(event) for event in thing.events]
    exchanged_table = EXCHANGED_TABLES[kind]
    key = exchanged_table.key.name
    if kind in export_format.SUBJECTS:
        data = serialize_row(exchanged_table, thing.row)
        del data[key]
        if kind in export_lines.WITHIN:
            name, kind_within = export_lines.WITHIN[kind]
            data[name] = [serialize_row(kind_within, part) for part in thing.parts]
    else:
        data = audit.describe_row(thing.row)
    subject = Subject(SUBJECTS[kind], str(thing.row[key]))
    draft = Draft(things.RULES[subject.kind][0], data | {things.TOLD_MARK: True}, rule="import")
    return writer.build_first_lines(subject, [draft], actor=access.IMPORTER, now=now)


def _add_spellings(connection: Connection, rows: Sequence[Values]) -> None:
    """Add the normalized names by which speakers are found; where two are one, the second is
    marked with its id."""
    t = tables.speakers
    parties = {row["party"] for row in rows}
    query = select(t.c.party, t.c.folded_name, t.c.folded_role).where(t.c.party.in_(parties))
    taken_spellings = set(map(tuple, connection.execute(query)))
    for row in rows:
        is_merged = row["merged_into"] is not None
        spelling = names.normalize_speaker(
            *((row["merged_name"], row["merged_role"]) if is_merged else (row["name"], row["role"]))
        )
        if (row["party"], *spelling.values()) in taken_spellings:
            spelling = names.mark_duplicate(spelling, row["id"])
        taken_spellings.add((row["party"], *spelling.values()))
        row |= spelling


def _add_fingerprints(connection: Connection, rows: Sequence[Values]) -> None:
    """Add the fingerprints by which sources are found again.

    An older desk may have recorded one page under several spellings of its address: all of them
    stay, and the first is the one that is found again.
    """
    marks = [source_commands.compute_fingerprint(row["url"], row["sha256"]) for row in rows]
    t = tables.sources
    taken_marks = set(connection.scalars(select(t.c.fingerprint).where(t.c.fingerprint.in_(marks))))
    for row, mark in zip(rows, marks, strict=True):
        free = mark if mark not in taken_marks else sha256(row["id"].encode()).hexdigest()
        taken_marks.add(free)
        row |= {"fingerprint": free, "address_digest": addresses.compute_address_digest(row["url"])}


def _add_roots(connection: Connection, rows: Sequence[Values]) -> None:
    """Add the roots of parties.  Parents stand before those below them."""
    t = tables.parties
    parents = {row["parent"] for row in rows} - {None}
    query = select(t.c.slug, t.c.root).where(t.c.slug.in_(parents))
    roots = {row.slug: row.root for row in connection.execute(query)}
    for row in rows:
        row["root"] = roots[row["parent"]] if row["parent"] else row["slug"]
        roots[row["slug"]] = row["root"]


def _write_uses(connection: Connection, uses: Sequence[Thing], *, now: datetime) -> None:
    """Write uses, or what the file has of them beyond the desk, and what follows of them from the
    events that the desk has of their claims."""
    t = tables.uses
    claims = {use.row["claim"] for use in uses}
    # The claims before their uses, and in one order, as whoever changes them does.
    of_uses = select(tables.claims.c.id).where(tables.claims.c.id.in_(claims))
    connection.execute(of_uses.order_by(tables.claims.c.id).with_for_update())
    chains = export_uses.read_chains(connection, [use.row["id"] for use in uses])
    alterations = use_changes.read_alterations(connection, claims)
    lines: list[writer.EventRow] = []
    for use in uses:
        use_id = use.row["id"]
        hashes_here = chains.get(use_id, [])
        if hashes_here and not export_uses.has_later_events(use.events, hashes_here):
            continue
        row = export_uses.fold_row(use, alterations.get(use.row["claim"], []))
        if hashes_here:
            connection.execute(update(t).where(t.c.id == use_id).values(row))
        else:
            connection.execute(insert(t), row)
        lines += _build_events("use", use, now=now)[len(hashes_here) :]
    if lines:
        connection.execute(insert(tables.events), lines)


def _append_events(connection: Connection, events: Sequence[ImportedEvent]) -> None:
    """Append the events that are not here: another import of the same file may be at work."""
    t = tables.events
    ids = [event.id for event in events]
    present = set(connection.scalars(select(t.c.hash).where(t.c.id.in_(ids))))
    new = [event for event in events if event.hash not in present]
    if new:
        imported_events.append_events(connection, new)
