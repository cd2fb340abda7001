"""Compare an export with a desk before anything of it is written.

The whole file is read once: its digest, every claim's chain of hashes, whatever a line refers to,
and what the desk has already.  What is refused, and all that rests on it, is known afterwards.  So
a claim is imported with its whole record or not at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import Connection, select, tuple_

from service.domain import addresses, ids, uses
from service.domain.claims import format_instant, parse_instant
from service.domain.history import Event
from service.domain.names import normalize_spelling
from service.exchange import export, export_files, export_format, export_lines, export_uses
from service.exchange.export_files import ExportLine
from service.exchange.export_lines import UNIQUE, Reference, Thing
from service.exchange.imported_events import ImportedEvent
from service.exchange.scratch import Chain, Refusal, Scratch
from service.record.canonical import GENESIS
from service.store import row_data, tables
from service.store.row_data import EXCHANGED_TABLES, ExchangedTable

Progress = Callable[[int], None] | None
Row = Mapping[str, object]
Obstacles = dict[Reference, str | None]
"""Why lines may not refer to a thing; None where they may."""
KEYED_BY_ID = frozenset({"user", "speaker", "source", "statement", "claim", "note"})


@dataclass(slots=True)
class Tally:
    """How many lines of one kind are new, are on the desk already, are refused."""

    new: int = 0
    known: int = 0
    refused: int = 0


def check_export(
    connection: Connection, file: BinaryIO, scratch: Scratch, *, progress: Progress = None
) -> dict[str, Tally]:
    """Read the whole file, and note in `scratch` which lines are not to be written.

    For `Database.read`.  `progress` is called with the number of bytes read.  Raises Invalid for a
    file that cannot be used at all.
    """
    check = _Check(connection, scratch)
    for kind, lines in export_files.read_batches(file, checking=True):
        if kind == "event":
            check.check_events(lines)
        else:
            check.check_things(kind, lines)
        if progress is not None:
            progress(file.tell())
    check.finish_events()
    return check.tallies


class _Check:
    """One run of `check_export`."""

    def __init__(self, connection: Connection, scratch: Scratch) -> None:
        self.connection = connection
        self.scratch = scratch
        self.tallies = {record: Tally() for record in export_format.RECORDS}
        self.has_finished_events = False

    def check_things(self, record: str, lines: Sequence[ExportLine]) -> None:
        if record in ("note", "use"):
            self.finish_events()
        kind = EXCHANGED_TABLES[record]
        things: dict[int, Thing] = {}
        for line in lines:
            try:
                things[line.number] = export_lines.parse_thing(record, line.values)
            except ValueError as error:
                self._refuse(record, line, str(error))
        references = {
            number: export_lines.list_references(record, thing) for number, thing in things.items()
        }
        obstacles = self._find_obstacles(
            {reference for of_line in references.values() for reference in of_line}
        )
        keys = [thing.row[kind.key.name] for thing in things.values()]
        present = self._read_here(kind, keys)
        chains = export_uses.read_chains(self.connection, keys) if record == "use" else {}
        taken_names = self._read_taken_names(record, [thing.row for thing in things.values()])
        for line in lines:
            thing = things.get(line.number)
            if thing is None:
                continue
            key = str(thing.row[kind.key.name])
            reason, is_continued = self._find_repetition(record, key), False
            if reason is None and key in chains:
                reason, is_continued = _compare_events(thing, chains[key])
            if reason is None and key in present and not is_continued:
                reason = export_lines.describe_difference(kind, line.values, present[key])
                if reason is None:
                    self.tallies[record].known += 1
                    self.scratch.add_thing(record, key, line.number, is_refused=False)
                    self.scratch.mark_settled(line.number)
                    obstacles[record, key] = None
                    continue
            reason = (
                reason
                or next(filter(None, map(obstacles.__getitem__, references[line.number])), None)
                or (self._find_use_fault(thing) if record == "use" else None)
                or self._find_name_conflict(record, thing.row, line.number, taken_names)
            )
            if reason is None:
                self.tallies[record].new += 1
                self.scratch.add_thing(record, key, line.number, is_refused=False)
                obstacles[record, key] = None
            else:
                self._refuse(record, line, reason, key)
                obstacles[record, key] = _describe_refused((record, key), line.number)

    def _find_use_fault(self, use: Thing) -> str | None:
        """Return what a use says other than its events and those of its claim, which the file has
        without fault."""
        alterations = self.scratch.list_alterations(str(use.row["claim"]))
        try:
            export_uses.require_provable(use, alterations)
        except export_lines.FOLDING_ERRORS as error:
            return str(error)
        return None

    def _find_repetition(self, record: str, key: str) -> str | None:
        earlier = self.scratch.find_things([(record, key)]).get((record, key))
        return None if earlier is None else f"the file has this {record} twice (line {earlier[0]})"

    def _read_here(self, kind: ExchangedTable, keys: Collection[object]) -> dict[str, Row]:
        """Return what the desk has under these keys, as lines would say it."""
        query = select(*kind.selected).where(kind.key.in_(keys))
        rows = self.connection.execute(query).all()
        lines: Sequence[Row] = [row_data.serialize_row(kind, row._mapping) for row in rows]
        if kind is row_data.STATEMENT and rows:
            of_these = tables.quotes.c.statement.in_([row.id for row in rows])
            lines = export.describe_statements(self.connection, rows, of_these)
        return {row[0]: values for row, values in zip(rows, lines, strict=True)}

    def _find_name_conflict(
        self, record: str, row: Row, number: int, taken_names: Mapping[str, str]
    ) -> str | None:
        """Return why a thing may not have the name that only one thing may have."""
        name = export_lines.build_unique_name(record, row)
        if name is None:
            return None
        if name in taken_names:
            return f"the desk has {UNIQUE[record]} as {record} {taken_names[name]}"
        other = self.scratch.take_name(name, number)
        return None if other is None else f"the file has {UNIQUE[record]} twice (line {other})"

    def _read_taken_names(self, record: str, rows: Sequence[Row]) -> dict[str, str]:
        """Return the unique names of `rows` that things of the desk have, with their keys."""
        if record not in UNIQUE or not rows:
            return {}
        table = EXCHANGED_TABLES[record].table
        if record == "user":
            where = table.c.email.in_([row["email"] for row in rows])
        elif record == "source":
            digests = [addresses.compute_address_digest(str(row["url"])) for row in rows]
            where = table.c.address_digest.in_(digests)
        else:
            names = [
                (row["party"], normalize_spelling(str(row["merged_name"] or row["name"])))
                for row in rows
            ]
            where = tuple_(table.c.party, table.c.folded_name).in_(names)
        matches = self.connection.execute(select(*EXCHANGED_TABLES[record].selected).where(where))
        return {
            str(export_lines.build_unique_name(record, row._mapping)): row.id for row in matches
        }

    def _find_obstacles(self, references: Collection[Reference]) -> Obstacles:
        """Return for everything that lines refer to why they may not; None where they may."""
        in_file = self.scratch.find_things(references)
        chains = self.scratch.find_chains(key for record, key in references if record == "claim")
        obstacles: Obstacles = {}
        absent: dict[str, list[str]] = {}
        for reference in references:
            record, key = reference
            if reference in in_file:
                number, is_refused = in_file[reference]
                obstacles[reference] = _describe_refused(reference, number) if is_refused else None
            elif record == "claim" and key in chains:
                at = chains[key].refused
                obstacles[reference] = None if at is None else _describe_refused(reference, at)
            elif record in KEYED_BY_ID and ids.parse_id(key) != key:
                obstacles[reference] = f"refers to {record} {key!r}, which is no id"
            else:
                absent.setdefault(record, []).append(key)
        for record, keys in absent.items():
            column = tables.claims.c.id if record == "claim" else EXCHANGED_TABLES[record].key
            present = set(self.connection.scalars(select(column).where(column.in_(keys))))
            for key in keys:
                missing = f"refers to {record} {key}, which is neither above it nor on this desk"
                obstacles[record, key] = None if key in present else missing
        return obstacles

    def _refuse(self, record: str, line: ExportLine, reason: str, key: str | None = None) -> None:
        self.tallies[record].refused += 1
        self.scratch.mark_settled(line.number)
        key = key or line.find_key()
        if key is not None:
            self.scratch.add_thing(record, key, line.number, is_refused=True)
        self.scratch.add_refusal(Refusal(line.number, record, key, None, None, reason))

    def check_events(self, lines: Sequence[ExportLine]) -> None:
        """Check claims' events; each continues the chain of its claim, or refuses it."""
        claims = [_parse_claim(line) for line in lines]
        parsed_events: list[ImportedEvent | str] = []
        for line in lines:
            try:
                parsed_events.append(export_lines.parse_event(line.values))
            except ValueError as error:
                parsed_events.append(str(error))
        events = [event for event in parsed_events if isinstance(event, ImportedEvent)]
        named_claims = {claim for claim in claims if claim is not None}
        chains = self.scratch.find_chains(named_claims)
        versions_here = self._read_versions(named_claims - chains.keys())
        recorded_events = self._read_recorded(events)
        references = [
            [] if isinstance(event, str) else export_lines.list_event_references(event.event)
            for event in parsed_events
        ]
        # Claims that begin in this very batch are not in `chains` yet when they are referred to.
        new_claims = {("claim", event.subject.id) for event in events if event.event.number == 1}
        all_references = {reference for of_event in references for reference in of_event}
        obstacles = self._find_obstacles(all_references - new_claims)
        for line, claim, event, referred_ids in zip(
            lines, claims, parsed_events, references, strict=True
        ):
            if claim is None:
                self._refuse("event", line, str(event))
                continue
            chain = chains.get(claim)
            if chain is None:
                chain = chains[claim] = Chain(
                    claim, 0, GENESIS, "", line.number, versions_here.get(claim, 0)
                )
            if chain.refused is None:
                reason: str | None
                if isinstance(event, str):
                    reason = event
                else:
                    reason = self._find_fault(
                        chain, event, recorded_events, referred_ids, obstacles
                    )
                if reason is not None:
                    chain.refused = line.number
                    self.scratch.add_refusal(
                        Refusal(line.number, "claim", claim, None, None, f"its event {reason}")
                    )
            chain.number += 1
            if isinstance(event, ImportedEvent) and chain.refused is None:
                chain.hash, chain.at = event.hash, format_instant(event.event.recorded_at)
                self._note_alteration(claim, event.event)
                if event.event.number <= chain.here:
                    chain.known += 1
                    continue
                chain.fresh += 1
                self.scratch.add_references(
                    (claim, key, line.number)
                    for record, key in set(referred_ids)
                    if record == "claim" and key != claim
                )
        self.scratch.keep_chains(chains.values())

    def _note_alteration(self, claim: str, event: Event) -> None:
        # An event of another shape is refused where its claim is folded.
        with suppress(*export_lines.FOLDING_ERRORS):
            alteration = uses.find_alteration(event)
            if alteration is not None:
                self.scratch.add_alteration(claim, alteration)

    def _read_versions(self, claims: Collection[str]) -> dict[str, int]:
        """Return how many events the desk has of each of these claims that it has."""
        t = tables.claims
        query = select(t.c.id, t.c.version).where(t.c.id.in_(claims))
        return {row.id: row.version for row in self.connection.execute(query)}

    def _read_recorded(self, events: Sequence[ImportedEvent]) -> dict[str, tuple[str, int, str]]:
        """Return claim, number and hash of those events that the desk has, by their ids."""
        t = tables.events
        query = select(t.c.id, t.c.claim, t.c.number, t.c.hash)
        query = query.where(t.c.id.in_([event.id for event in events]))
        return {row.id: (row.claim, row.number, row.hash) for row in self.connection.execute(query)}

    def _find_fault(
        self,
        chain: Chain,
        imported_event: ImportedEvent,
        recorded_events: Mapping[str, tuple[str, int, str]],
        references: Sequence[Reference],
        obstacles: Obstacles,
    ) -> str | None:
        """Return why this event may not follow the claim's events before it, if it may not."""
        event = imported_event.event
        if event.number != chain.number + 1:
            return f"{event.number} follows event {chain.number}"
        if imported_event.previous_hash != chain.hash:
            return f"{event.number} does not continue the record: previous_hash is another's"
        if chain.at and event.recorded_at < parse_instant(chain.at):
            return f"{event.number} was recorded before the one it follows"
        recorded_event = recorded_events.get(imported_event.id)
        if event.number <= chain.here:
            if recorded_event == (imported_event.subject.id, event.number, imported_event.hash):
                return None
            return f"{event.number} is another on this desk: the two records have parted"
        if recorded_event is not None:
            return f"{event.number} has the id of another event on this desk"
        reasons = (obstacles.get(reference) for reference in references)
        return next((f"{event.number} {reason}" for reason in reasons if reason), None)

    def finish_events(self) -> None:
        """Refuse what rests on refused claims, and count."""
        if self.has_finished_events:
            return
        self.has_finished_events = True
        self.scratch.spread_refusals()
        new, known_count, refused_count = self.scratch.count_events()
        tally = self.tallies["event"]
        tally.new, tally.known, tally.refused = new, known_count, tally.refused + refused_count


def _compare_events(use: Thing, hashes_here: Sequence[str]) -> tuple[str | None, bool]:
    """Return why a use is refused that the desk has with these hashes, and whether it goes on."""
    try:
        return None, export_uses.has_later_events(use.events, hashes_here)
    except ValueError as error:
        return str(error), False


def _describe_refused(reference: Reference, number: int) -> str:
    return f"refers to {reference[0]} {reference[1]}, which was refused (line {number})"


def _parse_claim(line: ExportLine) -> str | None:
    claim = line.find_claim()
    return None if claim is None else ids.parse_id(claim)
