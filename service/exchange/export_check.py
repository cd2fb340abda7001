"""An export weighed against a desk before anything of it is written.

The whole file is read once: its digest, every claim's chain of hashes, whatever a line refers to,
and what the desk has already.  What is refused, and all that rests on it, is known afterwards; so
a claim is imported with its whole record or not at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Connection, select, tuple_

from service.domain import addresses, ids
from service.domain.claims import instant, rfc3339
from service.domain.names import fold_spelling
from service.exchange import export_files, export_lines, format
from service.exchange.export_files import Entry
from service.exchange.export_lines import UNIQUE, Reference, unique_name
from service.exchange.restoration import Line
from service.exchange.scratch import Chain, Refusal, Scratch
from service.record.canonical import GENESIS
from service.store import row_data, tables
from service.store.row_data import QUOTE, THINGS, Exchanged

Progress = Callable[[int], None] | None
BY_ID = frozenset({"user", "speaker", "source", "statement", "claim", "note"})


@dataclass(slots=True)
class Tally:
    """Of the lines of one kind: how many are new, are here already, are refused."""

    new: int = 0
    known: int = 0
    refused: int = 0


def check(
    connection: Connection, file: BinaryIO, scratch: Scratch, *, progress: Progress = None
) -> dict[str, Tally]:
    """Read the whole file, and note in `scratch` what of it is not to be written.

    For `Database.read`.  `progress` is told how many bytes were read.  Raises Invalid for a file
    that cannot be used at all.
    """
    checking = _Checking(connection, scratch)
    for kind, entries in export_files.batches(file, checking=True):
        if kind == "event":
            checking.events(entries)
        else:
            checking.things(kind, entries)
        if progress is not None:
            progress(file.tell())
    checking.finish()
    return checking.tallies


class _Checking:
    """One run of `check`."""

    def __init__(self, connection: Connection, scratch: Scratch) -> None:
        self.connection = connection
        self.scratch = scratch
        self.tallies = {record: Tally() for record in format.RECORDS}
        self.spread = False

    # Things.

    def things(self, record: str, entries: Sequence[Entry]) -> None:
        if record == "note":
            self.finish()
        kind = THINGS[record]
        rows: dict[int, dict[str, Any]] = {}
        for entry in entries:
            try:
                rows[entry.line] = export_lines.read(record, entry.values)
            except ValueError as error:
                self._refuse(record, entry, str(error))
        wanted = {one for row in rows.values() for one in export_lines.references(record, row)}
        standing = self._standing(wanted)
        here = self._here(kind, [row[kind.key.name] for row in rows.values()])
        taken = self._taken(record, list(rows.values()))
        for entry in entries:
            row = rows.get(entry.line)
            if row is None:
                continue
            key = row[kind.key.name]
            why = self._known_before(record, key, entry.line)
            if why is None and key in here:
                why = export_lines.differing(kind, entry.values, here[key])
                if why is None:
                    self.tallies[record].known += 1
                    self.scratch.thing(record, key, entry.line, refused=False)
                    self.scratch.settle(entry.line)
                    standing[record, key] = None
                    continue
            why = why or next(
                (standing[one] for one in export_lines.references(record, row) if standing[one]),
                None,
            )
            why = why or self._name(record, row, entry.line, taken)
            if why is not None:
                self._refuse(record, entry, why, key)
                standing[record, key] = _refused((record, key), entry.line)
                continue
            self.tallies[record].new += 1
            self.scratch.thing(record, key, entry.line, refused=False)
            standing[record, key] = None

    def _known_before(self, record: str, key: str, line: int) -> str | None:
        found = self.scratch.things([(record, key)]).get((record, key))
        return None if found is None else f"the file has this {record} twice (line {found[0]})"

    def _here(self, kind: Exchanged, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """What the desk has under these keys, as lines would say it."""
        found = self.connection.execute(select(*kind.selected).where(kind.key.in_(keys)))
        rows = {row[0]: row_data.plain(kind, row._mapping) for row in found}
        if kind is row_data.STATEMENT and rows:
            quotes = tables.quotes
            said: dict[str, list[dict[str, Any]]] = {key: [] for key in rows}
            for quote in self.connection.execute(
                select(*QUOTE.selected, quotes.c.statement)
                .where(quotes.c.statement.in_(list(rows)))
                .order_by(quotes.c.position)
            ):
                said[quote.statement].append(row_data.plain(QUOTE, quote._mapping))
            rows = {key: row | {"quotes": said[key]} for key, row in rows.items()}
        return rows

    def _name(
        self, record: str, row: Mapping[str, Any], line: int, taken: Mapping[str, str]
    ) -> str | None:
        """Why a thing may not have the name that only one may have."""
        name = unique_name(record, row)
        if name is None:
            return None
        if name in taken:
            return f"the desk has {UNIQUE[record]} as {record} {taken[name]}"
        other = self.scratch.name(name, line)
        return None if other is None else f"the file has {UNIQUE[record]} twice (line {other})"

    def _taken(self, record: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The names among those of `rows` that things of the desk have, with their keys."""
        if record not in UNIQUE or not rows:
            return {}
        t = THINGS[record].table
        if record == "user":
            where = t.c.email.in_([row["email"] for row in rows])
        elif record == "source":
            where = t.c.address_digest.in_([addresses.digest(row["url"]) for row in rows])
        else:
            named = [(row["party"], fold_spelling(row["name"])) for row in rows]
            where = tuple_(t.c.party, t.c.folded_name).in_(named)
        found = self.connection.execute(select(*THINGS[record].selected).where(where))
        return {str(unique_name(record, row._mapping)): row.id for row in found}

    def _standing(self, wanted: Collection[Reference]) -> dict[Reference, str | None]:
        """For everything that lines refer to, why they may not; None where they may."""
        in_file = self.scratch.things(wanted)
        chains = self.scratch.chains(key for record, key in wanted if record == "claim")
        standing: dict[Reference, str | None] = {}
        absent: dict[str, list[str]] = {}
        for one in wanted:
            record, key = one
            if one in in_file:
                line, refused = in_file[one]
                standing[one] = _refused(one, line) if refused else None
            elif record == "claim" and key in chains:
                at = chains[key].refused
                standing[one] = None if at is None else _refused(one, at)
            elif record in BY_ID and ids.parse(key) != key:
                standing[one] = f"refers to {record} {key!r}, which is no id"
            else:
                absent.setdefault(record, []).append(key)
        for record, keys in absent.items():
            column = tables.claims.c.id if record == "claim" else THINGS[record].key
            here = set(self.connection.scalars(select(column).where(column.in_(keys))))
            for key in keys:
                nowhere = f"refers to {record} {key}, which is neither above it nor on this desk"
                standing[record, key] = None if key in here else nowhere
        return standing

    def _refuse(self, record: str, entry: Entry, why: str, key: str | None = None) -> None:
        self.tallies[record].refused += 1
        self.scratch.settle(entry.line)
        given = entry.values.get("id", entry.values.get("slug"))
        known = key or (given if isinstance(given, str) else None)
        if known is not None:
            self.scratch.thing(record, known, entry.line, refused=True)
        self.scratch.refuse(Refusal(entry.line, record, known, None, None, why))

    # The record.

    def events(self, entries: Sequence[Entry]) -> None:
        read: list[tuple[Entry, Line | str]] = []
        for entry in entries:
            try:
                read.append((entry, export_lines.event_line(entry.values)))
            except ValueError as error:
                read.append((entry, str(error)))
        lines = [line for _, line in read if isinstance(line, Line)]
        named = {line.claim for line in lines} | {
            claim for entry, line in read if isinstance(line, str) and (claim := _claim(entry))
        }
        chains = self.scratch.chains(named)
        claims = tables.claims
        here = {
            row.id: row.version
            for row in self.connection.execute(
                select(claims.c.id, claims.c.version).where(claims.c.id.in_(named - chains.keys()))
            )
        }
        t = tables.events
        recorded = {
            row.id: (row.claim, row.number, row.hash)
            for row in self.connection.execute(
                select(t.c.id, t.c.claim, t.c.number, t.c.hash).where(
                    t.c.id.in_([line.id for line in lines])
                )
            )
        }
        # Claims that begin in this very batch are not in `chains` yet when they are referred to.
        begun = {line.claim for line in lines if line.event.number == 1}
        wanted = {one for line in lines for one in export_lines.event_references(line)}
        standing = self._standing(
            {one for one in wanted if one[0] != "claim" or one[1] not in begun}
        )
        for entry, line in read:
            claim = line.claim if isinstance(line, Line) else _claim(entry)
            if claim is None:
                self._refuse("event", entry, str(line))
                continue
            chain = chains.get(claim)
            if chain is None:
                version = here.get(claim, 0)
                chain = chains[claim] = Chain(claim, 0, GENESIS, "", entry.line, version)
            if chain.refused is None:
                why = (
                    line if isinstance(line, str) else self._weigh(chain, line, recorded, standing)
                )
                if why is not None:
                    chain.refused = entry.line
                    self.scratch.refuse(
                        Refusal(entry.line, "claim", claim, None, None, f"its event {why}")
                    )
            chain.number += 1
            if isinstance(line, Line) and chain.refused is None:
                chain.hash, chain.at = line.hash, rfc3339(line.event.recorded_at)
                if line.event.number <= chain.here:
                    chain.known += 1
                else:
                    chain.fresh += 1
                    others = {
                        key
                        for record, key in export_lines.event_references(line)
                        if record == "claim"
                    }
                    self.scratch.refers(
                        (claim, other, entry.line) for other in others if other != claim
                    )
        self.scratch.keep(chains.values())

    def _weigh(
        self,
        chain: Chain,
        line: Line,
        recorded: Mapping[str, tuple[str, int, str]],
        standing: Mapping[Reference, str | None],
    ) -> str | None:
        """Why this line may not follow the claim's lines before it, if it may not."""
        event = line.event
        if event.number != chain.number + 1:
            return f"{event.number} follows event {chain.number}"
        if line.previous_hash != chain.hash:
            return f"{event.number} does not continue the record: previous_hash is another's"
        if chain.at and event.recorded_at < instant(chain.at):
            return f"{event.number} was recorded before the one it follows"
        known = recorded.get(line.id)
        if event.number <= chain.here:
            if known == (line.claim, event.number, line.hash):
                return None
            return f"{event.number} is another on this desk: the two records have parted"
        if known is not None:
            return f"{event.number} has the id of another event on this desk"
        return next(
            (
                f"{event.number} {why}"
                for one in export_lines.event_references(line)
                if (why := standing.get(one))
            ),
            None,
        )

    def finish(self) -> None:
        """Refuse what rests on refused claims, and count."""
        if self.spread:
            return
        self.spread = True
        self.scratch.spread()
        new, known, refused = self.scratch.events()
        tally = self.tallies["event"]
        tally.new, tally.known, tally.refused = new, known, tally.refused + refused


def _refused(one: Reference, line: int) -> str:
    return f"refers to {one[0]} {one[1]}, which was refused (line {line})"


def _claim(entry: Entry) -> str | None:
    claim = entry.values.get("claim")
    return ids.parse(claim) if isinstance(claim, str) else None
