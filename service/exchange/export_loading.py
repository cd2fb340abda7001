"""An export brought in: what the check let pass, a batch to a transaction (docs/exchange.md).

Every batch can be written again: what is there already is passed over.  So an import that was cut
off goes on by being started anew.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import StatementError

from service.accounts import account_commands
from service.directory import source_commands
from service.domain import addresses, names, things
from service.domain.claims import Precision, end_of
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.exchange import export_files, export_lines, restoration
from service.exchange.export_files import Batch, Entry
from service.exchange.restoration import Line
from service.exchange.scratch import Refusal, Scratch
from service.record import audit, writer
from service.search.index import index_writer
from service.store import tables
from service.store.row_data import PARTY_VERSION, QUOTE, THINGS, plain

UNUSABLE = (ValueError, KeyError, TypeError, AttributeError, StatementError)
"""What writing raises for lines that do not fold, or that the database refuses."""


def pending(file: BinaryIO, scratch: Scratch) -> Iterator[Batch]:
    """What of a checked file is still to be written, a batch at a time."""
    for kind, entries in export_files.batches(file):
        if kind == "event":
            claims = {entry.values.get("claim") for entry in entries}
            chains = scratch.chains(claim for claim in claims if isinstance(claim, str))
            left = [
                entry
                for entry in entries
                if (chain := chains.get(entry.values.get("claim", ""))) is not None
                and chain.refused is None
                and entry.values["number"] > chain.here
            ]
        else:
            settled = scratch.settled(entries[0].line, entries[-1].line)
            left = [entry for entry in entries if entry.line not in settled]
        if left:
            yield kind, left


def write(connection: Connection, kind: str, entries: Sequence[Entry], *, now: datetime) -> None:
    """Write lines of one kind, as they are.  Raises one of `UNUSABLE` where that cannot be."""
    if kind == "event":
        _restore(connection, [export_lines.event_line(entry.values) for entry in entries])
        return
    rows = [export_lines.read(kind, entry.values) for entry in entries]
    thing = THINGS[kind]
    key = thing.key.name
    here = set(
        connection.scalars(select(thing.key).where(thing.key.in_([row[key] for row in rows])))
    )
    rows = [row for row in rows if row[key] not in here]
    if kind == "key":
        for row in rows:
            # No secret has an empty hash: the name stands in the record, and opens nothing.
            row |= {"secret_hash": "", "revoked_at": now}
    lines = [line for row in rows for line in _lines_of(kind, row, now=now)]
    quotes = [quote | {"statement": row["id"]} for row in rows for quote in row.pop("quotes", ())]
    versions = [one | {"slug": row["slug"]} for row in rows for one in row.pop("versions", ())]
    if kind == "party":
        _root(connection, rows)
    elif kind == "speaker":
        _fold_speakers(connection, rows)
    elif kind == "statement":
        for row in rows:
            row |= {"said_end": end_of(row["said_at"], Precision(row["precision"]))}
    elif kind == "source":
        _identify_sources(connection, rows)
    if rows:
        connection.execute(insert(thing.table), rows)
    if lines:
        connection.execute(insert(tables.events), lines)
    if versions:
        connection.execute(insert(PARTY_VERSION.table), versions)
    if quotes:
        connection.execute(insert(QUOTE.table), quotes)
        fresh = tables.statements.c.id.in_([row["id"] for row in rows])
        found = index_writer.statement_rows(connection, fresh)
        index_writer.ENTERED_STATEMENT.run_each(connection, found)


def _lines_of(record: str, row: dict[str, Any], *, now: datetime) -> list[dict[str, Any]]:
    """The events of a thing that is brought in: its own, or one that says how it was told.

    Accounts and keys always begin anew: what opens them stays where it was.
    """
    exchanged_as = THINGS[record]
    subject = Subject(SUBJECTS[record], str(row[exchanged_as.key.name]))
    recorded = row.pop("events", [])
    if recorded:
        return [restoration.row_of(line, subject) for line in recorded]
    if record in export_lines.RECORDED:
        data = plain(exchanged_as, row)
        del data[exchanged_as.key.name]
        if record in export_lines.WITHIN:
            name, kind_within = export_lines.WITHIN[record]
            data[name] = [plain(kind_within, part) for part in row[name]]
    else:
        data = audit.describe_row(row)
    draft = Draft(things.RULES[subject.kind][0], data | {things.TOLD: True}, rule="import")
    return writer.begin(subject, [draft], actor=account_commands.IMPORTER, now=now)


SUBJECTS: dict[str, SubjectKind] = {
    **export_lines.RECORDED,
    "user": SubjectKind.PERSON,
    "key": SubjectKind.KEY,
}
"""The kind of subject that each kind of line is about."""


def _fold_speakers(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Fill in by what speakers are found; of two whose spellings are one, by which one."""
    t = tables.speakers
    parties = {row["party"] for row in rows}
    query = select(t.c.party, t.c.folded_name, t.c.folded_role).where(t.c.party.in_(parties))
    taken = set(map(tuple, connection.execute(query)))
    for row in rows:
        folded = names.fold_speaker(row["name"], row["role"])
        if (row["party"], *folded.values()) in taken:
            folded = names.mark_second(folded, row["id"])
        taken.add((row["party"], *folded.values()))
        row |= folded


def _identify_sources(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Give sources what they are known again by.

    An older desk may have recorded one page under several spellings of its address: all of them
    stay, and the first is the one that is found again.
    """
    marks = [source_commands.fingerprint(row["url"], row["sha256"]) for row in rows]
    t = tables.sources
    taken = set(connection.scalars(select(t.c.fingerprint).where(t.c.fingerprint.in_(marks))))
    for row, mark in zip(rows, marks, strict=True):
        free = mark if mark not in taken else sha256(row["id"].encode()).hexdigest()
        taken.add(free)
        row |= {"fingerprint": free, "address_digest": addresses.digest(row["url"])}


def _restore(connection: Connection, lines: Sequence[Line]) -> None:
    """Append the events that are not here: another import of the same file may be at work."""
    t = tables.events
    ids = [line.id for line in lines]
    here = set(connection.scalars(select(t.c.hash).where(t.c.id.in_(ids))))
    fresh = [line for line in lines if line.hash not in here]
    if fresh:
        restoration.restore(connection, fresh)


def refusal(kind: str, entry: Entry, error: Exception) -> Refusal:
    """What is reported of a line that could not be written."""
    why = str(getattr(error, "orig", None) or error) or type(error).__name__
    given = entry.values.get("claim" if kind == "event" else "id", entry.values.get("slug"))
    record = "claim" if kind == "event" else kind
    return Refusal(entry.line, record, given, None, None, f"it cannot be written: {why}")


def _root(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Give parties their root: parents stand before those below them."""
    above = {row["parent"] for row in rows}
    roots = {
        row.slug: row.root
        for row in connection.execute(
            select(tables.parties.c.slug, tables.parties.c.root).where(
                tables.parties.c.slug.in_(above - {None})
            )
        )
    }
    for row in rows:
        row["root"] = roots[row["parent"]] if row["parent"] else row["slug"]
        roots[row["slug"]] = row["root"]
